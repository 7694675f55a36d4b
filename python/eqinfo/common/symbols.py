"""Symbols: documents as indices in a model's alphabet."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Symbols: TypeAlias = NDArray[np.int32]


def concatenate_by(
    keys: list[NDArray[np.int64]], values: list[Symbols], count: int
) -> list[Symbols]:
    """Return the concatenated ``values`` of each key, 0 to ``count`` - 1, in their order.

    Args:
        keys: arrays of the same lengths as those in ``values``.
        values: int32 symbols.
        count: number of keys.

    Returns:
        ``count`` arrays.
    """
    if not keys:
        return [np.empty(0, np.int32) for _ in range(count)]
    all_keys = np.concatenate(keys)
    all_values = np.concatenate(values)
    order = np.argsort(all_keys, kind="stable")
    ends = np.cumsum(np.bincount(all_keys, minlength=count))
    return np.split(all_values[order], ends[:-1])
