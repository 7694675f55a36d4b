"""What the files of language models say about a transformer besides its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFAULT_POSITIONS = 8192
"""The most positions that an imported model has, so that its file stays small."""


@dataclass(frozen=True)
class Architecture:
    """The sizes and numbers of a transformer.

    Attributes:
        layers: number of layers.
        heads: number of queries.
        key_heads: number of keys and values.
        head_width: values of a head.
        positions: the longest context that the model was made for.
        base: of the rotation's angles.
        factors: the rotation's frequencies are divided by them, shape (head_width / 2,).
        epsilon: what norms add to the mean square.
        begin: the symbol before the first.
    """

    layers: int
    heads: int
    key_heads: int
    head_width: int
    positions: int
    base: float
    factors: NDArray[Any]
    epsilon: float
    begin: int

    def angles(self, most: int = DEFAULT_POSITIONS) -> NDArray[np.float64]:
        """Return the rotation's angles, in radians, for at most ``most`` positions."""
        half = self.head_width // 2
        frequencies = self.base ** (-np.arange(half) / half) / self.factors
        return np.asarray(np.arange(min(self.positions, most))[:, None] * frequencies, np.float64)


def halves_of_pairs(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """Return the rows of queries or keys in the order (first halves, second halves) of each head.

    In files of llama.cpp, rows that are rotated together follow one another.
    """
    rest = weight.shape[1:]
    pairs = weight.reshape(heads, -1, 2, *rest)
    return np.asarray(pairs.swapaxes(1, 2).reshape(weight.shape))
