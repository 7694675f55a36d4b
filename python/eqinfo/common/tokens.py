"""Tokens: unsigned integers of 1 to 16 bits, cut from a stream of bits, the highest bit first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tokens: TypeAlias = NDArray[np.uint16]
AnyTokens: TypeAlias = NDArray[np.integer[Any]] | Sequence[int]
"""What is taken for tokens or ids: their own arrays, those of signed integers, and lists."""
MAX_TOKEN_BITS = 16


def as_tokens(tokens: AnyTokens) -> Tokens:
    """Return tokens as a uint16 array, shape (n,); raises as `as_unsigned`."""
    return as_unsigned(tokens, np.dtype(np.uint16), 1 << MAX_TOKEN_BITS, "token")


def as_unsigned(values: AnyTokens, dtype: np.dtype[Any], count: int, noun: str) -> NDArray[Any]:
    """Return values as a contiguous array of one dtype and shape (n,).

    Signed arrays are what training computes with, so they are taken like lists. Unsigned ones of
    another width are most likely the tokens of another codec.

    Args:
        values: an array of ``dtype``, or of signed integers, and shape (n,); or a sequence of
            Python integers, which may be in memory of any width but bytes.
        dtype: the dtype of the result.
        count: the values must be below it. Those of an array of ``dtype`` are not checked.
        noun: what a value is called, for messages.

    Raises:
        TypeError: an array of another unsigned dtype, or of bytes, or values that are not integers.
        ValueError: another shape, or a value out of range; names the first.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind != "i":
        if values.dtype != dtype:
            raise TypeError(wrong_dtype(values.dtype, dtype, noun))
        array = values
    else:
        try:
            integers = np.asarray(values)
        except ValueError:  # sequences of different lengths
            raise TypeError(
                f"expected {noun}s of one document, found nested sequences; use decode_batch for "
                "several documents"
            ) from None
        if integers.size and integers.dtype.kind not in "iu":
            text = isinstance(values, str | bytes)
            found = type(values).__name__ if text else integers.dtype
            raise TypeError(f"expected integer {noun}s, found {found}")
        if integers.size and integers.dtype.itemsize == 1:  # memory: bytes of wider integers?
            raise TypeError(wrong_dtype(integers.dtype, dtype, noun))
        bad = np.flatnonzero((integers < 0) | (integers >= count))
        if len(bad):
            found = integers.flat[bad[0]]
            advice = ""
            if found > 0:
                advice = f"; decode {noun}s with what encoded them, such as a larger codebook"
            raise ValueError(f"{noun} {bad[0]}: expected 0 to {count - 1}, found {found}{advice}")
        array = integers.astype(dtype)
    if array.ndim != 1:
        raise ValueError(f"expected {noun}s of shape (n,), found shape {array.shape}")
    return np.ascontiguousarray(array)


_SIZES = {
    "uint16": f"what gives {{noun}}s of up to {MAX_TOKEN_BITS} bits (the codebooks en, world)",
    "uint32": f"a codebook of more than {MAX_TOKEN_BITS} bits (world-18)",
}


def wrong_dtype(found: np.dtype[Any], expected: np.dtype[Any], noun: str) -> str:
    """Return a message about an array of another dtype; it says what gives such arrays."""
    message = f"expected {expected} {noun}s, found {found}"
    if found.name not in _SIZES:
        return message
    source = _SIZES[found.name].format(noun=noun)
    return f"{message}; decode {noun}s with what encoded them, here {source}"


def check_token_bits(token_bits: int, window_bits: int = 0) -> int:
    """Return ``token_bits``, or raise ValueError.

    They are 1 to 16, or the ``window_bits`` of a larger codebook, whose ids are then the tokens.
    """
    of_ids = token_bits == window_bits > MAX_TOKEN_BITS
    if not (1 <= token_bits <= MAX_TOKEN_BITS or of_ids):
        more = f" or {window_bits}" if window_bits > MAX_TOKEN_BITS else ""
        raise ValueError(f"expected token_bits of 1 to {MAX_TOKEN_BITS}{more}, found {token_bits}")
    return token_bits
