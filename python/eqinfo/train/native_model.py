"""The training run: optimisers, schedule, and the model at the end."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from eqinfo.models.native_model import NativeModel
from eqinfo.models.quantise import quantise
from eqinfo.train import processes
from eqinfo.train.curve import Point
from eqinfo.train.data import Bytes, Reader
from eqinfo.train.embeddings import EmbeddingTables
from eqinfo.train.held_out import float_bits, integer_bits, pieces
from eqinfo.train.network import Network, byte_losses
from eqinfo.train.parameters import Parameters
from eqinfo.train.run import Run, run_to_end

# Rows are rounded from the first of these parts of a run on; the scales are chosen at each.
_CALIBRATIONS = (0.5, 0.75)
_WARM_UP_STEPS = 100
_LEAST_RATE = 1e-4
_MAX_NORM = 1.0


class Trained(NamedTuple):
    """A model and its bits per byte on the held-out text."""

    model: NativeModel
    integer_bits: float
    float_bits: float


class Training(Run[Parameters]):
    """A run of the native model; see `Run`.

    Args:
        text: uint8 (n,), what is learnt.
        held_out: uint8 (m,), what bits per byte are measured on.
        parameters: of the run.

    Raises:
        ValueError: a text shorter than `Parameters.length`, or a held-out one below 8 bytes.
    """

    kind: ClassVar[str] = "eqinfo-training"

    def __init__(self, text: Bytes, held_out: Bytes, parameters: Parameters) -> None:
        super().__init__(text, parameters.length, parameters)
        self.tables = EmbeddingTables(parameters.seed)
        self.network = Network(parameters.state, parameters.units, parameters.seed)
        self._optimiser = torch.optim.Adam(
            self.network.parameters(), parameters.rate, betas=(0.9, 0.99), eps=1e-9, fused=True
        )
        self._reader = Reader(text, parameters, processes.rank(), processes.count())
        self._held_out = pieces(held_out)
        self._lanes = torch.zeros(self._reader.lanes, parameters.state)
        self._calibrated = 0
        self._losses = np.zeros(2)

    def _learn(self) -> float:
        progress = self.progress
        if self._calibrated < len(_CALIBRATIONS) and progress >= _CALIBRATIONS[self._calibrated]:
            self.tables.calibrate(self.parameters.seed)
            self._calibrated += 1
        rate = min(1.0, (self.done_steps + 1) / _WARM_UP_STEPS) * (1 - progress) + _LEAST_RATE
        batch = self._reader.next()
        self._lanes[batch.begun] = 0
        values = self.tables.look_up(batch.rows).requires_grad_()
        losses, self._lanes = byte_losses(self.network, self.tables, batch, values, self._lanes)
        self._optimiser.zero_grad()
        losses.mean().backward()
        processes.average_gradients(self.network.parameters())
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_NORM)
        for group in self._optimiser.param_groups:
            group["lr"] = self.parameters.rate * rate
        self._optimiser.step()
        assert values.grad is not None
        self.tables.step(
            processes.gather(batch.rows),
            processes.gather(values.grad / processes.count()),
            self.parameters.row_rate * rate,
        )
        bits = losses.detach().mean(0).numpy() / math.log(2)
        streams, fresh = np.split(bits.astype(np.float64), [self.parameters.streams])
        self._losses += streams.mean(), fresh.mean() if len(fresh) else math.nan
        return float(streams.mean())

    def add_point(self) -> None:
        """Measure, and add a point to the learning curve."""
        last = self.points[-1].step if self.points else 0
        streams, fresh = self._losses / (self.done_steps - last)
        self._losses[:] = 0
        lanes = self._reader.lanes * processes.count()
        read = self.done_steps * lanes * self.parameters.length
        held_out = float_bits(self.network, self.tables, self._held_out)
        self.points.append(
            Point(self.done_steps, read, self.seconds, float(streams), float(fresh), held_out)
        )

    def finish(self, metadata: Mapping[str, str]) -> Trained:
        """Return the model in integers, and what that costs."""
        if not self._calibrated:
            self.tables.calibrate(self.parameters.seed)
        model = NativeModel(quantise(self.network.floats(self.tables)), metadata)
        return Trained(
            model,
            integer_bits(model, self._held_out),
            float_bits(self.network, self.tables, self._held_out),
        )

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rows": self.tables.values,
            "squares": self.tables.squares,
            "scales": self.tables.scales,
            "lanes": processes.gather_objects((self._reader.state(), self._lanes)),
            "calibrated": self._calibrated,
            "losses": self._losses.tolist(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.tables.values = state["rows"]
        self.tables.squares = state["squares"]
        self.tables.scales = state["scales"]
        reader, self._lanes = state["lanes"][processes.rank()]
        self._reader.restore(reader)
        self._calibrated = state["calibrated"]
        self._losses = np.array(state["losses"])


def train(
    text: Bytes,
    held_out: Bytes,
    output: str | os.PathLike[str],
    parameters: Parameters,
    *,
    resume: bool = False,
    num_threads: int = 1,
    metadata: Mapping[str, str] | None = None,
    progress: Callable[[Training], None] | None = None,
) -> Trained:
    """Train a native model and write it; under torchrun, within `processes.process_group`.

    Beside ``output`` stand its learning curve (``.csv`` and ``.png`` after its name) and the last
    checkpoint (``.checkpoint``).

    Args:
        text: uint8 (n,), what is learnt.
        held_out: uint8 (m,), what bits per byte are measured on.
        output: file of the model.
        parameters: of the run.
        resume: go on at the checkpoint, if there is one.
        num_threads: of PyTorch, from now on and in the whole process.
        metadata: kept in the file of the model.
        progress: called after each step.

    Raises:
        FormatError, ValueError: as `Training`, and as `Training.resume`.
        ModelError: as `Training.step`.
        OSError: files cannot be written.
    """
    torch.set_num_threads(num_threads)
    training = Training(text, held_out, parameters)
    run_to_end(training, output, resume, progress)
    trained = training.finish(metadata or {})
    if processes.rank() == 0:
        trained.model.save(output)
    return trained
