"""Training of the native model (`eqinfo.models.NativeModel`)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from eqinfo.common.progress import Progress
from eqinfo.models.native_model import NativeModel
from eqinfo.models.quantise import quantise
from eqinfo.train import processes
from eqinfo.train.curve import Point
from eqinfo.train.data import Bytes, Reader
from eqinfo.train.embeddings import EmbeddingTables
from eqinfo.train.held_out import float_bits, integer_bits
from eqinfo.train.network import Network, byte_losses
from eqinfo.train.parameters import TrainParameters
from eqinfo.train.run import TrainingRun, use_threads

# The scales of the embeddings are chosen when these parts of the decay are done. From the first on,
# the network learns with embeddings rounded to 4 bits.
_CALIBRATIONS = (0.5, 0.75)
_WARM_UP_STEPS = 100
_LEAST_RATE = 1e-4


class Trained(NamedTuple):
    """A trained model, and its bits per byte on the held-out text before and after rounding."""

    model: NativeModel
    integer_bits: float
    float_bits: float


class Training(TrainingRun[TrainParameters, Network]):
    """A training run of the native model.

    Args:
        text: uint8 (n,), the text to learn.
        held_out: uint8 (m,), the text that bits per byte are measured on.
        parameters: the settings of the run.

    Attributes:
        tables: the embeddings as learnt so far; other attributes as in `TrainingRun`.

    Raises:
        TypeError: not arrays of bytes.
        ValueError: ``text`` is shorter than ``parameters.length``, or ``held_out`` than 8 bytes.
    """

    kind: ClassVar[str] = "eqinfo-training"

    def __init__(self, text: Bytes, held_out: Bytes, parameters: TrainParameters) -> None:
        network = Network(parameters.state, parameters.units, parameters.seed)
        super().__init__(
            text,
            held_out,
            parameters,
            network,
            torch.optim.Adam(
                network.parameters(), parameters.rate, betas=(0.9, 0.99), eps=1e-9, fused=True
            ),
            lanes=parameters.streams + parameters.fresh,
            length=parameters.length,
        )
        self.tables = EmbeddingTables(parameters.seed)
        self._reader = Reader(text, parameters, processes.rank(), processes.count())
        self._lanes = torch.zeros(self._reader.lanes, parameters.state)
        self._calibrated = 0
        self._losses = np.zeros(2)  # of streams and of fresh lanes, summed since the last point

    def held_out_bits(self) -> float:
        """Return bits per byte of the float network on the held-out text."""
        return float_bits(self.network, self.tables, self._held_out)

    def finish(self, metadata: Mapping[str, str]) -> Trained:
        """Round the weights to integers and return the model.

        Args:
            metadata: stored in the model; see `NativeModel`.
        """
        if not self._calibrated:
            self.tables.calibrate(self.parameters.seed)
        self.network.limit(self.tables)
        model = NativeModel(quantise(self.network.floats(self.tables)), metadata)
        return Trained(model, integer_bits(model, self._held_out), self.held_out_bits())

    @property
    def _decayed(self) -> float:
        """How far the learning rates have fallen, from 0 to 1."""
        decay = self.parameters.decay
        return max(0.0, (self.progress - (1 - decay)) / decay)

    def _learn(self) -> float:
        decayed = self._decayed
        if self._calibrated < len(_CALIBRATIONS) and decayed >= _CALIBRATIONS[self._calibrated]:
            self.tables.calibrate(self.parameters.seed)
            self._calibrated += 1
        rate = min(1.0, (self.done_steps + 1) / _WARM_UP_STEPS) * (1 - decayed) + _LEAST_RATE
        batch = self._reader.next()
        self._lanes[batch.begun] = 0
        values = self.tables.look_up(batch.ids).requires_grad_()
        losses, self._lanes = byte_losses(self.network, self.tables, batch, values, self._lanes)
        self._update(losses.mean(), self.parameters.rate * rate)
        if self._calibrated:
            self.network.limit(self.tables)
        assert values.grad is not None
        self.tables.step(
            processes.gather(batch.ids),
            processes.gather(values.grad / processes.count()),
            self.parameters.row_rate * rate,
        )
        bits = losses.detach().mean(0).numpy() / math.log(2)
        streams, fresh = np.split(bits.astype(np.float64), [self.parameters.streams])
        self._losses += streams.mean(), fresh.mean() if len(fresh) else math.nan
        return float(streams.mean())

    def _training_bits(self) -> tuple[float, float]:
        last = self.points[-1].step if self.points else 0
        streams, fresh = self._losses / (self.done_steps - last)
        self._losses[:] = 0
        return float(streams), float(fresh)

    def _state(self) -> dict[str, Any]:
        return {
            "rows": self.tables.values,
            "squares": self.tables.squares,
            "scales": self.tables.scales,
            "lanes": processes.gather_objects((self._reader.state(), self._lanes)),
            "calibrated": self._calibrated,
            "losses": self._losses.tolist(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
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
    parameters: TrainParameters,
    *,
    resume: bool = False,
    num_threads: int = 1,
    metadata: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> Trained:
    """Train a native model and write it to a file.

    Beside ``output`` there will be the learning curve (its name with ``.csv`` and ``.png``
    appended) and the last checkpoint (``.checkpoint``). Under torchrun, call this within
    `eqinfo.train.processes.process_group`.

    Args:
        text: uint8 (n,), the text to learn.
        held_out: uint8 (m,), the text that bits per byte are measured on.
        output: path of the model file.
        parameters: the settings of the run.
        resume: start from the checkpoint, if there is one.
        num_threads: threads of PyTorch; set for the whole process, and left so.
        metadata: stored in the model file.
        progress: called after each step as ``progress(done, total)``: in steps, or in whole seconds
            if ``parameters.seconds`` limits the run.
        on_point: called with each new point of the learning curve.

    Raises:
        FormatError: with ``resume``, the checkpoint is damaged or belongs to another kind of run.
        TypeError: a text that is not an array of bytes.
        ValueError: a text is too short, or there are no threads; or, with ``resume``, the
            checkpoint belongs to a run with another text or other settings.
        ModelError: the loss is NaN or infinite.
        OSError: a file cannot be read or written.
        UnsupportedError: matplotlib is not installed.
    """
    use_threads(num_threads)
    training = Training(text, held_out, parameters)
    training.run_to_end(output, resume=resume, progress=progress, on_point=on_point)
    trained = training.finish(metadata or {})
    if processes.rank() == 0:
        trained.model.save(output)
    return trained
