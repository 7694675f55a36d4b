"""Training of the paper's M1 (`eqinfo.models.paper`): ``eqinfo train --arch paper``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eqinfo.models.paper import BEGIN, PaperTransformer, Sizes, save
from eqinfo.train import processes
from eqinfo.train.curve import Point
from eqinfo.train.data import Bytes
from eqinfo.train.held_out import pieces
from eqinfo.train.parameters import Duration
from eqinfo.train.run import Run, run_to_end

_Z_LOSS = 1e-4
_MAX_NORM = 1.0


@dataclass(frozen=True)
class PaperParameters(Duration):
    """What decides a run, beside its text; as in the paper by default, but for the steps.

    Attributes:
        streams: sequences of a batch, each from another place in the text.
        rate: largest rate of Adafactor; it falls with the root of the steps.
        warm_up: steps before it falls.
        sizes: of the network; sequences are ``sizes.context`` tokens long.

    Raises:
        ValueError: out of range; says which.
    """

    streams: int = 128
    rate: float = 0.01
    warm_up: int = 1000
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._check(streams=1, warm_up=1)
        self._check_positive("rate")


class PaperTraining(Run[PaperParameters]):
    """A run with the paper's losses, optimiser and schedule; see `Run`.

    Every sequence begins without context, as windows do.

    Args:
        text: uint8 (n,), what is learnt.
        held_out: uint8 (m,), what bits per byte are measured on.
        parameters: of the run.

    Attributes:
        module: what learns.

    Raises:
        ValueError: a text shorter than a sequence, or a held-out one below 8 bytes.
    """

    kind: ClassVar[str] = "eqinfo-training-paper"

    def __init__(self, text: Bytes, held_out: Bytes, parameters: PaperParameters) -> None:
        super().__init__(text, parameters.sizes.context, parameters)
        self._text = text
        self._held_out = pieces(held_out)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(parameters.seed)
            self.module = PaperTransformer(parameters.sizes)
        self._optimiser = torch.optim.Adafactor(self.module.parameters(), lr=parameters.rate)

    def _learn(self) -> float:
        nats, logits = _losses(self.module, self._batch())
        loss = nats + _Z_LOSS * logits.logsumexp(-1).square().mean()
        self._optimiser.zero_grad()
        loss.backward()
        processes.average_gradients(self.module.parameters())
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), _MAX_NORM)
        fall = math.sqrt(self.parameters.warm_up / max(self.done_steps, self.parameters.warm_up))
        for group in self._optimiser.param_groups:
            group["lr"] = self.parameters.rate * fall
        self._optimiser.step()
        return float(nats.detach()) / math.log(2)

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

    def _state(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "optimiser": self._optimiser.state_dict()}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self._optimiser.load_state_dict(state["optimiser"])


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
    run_to_end(training, output, resume, progress)
    if processes.rank() == 0:
        save(training.module, output, dict(metadata or {}))
    return training
