"""Progress bars on standard error, shown only on a terminal and only for work of over a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from tqdm import tqdm

from eqinfo.common.named import read_some
from eqinfo.common.progress import Progress

if TYPE_CHECKING:
    from eqinfo.shards.job import StageProgress


class ProgressBar:
    """Moves a bar; is itself a `Progress`."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self._bar = bar

    def __call__(self, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` units are done."""
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def advance(self, units: int) -> None:
        """Show that more units are done."""
        self._bar.update(units)

    def note(self, text: str) -> None:
        """Show a text after the bar, from its next update on."""
        self._bar.set_postfix_str(text, refresh=False)


@contextmanager
def progress_bar(
    unit: str, description: str | None = None, *, total: int | None = None, hidden: bool = False
) -> Iterator[ProgressBar]:
    """Yield a bar that disappears at the end; ``unit`` names what it counts, "B" for bytes."""
    with tqdm(
        total=total,
        desc=description,
        unit=unit,
        unit_scale=unit == "B",
        disable=True if hidden else None,  # None: unless standard error is a terminal
        delay=1,
        leave=False,
    ) as bar:
        yield ProgressBar(bar)


@contextmanager
def stage_bars() -> Iterator[StageProgress]:
    """Yield a `StageProgress` that replaces the bar with a new one when a stage begins."""
    with ExitStack() as current:

        def begin(stage: str) -> Progress:
            current.close()
            return current.enter_context(progress_bar("B", stage))

        yield begin


class WatchedFile:
    """A binary file that moves a progress bar as it is read."""

    def __init__(self, file: BinaryIO, bar: ProgressBar) -> None:
        self._file = file
        self._bar = bar

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        data = read_some(self._file, size, self._file.name)
        self._bar.advance(len(data))
        return data


@contextmanager
def watched(file: BinaryIO) -> Iterator[WatchedFile]:
    """Yield a file to read instead, with a progress bar; for a pipe, the bar has no end."""
    size = os.fstat(file.fileno()).st_size or None
    with progress_bar("B", total=size) as bar:
        yield WatchedFile(file, bar)
