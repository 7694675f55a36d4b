"""What all training runs share: optimiser steps, the learning curve, checkpoints."""

from __future__ import annotations

import hashlib
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from eqinfo.common.files import require_folder
from eqinfo.common.integers import check_integers
from eqinfo.common.progress import Progress
from eqinfo.errors import ModelError
from eqinfo.train import processes
from eqinfo.train.checkpoint import read_checkpoint, write_checkpoint
from eqinfo.train.curve import Point, curve_files, require_matplotlib, write_curve
from eqinfo.train.data import Bytes
from eqinfo.train.held_out import pieces
from eqinfo.train.parameters import Duration

_MAX_NORM = 1.0
_Parameters = TypeVar("_Parameters", bound=Duration)
_Network = TypeVar("_Network", bound=nn.Module)


def files_beside(output: str | os.PathLike[str]) -> list[str]:
    """Return the files that a run writes besides the model ``output``."""
    return [*curve_files(output), _checkpoint_of(output)]


def _checkpoint_of(output: str | os.PathLike[str]) -> str:
    return f"{os.fspath(output)}.checkpoint"


def use_threads(count: int) -> None:
    """Let PyTorch use as many threads, in the whole process; ValueError for less than one."""
    (count,) = check_integers(num_threads=count)
    if count < 1:
        raise ValueError(f"expected num_threads of at least 1, found {count}")
    torch.set_num_threads(count)


def _require_bytes(name: str, text: object) -> None:
    if not isinstance(text, np.ndarray):
        raise TypeError(
            f"expected a {name} as an array of uint8, found {type(text).__name__}; use "
            "np.frombuffer(data, np.uint8)"
        )
    if text.dtype != np.uint8 or text.ndim != 1:
        raise TypeError(
            f"expected a {name} of uint8 and shape (n,), found {text.dtype} and shape {text.shape}"
        )


class TrainingRun(ABC, Generic[_Parameters, _Network]):
    """A training run that can stop after any step and resume from a checkpoint.

    Under torchrun each process makes a run from the same arguments. All processes learn the same
    weights, each from its own batches.

    Args:
        text: uint8 (n,), the text to learn.
        held_out: uint8 (m,), the text that bits per byte are measured on.
        parameters: the settings of the run.
        network: the weights to learn.
        optimiser: moves the weights of ``network``.
        lanes: number of texts in a batch.
        length: bytes that each lane reads per step.

    Attributes:
        parameters: the settings of the run.
        network: the weights as learnt so far.
        done_steps: steps done so far.
        seconds: time spent on these steps, including those before a checkpoint.
        points: the learning curve.
        bits: bits per byte in the last step; NaN before the first.

    Raises:
        TypeError: not arrays of bytes.
        ValueError: ``text`` is shorter than ``length``, or ``held_out`` than 8 bytes.
    """

    kind: ClassVar[str]
    """Identifies the checkpoints of this kind of run."""
    network_key: ClassVar[str] = "network"
    """Where a checkpoint holds the network's weights."""

    def __init__(
        self,
        text: Bytes,
        held_out: Bytes,
        parameters: _Parameters,
        network: _Network,
        optimiser: torch.optim.Optimizer,
        *,
        lanes: int,
        length: int,
    ) -> None:
        for name, array in (("text", text), ("held-out text", held_out)):
            _require_bytes(name, array)
        if len(text) < length:
            raise ValueError(f"expected a text of {length} bytes or more, found {len(text)}")
        self.parameters = parameters
        self.network = network
        self.done_steps = 0
        self.seconds = 0.0
        self.points: list[Point] = []
        self.bits = math.nan
        self._optimiser = optimiser
        self._held_out = pieces(held_out)
        self._step_bytes = lanes * length * processes.count()
        # A checkpoint resumes a run only if all of this is the same.
        self._identity = {
            **asdict(parameters),
            "text": hashlib.blake2b(np.ascontiguousarray(text).data, digest_size=16).hexdigest(),
            "processes": processes.count(),
        }

    @property
    def progress(self) -> float:
        """The part of the run that is done, from 0 to 1."""
        if self.parameters.steps:
            return self.done_steps / self.parameters.steps
        return min(1.0, self.seconds / self.parameters.seconds)

    def step(self) -> None:
        """Learn from one batch.

        Raises:
            ModelError: the loss is NaN or infinite.
        """
        began = time.perf_counter()
        self.bits = self._learn()
        if not math.isfinite(self.bits):
            raise ModelError(
                f"step {self.done_steps}: expected a finite loss, found {self.bits}; "
                "train with lower learning rates"
            )
        self.done_steps += 1
        # All processes count the same time, so that they stop after the same step.
        self.seconds += processes.from_first(time.perf_counter() - began)

    def add_point(self) -> None:
        """Measure the held-out text and append a point to the learning curve."""
        streams, fresh = self._training_bits()
        read = self.done_steps * self._step_bytes
        held_out = self.held_out_bits()
        self.points.append(Point(self.done_steps, read, self.seconds, streams, fresh, held_out))

    @abstractmethod
    def held_out_bits(self) -> float:
        """Return bits per byte of the network on the held-out text."""

    @abstractmethod
    def _learn(self) -> float:
        """Learn from one batch and return its bits per byte."""

    @abstractmethod
    def _training_bits(self) -> tuple[float, float]:
        """Return `Point.streams` and `Point.fresh`."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the network and the optimiser."""

    @abstractmethod
    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `_state` returned."""

    def _update(self, loss: Tensor, rate: float) -> None:
        """Make a step of the optimiser against the gradient, averaged over all processes."""
        self._optimiser.zero_grad()
        loss.backward()
        processes.average_gradients(self.network.parameters())
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_NORM)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint atomically. Of several processes, the first writes it."""
        state = {
            self.network_key: self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            **self._state(),
        }
        content = {
            "run": self._identity,
            "points": [tuple(point) for point in self.points],
            "steps": self.done_steps,
            "seconds": self.seconds,
            "state": state,
        }
        if processes.rank() == 0:
            write_checkpoint(path, self.kind, content)
        processes.wait()

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint; the steps that follow are those of the run that wrote it.

        Raises:
            FormatError: the file is not a checkpoint of this kind of run.
            ChecksumError: the file is truncated or altered.
            NewerVersionError: the checkpoint has another version.
            ValueError: the checkpoint has another text, parameter or number of processes; the
                message names it.
            OSError: the file cannot be read.
        """
        content = read_checkpoint(path, self.kind)
        # A setting that was new after the checkpoint was written had its default there.
        defaults = {field.name: field.default for field in fields(self.parameters)}
        for name, value in self._identity.items():
            found = content["run"].get(name, defaults.get(name))
            if found != value:
                raise ValueError(
                    f"{path}: expected a checkpoint of a run with {name} = {value}, found "
                    f"{name} = {found}; resume with the settings and text of that run"
                )
        state = content["state"]
        self.network.load_state_dict(state[self.network_key])
        self._optimiser.load_state_dict(state["optimiser"])
        self._restore(state)
        self.points = [Point(*point) for point in content["points"]]
        self.done_steps = content["steps"]
        self.seconds = content["seconds"]

    def run_to_end(
        self,
        output: str | os.PathLike[str],
        *,
        resume: bool = False,
        progress: Progress | None = None,
        on_point: Callable[[Point], None] | None = None,
    ) -> None:
        """Train to the end; write checkpoints and the learning curve beside ``output``.

        Args:
            output: the model file, whose name the other files extend.
            resume: start from the checkpoint, if there is one.
            progress: called after each step, in steps, or in whole seconds if the parameters limit
                the time.
            on_point: called with each new point of the learning curve.

        Raises:
            FormatError, ChecksumError, ValueError: as `resume`.
            ModelError: as `step`.
            OSError: a file cannot be written.
            UnsupportedError: matplotlib, which draws the curve, is not installed; or as `resume`.
        """
        require_matplotlib()  # before the work, not after it
        require_folder(output)
        checkpoint = Path(_checkpoint_of(output))
        if resume and checkpoint.exists():
            self.resume(checkpoint)
        while self.progress < 1:
            self.step()
            if progress is not None:
                progress(*self._done_and_total())
            if self.done_steps % self.parameters.interval == 0 or self.progress >= 1:
                self.add_point()
                self.save(checkpoint)
                if on_point is not None:
                    on_point(self.points[-1])
                if processes.rank() == 0:
                    write_curve(output, self.points)

    def _done_and_total(self) -> tuple[int, int]:
        if self.parameters.steps:
            return self.done_steps, self.parameters.steps
        total = math.ceil(self.parameters.seconds)
        return int(self.progress * total), total
