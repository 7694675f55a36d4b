"""Frequency stage: float32 logits to integer frequencies, by frequency rule 1.

``csrc/frequency.h`` defines the rule, ``reference.frequencies`` states it in plain Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.errors import ModelError

FREQUENCY_RULE = 1
MAX_PRECISION = 24
INSTRUCTION_SETS = ("scalar", "avx2", "avx512")

_DLPACK_CPU = 1


def frequencies(logits: Any, precision: int) -> NDArray[np.uint32]:
    """Turn logits into integer frequencies.

    Args:
        logits: float32, shape (n, V), 2 <= V <= 2^18; NumPy or any DLPack array on the CPU.
            -infinity means the least probable.
        precision: the frequencies of a row sum to 2^precision; ceil(log2 V) + 4 to 24, at least 8.

    Returns:
        uint32, shape (n, V), every value at least 1.

    Raises:
        ModelError: NaN, +infinity, or only -infinity in a row (which is named); a wrong shape,
            dtype or device.
        ValueError: a precision out of range.
    """
    array = as_array(logits)
    if array.ndim != 2:
        raise ModelError(f"expected logits of shape (n, V), found shape {array.shape}")
    if array.dtype != np.float32:
        raise ModelError(f"expected float32 logits, found {array.dtype}")
    return _core.frequencies(np.ascontiguousarray(array), precision)


def min_precision(vocab_size: int) -> int:
    """Return the least precision for an alphabet: ceil(log2 V) + 4, at least 8 (12 for bytes)."""
    return _core.min_precision(vocab_size)


def prediction_rows(predictions: Any, count: int, vocab_size: int) -> NDArray[Any]:
    """Check what a model answered and return it as a C-contiguous NumPy array.

    Args:
        predictions: float32 logits or uint32 frequencies of shape (count, vocab_size).
        count: rows that were asked for.
        vocab_size: symbols of the alphabet.

    Raises:
        ModelError: another shape, dtype or device than that.
    """
    array = as_array(predictions)
    if array.shape != (count, vocab_size):
        raise ModelError(
            f"the model answered with shape {array.shape}, expected {(count, vocab_size)}"
        )
    if array.dtype not in (np.float32, np.uint32):
        raise ModelError(
            f"the model answered with {array.dtype}, expected float32 logits or uint32 frequencies"
        )
    return np.ascontiguousarray(array)


def as_array(value: Any) -> NDArray[Any]:
    """Return a NumPy array or DLPack array on the CPU as NumPy, without a copy.

    Raises:
        ModelError: not such an array, or not on the CPU.
    """
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "__dlpack__") or not hasattr(value, "__dlpack_device__"):
        raise ModelError(f"expected a NumPy or DLPack array, found {type(value).__name__}")
    try:
        device = value.__dlpack_device__()
        if device[0] == _DLPACK_CPU:
            return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"expected an array that DLPack can hand over: {error}") from None
    raise ModelError(f"expected an array on the CPU, found DLPack device {tuple(device)}")


def instruction_set() -> str:
    """Return the instruction set in use: "scalar", "avx2" or "avx512"."""
    return INSTRUCTION_SETS[_core.instruction_set()]


def set_instruction_set(name: str) -> None:
    """Choose the instruction set of the native stages; all give the same integers.

    Raises:
        ValueError: no such name.
        UnsupportedError: this processor lacks it.
    """
    if name not in INSTRUCTION_SETS:
        raise ValueError(f"expected one of {INSTRUCTION_SETS}, found {name!r}")
    _core.set_instruction_set(INSTRUCTION_SETS.index(name))
