"""A model at work: contexts on lanes, each a symbol behind its coder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.models.calls import calling_model, predict
from eqinfo.models.protocol import FRESH, Model

Lanes = NDArray[np.int64]


class ModelLanes:
    """A model's contexts, one a lane, and the symbol that each has still to take in."""

    def __init__(self, model: Model, lanes: int) -> None:
        self.model = model
        with calling_model():
            self.state = model.start(lanes)
        self.previous = np.full(lanes, FRESH, np.int32)

    def predict(self, lanes: Lanes) -> NDArray[Any]:
        """Take in the pending symbols and return the next predictions."""
        return predict(self.model, self.state, self.previous[lanes], lanes)

    def reset(self, lanes: Lanes) -> None:
        """Empty the contexts."""
        if len(lanes):
            with calling_model():
                self.model.reset(self.state, lanes)
            self.previous[lanes] = FRESH

    def restart(self, active: Lanes, started: list[int]) -> Lanes:
        """Empty the contexts of ``started`` and return them together with ``active``, in order."""
        if not started:
            return active
        fresh = np.array(started, np.int64)
        self.reset(fresh)
        return np.sort(np.concatenate([active, fresh]))
