"""What the codewords of windows depend on, besides the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.window.steps import Variant

Codewords: TypeAlias = NDArray[np.uint64]
"""Shape (n, 2), the most significant word first."""


@dataclass(frozen=True)
class WindowParameters:
    """See `WindowCodec`."""

    window_bits: int
    precision: int
    variant: Variant
    reset_every: int

    def reset_due(self, windows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return where the model is to be reset after so many windows without one."""
        if self.reset_every == 0:
            return np.zeros(windows.shape, np.bool_)
        return windows >= self.reset_every
