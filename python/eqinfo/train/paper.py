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

from eqinfo.common.floats import keep_floats
from eqinfo.common.integers import keep_integers
from eqinfo.common.progress import Progress
from eqinfo.models.paper import BEGIN, PaperTransformer, Sizes, save
from eqinfo.train import processes
from eqinfo.train.curve import Point
from eqinfo.train.data import Bytes
from eqinfo.train.parameters import Duration
from eqinfo.train.run import TrainingRun, use_threads

_Z_LOSS = 1e-4


@dataclass(frozen=True)
class PaperParameters(Duration):
    """Settings of a run. The defaults are those of the paper; only the duration must be given.

    Attributes:
        streams: sequences per batch, each from another place in the text.
        rate: largest learning rate of Adafactor; it falls with the square root of the steps.
        warm_up: steps before it falls.
        sizes: of the network; sequences are ``sizes.context`` tokens long.

    Raises:
        TypeError: a value is not a number, or not an integer where it should be.
        ValueError: a value is out of range; the message names it.
    """

    streams: int = 128
    rate: float = 0.01
    warm_up: int = 1000
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        keep_integers(self, "streams", "warm_up")
        keep_floats(self, "rate")
        self._check(streams=1, warm_up=1)
        self._check_positive("rate")


class PaperTraining(TrainingRun[PaperParameters, PaperTransformer]):
    """A training run with the paper's losses, optimiser and schedule.

    Every sequence begins without context, as windows do.

    Args:
        text: uint8 (n,), the text to learn.
        held_out: uint8 (m,), the text that bits per byte are measured on.
        parameters: the settings of the run.

    Raises:
        TypeError: not arrays of bytes.
        ValueError: ``text`` is shorter than a sequence, or ``held_out`` than 8 bytes.
    """

    kind: ClassVar[str] = "eqinfo-training-paper"
    network_key: ClassVar[str] = "module"

    def __init__(self, text: Bytes, held_out: Bytes, parameters: PaperParameters) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(parameters.seed)
            network = PaperTransformer(parameters.sizes)
        super().__init__(
            text,
            held_out,
            parameters,
            network,
            torch.optim.Adafactor(network.parameters(), lr=parameters.rate),
            lanes=parameters.streams,
            length=parameters.sizes.context,
        )
        if not parameters.sizes.gated:
            del self._identity["sizes"]["gated"]  # as in checkpoints from before there were gates
        self._text = text

    @property
    def module(self) -> PaperTransformer:
        """The network as learnt so far."""
        return self.network

    def held_out_bits(self) -> float:
        """Return bits per byte on the held-out text, cut into sequences without context."""
        length = self.parameters.sizes.context
        nats = 0.0
        with torch.no_grad():
            for begin in range(0, self._held_out.shape[1], length):
                part = self._held_out[:, begin : begin + length]
                nats += _losses(self.network, part)[0].item() * part.size
        return nats / math.log(2) / self._held_out.size

    def _learn(self) -> float:
        nats, logits = _losses(self.network, self._batch())
        loss = nats + _Z_LOSS * logits.logsumexp(-1).square().mean()
        fall = math.sqrt(self.parameters.warm_up / max(self.done_steps, self.parameters.warm_up))
        self._update(loss, self.parameters.rate * fall)
        return float(nats.detach()) / math.log(2)

    def _batch(self) -> Bytes:
        # The step number seeds the places, so a checkpoint need not store them.
        random = np.random.default_rng([self.parameters.seed, processes.rank(), self.done_steps])
        length = self.parameters.sizes.context
        places = random.integers(0, len(self._text) - length + 1, self.parameters.streams)
        return np.stack([self._text[place : place + length] for place in places])

    def _training_bits(self) -> tuple[float, float]:
        return math.nan, self.bits

    def _state(self) -> dict[str, Any]:
        return {}

    def _restore(self, state: Mapping[str, Any]) -> None:
        pass


def _losses(module: PaperTransformer, texts: Bytes) -> tuple[Tensor, Tensor]:
    """Return the mean loss in nats on ``texts``, uint8 (lanes, L), and the logits."""
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
    progress: Progress | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> PaperTraining:
    """Train the paper's network and write it to a file that `eqinfo.models.paper.load` reads.

    The arguments, the files beside ``output``, and the errors are those of `train`.

    Returns:
        the finished run, with the network and the learning curve.
    """
    use_threads(num_threads)
    training = PaperTraining(text, held_out, parameters)
    training.run_to_end(output, resume=resume, progress=progress, on_point=on_point)
    if processes.rank() == 0:
        save(training.network, output, dict(metadata or {}))
    return training
