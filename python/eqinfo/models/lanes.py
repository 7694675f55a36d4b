"""The lanes of a model that codes whole documents with a range coder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.models.checked_calls import calling_model, predict
from eqinfo.models.protocol import FRESH, Model
from eqinfo.range_coder import RangeDecoder, RangeEncoder

Lanes = NDArray[np.int64]


class ModelLanes:
    """The contexts of a model, and on each lane the last symbol, which the model has not yet seen.

    The model gets a symbol together with the request for the next prediction.
    """

    def __init__(self, model: Model, lanes: int, precision: int) -> None:
        self.model = model
        self.precision = precision
        with calling_model():
            self.state = model.start(lanes)
        self.previous = np.full(lanes, FRESH, np.int32)

    def predict(self, lanes: Lanes) -> NDArray[Any]:
        """Append the last symbols to the contexts and return predictions, shape (n, V)."""
        if isinstance(self.state, _core.ModelLanes):  # which takes the precision
            return self.state.predict(lanes, self.previous[lanes], self.precision)
        return predict(self.model, self.state, self.previous[lanes], lanes)

    def reset(self, lanes: Lanes) -> None:
        """Empty the contexts of ``lanes``."""
        if len(lanes):
            with calling_model():
                self.model.reset(self.state, lanes)
            self.previous[lanes] = FRESH

    def encode(self, coder: RangeEncoder, symbols: NDArray[np.int32], lanes: Lanes) -> None:
        """Encode symbols of shape (rounds, n), round after round; symbols[i, k] on lanes[k]."""
        for each in symbols:
            coder.step(self.predict(lanes), each, lanes)
            self.previous[lanes] = each

    def decode(self, coder: RangeDecoder, rounds: int, lanes: Lanes) -> NDArray[np.int32]:
        """Decode what `encode` encoded; returns shape (rounds, n)."""
        symbols = np.empty((rounds, len(lanes)), np.int32)
        for each in symbols:
            each[:] = coder.step(self.predict(lanes), lanes)
            self.previous[lanes] = each
        return symbols


class NativeLanes:
    """`ModelLanes` for a model that native code runs: no Python between the symbols."""

    def __init__(self, native: _core.Model, lanes: int) -> None:
        self._core = _core.ModelLanes(native, lanes)

    def reset(self, lanes: Lanes) -> None:
        """Empty the contexts of ``lanes``."""
        self._core.reset(lanes)

    def encode(self, coder: RangeEncoder, symbols: NDArray[np.int32], lanes: Lanes) -> None:
        """See `ModelLanes.encode`."""
        coder.extend_lanes(self._core, symbols, lanes)

    def decode(self, coder: RangeDecoder, rounds: int, lanes: Lanes) -> NDArray[np.int32]:
        """See `ModelLanes.decode`."""
        return coder.extend_lanes(self._core, rounds, lanes)


def native_form(model: Model) -> _core.Model | None:
    """Return the native form of a model, or None if only Python can run it."""
    native = getattr(model, "native", None)
    return native if isinstance(native, _core.Model) else None


def coding_lanes(model: Model, lanes: int, precision: int) -> ModelLanes | NativeLanes:
    """Return ``lanes`` empty contexts of a model, native where the model allows it."""
    native = native_form(model)
    if native is None:
        return ModelLanes(model, lanes, precision)
    return NativeLanes(native, lanes)
