"""What a model (M1) predicts for the bytes of a text, as probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eqinfo import frequency
from eqinfo.models.lanes import Lanes, ModelLanes
from eqinfo.models.protocol import Model

_PRECISION = frequency.MAX_PRECISION


class BytePredictor:
    """A model with one context of bytes per lane; all contexts are empty at first."""

    def __init__(self, model: Model, lanes: int = 1) -> None:
        self._contexts = ModelLanes(model, lanes, _PRECISION)

    def predict(self, lanes: Lanes) -> NDArray[np.float32]:
        """Return the probabilities of the next byte, shape (n, 256), multiples of 2^-24."""
        rows = self._contexts.predict(lanes)
        if rows.dtype == np.float32:
            rows = frequency.frequencies(rows, _PRECISION)
        return (rows / (1 << _PRECISION)).astype(np.float32)

    def append(self, symbols: NDArray[np.int32], lanes: Lanes) -> None:
        """Append to each lane the byte that `predict` was last asked about."""
        self._contexts.previous[lanes] = symbols


def predictions(model: Model, data: bytes) -> NDArray[np.float32]:
    """Return the probabilities at every byte, given the bytes before it, shape (n, 256)."""
    predictor, lane = BytePredictor(model), np.zeros(1, np.int64)
    rows = np.empty((len(data), 256), np.float32)
    for row, byte in zip(rows, data, strict=True):
        row[:] = predictor.predict(lane)[0]
        predictor.append(np.array([byte], np.int32), lane)
    return rows
