"""Training batches: streams that read on from step to step, and lanes without context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import eqinfo._core as _core
from eqinfo.train.parameters import TrainParameters

Bytes = NDArray[np.uint8]
# The chance that a stream jumps to another place before a step. Without jumps, some places in the
# text would only ever be read late in a stream.
_RESTART = 0.005


@dataclass(frozen=True)
class Batch:
    """Bytes to predict, and the contexts to predict them from.

    Attributes:
        ids: int64 (time, lanes, features), the embeddings of each byte's context, as places in the
            features' tables.
        texts: int64 (time, lanes), the bytes.
        begun: the lanes whose context is empty before the first byte.
    """

    ids: Tensor
    texts: Tensor
    begun: list[int]


def batch_of(contexts: _core.TextContexts, texts: Bytes, begun: list[int]) -> Batch:
    """Append ``texts``, uint8 (lanes, time), to the contexts and return them as a batch."""
    return Batch(
        torch.from_numpy(contexts.rows(np.ascontiguousarray(texts)).astype(np.int64)),
        torch.from_numpy(texts.T.astype(np.int64, order="C")),
        begun,
    )


class Reader:
    """Cuts a text into batches; streams are the first lanes, lanes without context the last.

    Args:
        text: uint8 (n,).
        parameters: the settings of the run.
        process: number of the process that reads; each reads other places.
        processes: number of processes.
    """

    def __init__(
        self, text: Bytes, parameters: TrainParameters, process: int = 0, processes: int = 1
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
        """Number of lanes in a batch."""
        return self._streams + self._fresh

    @property
    def _last_place(self) -> int:
        return len(self._text) - self._length

    def next(self) -> Batch:
        """Return the next bytes of every stream, and bytes from random places for other lanes."""
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
        """Continue where another reader of the same text and parameters was."""
        self._random.bit_generator.state = state["random"]
        self._positions = np.array(state["positions"], np.int64)
        self._ages = np.array(state["ages"], np.int64)
        # Contexts are rebuilt by reading again, from the start of the oldest stream. A younger
        # stream reads whatever comes before its start and is reset there.
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
