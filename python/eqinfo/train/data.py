"""What a step reads: streams that go on where they were, and lanes that begin without context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import eqinfo._core as _core
from eqinfo.train.parameters import Parameters

Bytes = NDArray[np.uint8]
# Chance that a stream begins anew elsewhere before a step, so that no place is always late in one.
_RESTART = 0.005


@dataclass(frozen=True)
class Batch:
    """Bytes and what precedes them.

    Attributes:
        rows: int64 (time, lanes, features), of every byte's context, counted by table.
        texts: int64 (time, lanes), the bytes.
        begun: lanes, of the first ones, whose context is empty.
    """

    rows: Tensor
    texts: Tensor
    begun: list[int]


def batch_of(contexts: _core.TextContexts, texts: Bytes, begun: list[int]) -> Batch:
    """Read ``texts``, uint8 (lanes, time), into the contexts."""
    return Batch(
        torch.from_numpy(contexts.rows(np.ascontiguousarray(texts)).astype(np.int64)),
        torch.from_numpy(texts.T.astype(np.int64, order="C")),
        begun,
    )


class Reader:
    """Batches of a text; the lanes of streams come first, those without context behind them.

    Args:
        text: uint8 (n,).
        parameters: of the run.
        process: number of the process that reads; others read elsewhere.
        processes: how many there are.
    """

    def __init__(
        self, text: Bytes, parameters: Parameters, process: int = 0, processes: int = 1
    ) -> None:
        self._text = text
        self._streams = parameters.streams
        self._fresh = parameters.fresh
        self._length = parameters.length
        self._random = np.random.default_rng([parameters.seed, process])
        self._contexts = _core.TextContexts(self.lanes, True)
        # Streams begin spread over the text. Ages are in steps.
        streams = process * self._streams + np.arange(self._streams)
        places = (streams + self._random.random(self._streams)) / (processes * self._streams)
        self._positions = (places * self._last_place).astype(np.int64)
        self._ages = np.zeros(self._streams, np.int64)

    @property
    def lanes(self) -> int:
        """Of a batch."""
        return self._streams + self._fresh

    @property
    def _last_place(self) -> int:
        return len(self._text) - self._length

    def next(self) -> Batch:
        """Return the next bytes of every stream, and of other places."""
        restart = self._random.random(self._streams) < _RESTART
        restart |= self._positions > self._last_place
        self._positions[restart] = self._places(int(restart.sum()))
        self._ages[restart] = 0
        begun = [*np.flatnonzero(self._ages == 0).tolist(), *range(self._streams, self.lanes)]
        for lane in begun:
            self._contexts.reset(lane)
        positions = np.concatenate([self._positions, self._places(self._fresh)])
        batch = batch_of(self._contexts, self._pieces(positions), begun)
        self._positions += self._length
        self._ages += 1
        return batch

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "random": self._random.bit_generator.state,
            "positions": self._positions.tolist(),
            "ages": self._ages.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another reader of the same text and parameters was."""
        self._random.bit_generator.state = state["random"]
        self._positions = np.array(state["positions"], np.int64)
        self._ages = np.array(state["ages"], np.int64)
        # Streams that are younger than others read along, and are emptied where they begin.
        unused = np.zeros(self._fresh, np.int64)
        for age in range(int(self._ages.max()), -1, -1):
            for lane in np.flatnonzero(self._ages == age).tolist():
                self._contexts.reset(lane)
            if age:
                places = np.maximum(self._positions - age * self._length, 0)
                self._contexts.rows(self._pieces(np.concatenate([places, unused])))

    def _places(self, count: int) -> NDArray[np.int64]:
        return self._random.integers(0, self._last_place + 1, count)

    def _pieces(self, positions: NDArray[np.int64]) -> Bytes:
        return np.stack([self._text[place : place + self._length] for place in positions])
