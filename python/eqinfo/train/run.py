"""What all training runs share: checkpoints, the learning curve, and going on to the end."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch

from eqinfo.common.files import atomic_output, require_folder
from eqinfo.errors import FormatError, ModelError
from eqinfo.train import processes
from eqinfo.train.curve import Point, require_matplotlib, write_curve
from eqinfo.train.data import Bytes
from eqinfo.train.parameters import Duration

CHECKPOINT_VERSION = 1
_Parameters = TypeVar("_Parameters", bound=Duration)


class Run(ABC, Generic[_Parameters]):
    """A run that can be stopped after any step.

    Under torchrun every process has one, of the same arguments; they learn the same weights, from
    batches of their own.

    Args:
        text: uint8 (n,), what is learnt.
        least: bytes that it must have.
        parameters: of the run.

    Attributes:
        done_steps: so far.
        seconds: so far, those before a checkpoint included.
        points: of the learning curve.
        bits: of a byte in the last step.

    Raises:
        ValueError: a text that is too short.
    """

    kind: ClassVar[str]
    """What its checkpoints say that they are."""

    def __init__(self, text: Bytes, least: int, parameters: _Parameters) -> None:
        if len(text) < least:
            raise ValueError(f"expected a text of {least} bytes or more, found {len(text)}")
        self.parameters = parameters
        self.done_steps = 0
        self.seconds = 0.0
        self.points: list[Point] = []
        self.bits = math.nan
        digest = hashlib.blake2b(text.data, digest_size=16).hexdigest()
        self._identity = {
            **asdict(parameters),
            "text": digest,
            "processes": processes.count(),
        }

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
        self.bits = self._learn()
        if not math.isfinite(self.bits):
            raise ModelError(f"step {self.done_steps}: the loss is {self.bits}: lower the rates")
        self.done_steps += 1
        # All processes stop after the same step.
        self.seconds += processes.first_says(time.perf_counter() - began)

    @abstractmethod
    def _learn(self) -> float:
        """Learn from one batch; return its bits per byte."""

    @abstractmethod
    def add_point(self) -> None:
        """Measure, and add a point to the learning curve."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Return what is learnt, to go on from."""

    @abstractmethod
    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take what `_state` returned."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint, atomically; the first of several processes does."""
        content = {
            "format": self.kind,
            "version": CHECKPOINT_VERSION,
            "run": self._identity,
            "points": [tuple(point) for point in self.points],
            "steps": self.done_steps,
            "seconds": self.seconds,
            "state": self._state(),
        }
        if processes.rank() == 0:
            with atomic_output(path) as file:
                torch.save(content, file)
        processes.wait()

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Go on where `save` was called; the steps that follow are the same.

        Raises:
            FormatError: truncated, or not a checkpoint of such a run.
            ValueError: of another text, with other parameters or in other processes; says which.
            OSError: no such file.
        """
        content = read_checkpoint(path, self.kind)
        for name, value in self._identity.items():
            found = content["run"].get(name)
            if found != value:
                raise ValueError(f"{path}: a run with {name} = {found}, expected {value}")
        self._restore(content["state"])
        self.points = [Point(*point) for point in content["points"]]
        self.done_steps = content["steps"]
        self.seconds = content["seconds"]


_Run = TypeVar("_Run", bound=Run[Any])


def run_to_end(
    training: _Run,
    output: str | os.PathLike[str],
    resume: bool,
    progress: Callable[[_Run], None] | None,
) -> None:
    """Train to the end, with a checkpoint and a learning curve beside ``output``.

    Raises:
        UnsupportedError: curves cannot be drawn.
        OSError: files cannot be written.
    """
    require_matplotlib()  # before the work, not after it
    require_folder(output)
    checkpoint = Path(f"{output}.checkpoint")
    if resume and checkpoint.exists():
        training.resume(checkpoint)
    while training.progress < 1:
        training.step()
        if progress is not None:
            progress(training)
        if training.done_steps % training.parameters.interval == 0 or training.progress >= 1:
            training.add_point()
            training.save(checkpoint)
            if processes.rank() == 0:
                write_curve(output, training.points)


def read_checkpoint(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Read a checkpoint of a kind of run.

    Raises:
        FormatError: truncated, not such a checkpoint, or of another version.
        OSError: no such file.
    """
    with Path(path).open("rb") as file:
        try:
            state = torch.load(file, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
            reason = str(error).partition("\n")[0]
            raise FormatError(f"{path}: expected a checkpoint of training: {reason}") from None
    if not isinstance(state, dict) or state.get("format") != kind:
        raise FormatError(f"{path}: expected a checkpoint of training, found something else")
    if state["version"] != CHECKPOINT_VERSION:
        raise FormatError(
            f"{path}: expected version {CHECKPOINT_VERSION}, found {state['version']}"
        )
    return state
