"""Everything besides the model that the codewords of windows depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.window.steps import Variant, check_variant

Codewords: TypeAlias = NDArray[np.uint64]
"""uint64, shape (n, 2): codewords of up to 128 bits, the more significant word first."""


@dataclass(frozen=True)
class WindowParameters:
    """Parameters of a window code; see `WindowCodec`.

    Raises:
        ValueError: no such variant.
    """

    window_bits: int
    precision: int
    variant: Variant
    reset_every: int

    def __post_init__(self) -> None:
        """Check the variant."""
        check_variant(self.variant)

    def reset_due(self, windows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the model is to be reset, given the windows coded since the last reset."""
        if self.reset_every == 0:
            return np.zeros(windows.shape, np.bool_)
        return windows >= self.reset_every
