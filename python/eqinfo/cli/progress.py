"""Progress bars on standard error, shown only on a terminal and only for work of over a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from tqdm import tqdm

from eqinfo.common.progress import Progress

if TYPE_CHECKING:
    from eqinfo.shards.job import StageProgress


def _bar(unit: str, total: int | None = None, description: str | None = None) -> tqdm[Any]:
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        unit_scale=unit == "B",
        disable=None,  # unless standard error is a terminal
        delay=1,
        leave=False,
    )


def _show(bar: tqdm[Any], done: int, total: int | None) -> None:
    bar.total = total
    bar.update(done - bar.n)


@contextmanager
def progress_bar(unit: str, description: str | None = None) -> Iterator[Progress]:
    """Yield a `Progress` that moves a bar; ``unit`` names what it counts, "B" for bytes."""
    with _bar(unit, description=description) as bar:
        yield partial(_show, bar)


@contextmanager
def stage_bars() -> Iterator[StageProgress]:
    """Yield a `StageProgress` that replaces the bar by a new one at the beginning of each stage."""
    with ExitStack() as current:

        def begin(stage: str) -> Progress:
            current.close()
            return current.enter_context(progress_bar("B", stage))

        yield begin


class WatchedFile:
    """A binary file that moves a progress bar as it is read."""

    def __init__(self, file: BinaryIO, bar: tqdm[Any]) -> None:
        self._file = file
        self._bar = bar

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        data = self._file.read(size)
        self._bar.update(len(data))
        return data


@contextmanager
def watched(file: BinaryIO) -> Iterator[WatchedFile]:
    """Yield a file to read instead, with a progress bar; the bar has no end for a pipe."""
    with _bar("B", os.fstat(file.fileno()).st_size or None) as bar:
        yield WatchedFile(file, bar)
