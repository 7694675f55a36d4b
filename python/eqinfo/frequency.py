"""Frequency stage: float32 logits to integer frequencies, by frequency rule 1.

docs/pipeline.md ("Frequency") states the rule and proves its properties, ``csrc/frequency.h``
implements it, and `eqinfo.reference.frequencies` is the same in plain Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.integers import check_bits
from eqinfo.errors import ModelError

__all__ = [
    "FREQUENCY_RULE",
    "INSTRUCTION_SETS",
    "MAX_PRECISION",
    "as_array",
    "frequencies",
    "instruction_set",
    "min_precision",
    "prediction_rows",
    "set_instruction_set",
]

FREQUENCY_RULE = 1
MAX_PRECISION = 24
INSTRUCTION_SETS = ("scalar", "avx2", "avx512")

_DLPACK_CPU = 1
_CONVERSION = "give np.asarray(logits, np.float32)"


def frequencies(logits: Any, precision: int) -> NDArray[np.uint32]:
    """Turn logits into integer frequencies.

    Args:
        logits: float32, shape (n, V) with V of 2 to 2^18; a NumPy array, or any array on the CPU
            that supports DLPack. -infinity makes a symbol as improbable as possible.
        precision: the frequencies of a row sum to 2^precision; from `min_precision` (V) to 24.

    Returns:
        uint32, shape (n, V); every frequency is at least 1.

    Raises:
        ModelError: a row contains NaN or +infinity, or nothing but -infinity (the message names the
            row); or the shape, dtype or device is wrong.
        ValueError: V or the precision is out of range.
    """
    check_bits(32, precision=precision)
    array = as_array(logits)
    if array.ndim != 2:
        raise ModelError(f"expected logits of shape (n, V), found shape {array.shape}")
    if array.dtype != np.float32:
        raise ModelError(f"expected float32 logits, found {array.dtype}; {_CONVERSION}")
    return _core.frequencies(np.ascontiguousarray(array), precision)


def min_precision(vocab_size: int) -> int:
    """Return the least precision for V symbols: ceil(log2 V) + 4, but at least 8; 12 for bytes."""
    check_bits(32, vocab_size=vocab_size)
    return _core.min_precision(vocab_size)


def prediction_rows(predictions: Any, count: int, vocab_size: int) -> NDArray[Any]:
    """Check a model's answer and return it as a C-contiguous, aligned NumPy array.

    Args:
        predictions: should be float32 logits or uint32 frequencies, shape (count, vocab_size).
        count: number of contexts that the model was asked about.
        vocab_size: number of symbols in the alphabet.

    Raises:
        ModelError: the shape, dtype or device is another.
    """
    array = as_array(predictions)
    if array.shape != (count, vocab_size):
        advice = ""
        if array.ndim == 2 and len(array) == count:
            advice = f"; give the model's number of symbols, here vocab_size={array.shape[1]}"
        raise ModelError(
            f"expected predictions of shape {(count, vocab_size)}, "
            f"the model answered with shape {array.shape}{advice}"
        )
    if array.dtype not in (np.float32, np.uint32):
        raise ModelError(
            f"expected float32 logits or uint32 frequencies, the model answered with {array.dtype};"
            f" {_CONVERSION}"
        )
    return np.require(array, requirements=["C", "A"])


def as_array(value: Any) -> NDArray[Any]:
    """Return an array as a NumPy array, without a copy.

    Args:
        value: a NumPy array, or any array on the CPU that supports DLPack.

    Raises:
        ModelError: it is not such an array, or is not on the CPU.
    """
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "__dlpack__") or not hasattr(value, "__dlpack_device__"):
        raise ModelError(
            f"expected a NumPy or DLPack array, found {type(value).__name__}; {_CONVERSION}"
        )
    try:
        device = value.__dlpack_device__()
        if device[0] == _DLPACK_CPU:
            return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"expected an array on the CPU that DLPack can export, found one that fails: {error}; "
            "give float32 logits without gradients"
        ) from None
    raise ModelError(f"expected an array on the CPU, found DLPack device {tuple(device)}")


def instruction_set() -> str:
    """Return the instruction set in use: "scalar", "avx2" or "avx512"."""
    return INSTRUCTION_SETS[_core.instruction_set()]


def set_instruction_set(name: str) -> None:
    """Choose the instruction set of the native code. All give the same results.

    Args:
        name: one of `INSTRUCTION_SETS`.

    Raises:
        ValueError: there is no such instruction set.
        UnsupportedError: this processor does not have it.
    """
    if name not in INSTRUCTION_SETS:
        raise ValueError(
            f"expected an instruction set ({', '.join(INSTRUCTION_SETS)}), found {name!r}"
        )
    _core.set_instruction_set(INSTRUCTION_SETS.index(name))
