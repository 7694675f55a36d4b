"""Tokens: unsigned integers of 1 to 16 bits that bits are cut into, most significant bit first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Tokens: TypeAlias = NDArray[np.uint16]
MAX_TOKEN_BITS = 16


def as_tokens(tokens: Tokens | Sequence[int]) -> Tokens:
    """Return tokens as a uint16 array.

    Args:
        tokens: a uint16 array of shape (n,), or a sequence of Python integers.

    Raises:
        TypeError: an array of another dtype (it is refused, not cast), or not integers.
        ValueError: not one-dimensional, or a value outside 0 to 65535.
    """
    if isinstance(tokens, np.ndarray):
        if tokens.dtype != np.uint16:
            raise TypeError(f"expected uint16 tokens, found {tokens.dtype}")
        array = tokens
    else:
        values = np.asarray(tokens)
        if values.size and values.dtype.kind not in "iu":
            raise TypeError(f"expected integer tokens, found {values.dtype}")
        if values.size and (values.min() < 0 or values.max() > np.iinfo(np.uint16).max):
            bad = int(np.flatnonzero((values < 0) | (values > np.iinfo(np.uint16).max))[0])
            raise ValueError(f"token {bad}: expected 0 to 65535, found {values[bad]}")
        array = values.astype(np.uint16)
    if array.ndim != 1:
        raise ValueError(f"expected tokens of shape (n,), found shape {array.shape}")
    return np.ascontiguousarray(array)


def check_token_bits(token_bits: int) -> int:
    """Return ``token_bits``, or raise ValueError where it is not 1 to 16."""
    if not 1 <= token_bits <= MAX_TOKEN_BITS:
        raise ValueError(f"expected token_bits of 1 to {MAX_TOKEN_BITS}, found {token_bits}")
    return token_bits
