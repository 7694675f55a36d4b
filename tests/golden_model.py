"""The model of the golden files: float32 logits from integers alone, the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eqinfo.models import FunctionModel

VOCAB_SIZE = 256


def golden_rows(previous: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return logits after each symbol (-1 for none): multiples of 1/256, shape (n, 256)."""
    symbols = np.arange(VOCAB_SIZE, dtype=np.int64)
    mixed = (symbols * symbols * 31 + (previous[:, None] + 2) * (symbols + 7) * 97) % 4093
    letters = np.where((symbols >= 97) & (symbols < 123) | (symbols == 32), 1500, 0)
    return ((mixed - 3000 + letters) / 256).astype(np.float32)


def golden_model() -> FunctionModel:
    """Return a model that predicts from the last symbol."""

    def logits(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        last = contexts[np.arange(len(lengths)), np.maximum(lengths - 1, 0)].astype(np.int64)
        return golden_rows(np.where(lengths == 0, -1, last))

    return FunctionModel(logits, VOCAB_SIZE, context_length=4, name="golden")
