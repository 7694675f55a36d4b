"""A model at work: contexts on lanes, each a symbol behind its coder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.models.calls import calling_model, predict
from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import FRESH, Model
from eqinfo.range_coder import RangeDecoder, RangeEncoder

Lanes = NDArray[np.int64]


class ModelLanes:
    """A model's contexts, one a lane, and the symbol that each has still to take in."""

    def __init__(self, model: Model, lanes: int, precision: int) -> None:
        self.model = model
        self.precision = precision
        with calling_model():
            self.state = model.start(lanes)
        self.previous = np.full(lanes, FRESH, np.int32)

    def predict(self, lanes: Lanes) -> NDArray[Any]:
        """Take in the pending symbols and return the next predictions."""
        if isinstance(self.model, NativeModel):
            return self.model.frequencies(self.state, self.previous[lanes], lanes, self.precision)
        return predict(self.model, self.state, self.previous[lanes], lanes)

    def reset(self, lanes: Lanes) -> None:
        """Empty the contexts."""
        if len(lanes):
            with calling_model():
                self.model.reset(self.state, lanes)
            self.previous[lanes] = FRESH

    def encode(self, coder: RangeEncoder, symbols: NDArray[np.int32], lanes: Lanes) -> None:
        """Encode symbols of shape (rounds, n): row after row, symbols[i, k] on lanes[k]."""
        for row in symbols:
            coder.step(self.predict(lanes), row, lanes)
            self.previous[lanes] = row

    def decode(self, coder: RangeDecoder, rounds: int, lanes: Lanes) -> NDArray[np.int32]:
        """Decode what `encode` encoded; shape (rounds, n)."""
        symbols = np.empty((rounds, len(lanes)), np.int32)
        for row in symbols:
            row[:] = coder.step(self.predict(lanes), lanes)
            self.previous[lanes] = row
        return symbols


class NativeLanes:
    """`ModelLanes` of a native model, without Python between the symbols."""

    def __init__(self, predictor: _core.Model, lanes: int) -> None:
        self._core = _core.ModelLanes(predictor, lanes)

    def reset(self, lanes: Lanes) -> None:
        """Empty the contexts."""
        self._core.reset(lanes)

    def encode(self, coder: RangeEncoder, symbols: NDArray[np.int32], lanes: Lanes) -> None:
        """See `ModelLanes.encode`."""
        coder.extend_lanes(self._core, symbols, lanes)

    def decode(self, coder: RangeDecoder, rounds: int, lanes: Lanes) -> NDArray[np.int32]:
        """See `ModelLanes.decode`."""
        return coder.extend_lanes(self._core, rounds, lanes)


def native_predictor(model: Model) -> _core.Model | None:
    """Return what native code runs of a model, if it can."""
    predictor = getattr(model, "predictor", None)
    return predictor if isinstance(predictor, _core.Model) else None


def coding_lanes(model: Model, lanes: int, precision: int) -> ModelLanes | NativeLanes:
    """Return empty contexts of a model for coding whole documents."""
    predictor = native_predictor(model)
    if predictor is None:
        return ModelLanes(model, lanes, precision)
    return NativeLanes(predictor, lanes)
