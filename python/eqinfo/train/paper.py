"""Training of the paper's M1 (`eqinfo.models.paper`): ``eqinfo train --arch paper``."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eqinfo.errors import ModelError
from eqinfo.files import atomic_output
from eqinfo.models.paper import BEGIN, PaperTransformer, Sizes, save
from eqinfo.train import processes
from eqinfo.train.curve import Point
from eqinfo.train.data import Bytes
from eqinfo.train.held_out import pieces
from eqinfo.train.run import CHECKPOINT_VERSION, read_checkpoint, run_to_end

_Z_LOSS = 1e-4
_MAX_NORM = 1.0
_CHECKPOINT = "eqinfo-training-paper"


@dataclass(frozen=True)
class PaperParameters:
    """What decides a run, beside its text; as in the paper by default, but for the steps.

    Attributes:
        steps: of the optimiser; 0: as many as ``seconds`` hold.
        seconds: how long to train, instead of ``steps``.
        streams: sequences of a batch, each from another place in the text.
        rate: largest rate of Adafactor; it falls with the root of the steps.
        warm_up: steps before it falls.
        seed: of the first weights and of the places.
        interval: steps from one checkpoint, and one point of the learning curve, to the next.
        sizes: of the network; sequences are ``sizes.context`` tokens long.

    Raises:
        ValueError: out of range; says which.
    """

    steps: int = 0
    seconds: float = 0.0
    streams: int = 128
    rate: float = 0.01
    warm_up: int = 1000
    seed: int = 0
    interval: int = 500
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        """Check the ranges."""
        if (self.steps > 0) == (self.seconds > 0):
            raise ValueError(
                f"expected steps or seconds, found {self.steps} steps, {self.seconds} seconds"
            )
        for name in ("streams", "warm_up", "interval"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of 1 or more, found {getattr(self, name)}")
        if self.rate <= 0:
            raise ValueError(f"expected rate above 0, found {self.rate}")


class PaperTraining:
    """A run that can be stopped after any step; the paper's losses, optimiser and schedule.

    Every sequence begins without context, as windows do. Under torchrun every process has one, as
    `eqinfo.train.Training`.

    Args:
        text: uint8 (n,), what is learnt.
        held_out: uint8 (m,), what bits per byte are measured on.
        parameters: of the run.

    Attributes:
        module: what learns.
        done_steps: so far.
        seconds: so far, those before a checkpoint included.
        points: of the learning curve.
        bits: of a byte in the last step.

    Raises:
        ValueError: a text shorter than a sequence, or a held-out one below 8 bytes.
    """

    def __init__(self, text: Bytes, held_out: Bytes, parameters: PaperParameters) -> None:
        if len(text) < parameters.sizes.context:
            raise ValueError(
                f"expected a text of {parameters.sizes.context} bytes or more, found {len(text)}"
            )
        self.parameters = parameters
        self._text = text
        self._held_out = pieces(held_out)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(parameters.seed)
            self.module = PaperTransformer(parameters.sizes)
        self._optimiser = torch.optim.Adafactor(self.module.parameters(), lr=parameters.rate)
        self._identity = {
            **asdict(parameters),
            "text": hashlib.blake2b(text.data, digest_size=16).hexdigest(),
        }
        self.done_steps = 0
        self.seconds = 0.0
        self.points: list[Point] = []
        self.bits = math.nan

    @property
    def progress(self) -> float:
        """How much of the run is done: 0 to 1."""
        if self.parameters.steps:
            return self.done_steps / self.parameters.steps
        return min(1.0, self.seconds / self.parameters.seconds)

    def step(self) -> None:
        """Learn from one batch.

        Raises:
            ModelError: the loss is no number any more.
        """
        began = time.perf_counter()
        nats, logits = _losses(self.module, self._batch())
        self.bits = nats.item() / math.log(2)
        if not math.isfinite(self.bits):
            raise ModelError(f"step {self.done_steps}: the loss is {self.bits}: lower the rate")
        loss = nats + _Z_LOSS * logits.logsumexp(-1).square().mean()
        self._optimiser.zero_grad()
        loss.backward()
        processes.average_gradients(self.module.parameters())
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), _MAX_NORM)
        fall = math.sqrt(self.parameters.warm_up / max(self.done_steps, self.parameters.warm_up))
        for group in self._optimiser.param_groups:
            group["lr"] = self.parameters.rate * fall
        self._optimiser.step()
        self.done_steps += 1
        # All processes stop after the same step.
        self.seconds += processes.first_says(time.perf_counter() - began)

    def _batch(self) -> Bytes:
        # Places follow from the step, so a checkpoint need not keep them.
        random = np.random.default_rng([self.parameters.seed, processes.rank(), self.done_steps])
        length = self.parameters.sizes.context
        places = random.integers(0, len(self._text) - length + 1, self.parameters.streams)
        return np.stack([self._text[place : place + length] for place in places])

    def held_out_bits(self) -> float:
        """Return bits per byte, of pieces as long as a sequence without context."""
        length = self.parameters.sizes.context
        nats = 0.0
        with torch.no_grad():
            for begin in range(0, self._held_out.shape[1], length):
                part = self._held_out[:, begin : begin + length]
                nats += _losses(self.module, part)[0].item() * part.size
        return nats / math.log(2) / self._held_out.size

    def add_point(self) -> None:
        """Measure, and add a point to the learning curve."""
        sequences = self.done_steps * self.parameters.streams * processes.count()
        read = sequences * self.parameters.sizes.context
        held_out = self.held_out_bits()
        self.points.append(
            Point(self.done_steps, read, self.seconds, math.nan, self.bits, held_out)
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint, atomically; the first of several processes does."""
        state = {
            "format": _CHECKPOINT,
            "version": CHECKPOINT_VERSION,
            "run": self._identity,
            "module": self.module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "points": [tuple(point) for point in self.points],
            "steps": self.done_steps,
            "seconds": self.seconds,
        }
        if processes.rank() == 0:
            with atomic_output(path) as file:
                torch.save(state, file)
        processes.wait()

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Go on where `save` was called; the steps that follow are the same.

        Raises:
            FormatError: truncated, or not a checkpoint of such a run.
            ValueError: of another text or with other parameters; says which.
            OSError: no such file.
        """
        state: dict[str, Any] = read_checkpoint(path, _CHECKPOINT)
        for name, value in self._identity.items():
            if state["run"].get(name) != value:
                found = state["run"].get(name)
                raise ValueError(f"{path}: a run with {name} = {found}, expected {value}")
        self.module.load_state_dict(state["module"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.points = [Point(*point) for point in state["points"]]
        self.done_steps = state["steps"]
        self.seconds = state["seconds"]


def _losses(module: PaperTransformer, texts: Bytes) -> tuple[Tensor, Tensor]:
    """Return the mean loss in nats of uint8 (lanes, L), and the logits."""
    bytes_ = torch.from_numpy(texts.astype(np.int64))
    begin = torch.full((len(bytes_), 1), BEGIN)
    logits = module(torch.cat([begin, bytes_[:, :-1]], 1))
    return functional.cross_entropy(logits.flatten(0, 1), bytes_.flatten()), logits


def train_paper(
    text: Bytes,
    held_out: Bytes,
    output: str | os.PathLike[str],
    parameters: PaperParameters,
    *,
    resume: bool = False,
    num_threads: int = 1,
    metadata: Mapping[str, str] | None = None,
    progress: Callable[[PaperTraining], None] | None = None,
) -> PaperTraining:
    """Train the network and write it, with learning curve and checkpoint, as `train` does.

    `eqinfo.models.paper.load` reads ``output``.

    Raises:
        FormatError, ValueError: as `PaperTraining`, and as `PaperTraining.resume`.
        ModelError: as `PaperTraining.step`.
        OSError: files cannot be written.
    """
    torch.set_num_threads(num_threads)
    training = PaperTraining(text, held_out, parameters)
    run_to_end(training, output, parameters.interval, resume, progress)
    if processes.rank() == 0:
        save(training.module, output, dict(metadata or {}))
    return training
