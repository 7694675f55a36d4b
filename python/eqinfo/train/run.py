"""What all training runs share: checkpoints, the learning curve, and going on to the end."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from eqinfo.errors import FormatError
from eqinfo.files import require_folder
from eqinfo.train import processes
from eqinfo.train.curve import Point, require_matplotlib, write_curve

CHECKPOINT_VERSION = 1


class Run(Protocol):
    """A run that can be stopped after any step, of one process or of several."""

    done_steps: int
    points: list[Point]
    bits: float

    @property
    def progress(self) -> float:
        """How much of the run is done: 0 to 1."""

    def step(self) -> None:
        """Learn from one batch."""

    def add_point(self) -> None:
        """Measure, and add a point to the learning curve."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint; the first of several processes does."""

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Go on where `save` was called."""


_Run = TypeVar("_Run", bound=Run)


def run_to_end(
    training: _Run,
    output: str | os.PathLike[str],
    interval: int,
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
        if training.done_steps % interval == 0 or training.progress >= 1:
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
