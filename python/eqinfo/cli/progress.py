"""Progress bars on standard error, shown only on a terminal and only for work of over a second."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, BinaryIO

from tqdm import tqdm

from eqinfo.common.named import named
from eqinfo.common.progress import Progress

if TYPE_CHECKING:
    from eqinfo.shards.job import StageProgress

_DELAY = 1.0  # seconds before a bar appears
_INTERVAL = 0.5  # seconds between two updates of its time


class ProgressBar:
    """Moves a bar; is itself a `Progress`."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self._bar = bar
        self._lock = Lock()

    def __call__(self, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` units are done."""
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def advance(self, units: int) -> None:
        """Show that more units are done; any thread may call it."""
        with self._lock:
            self._bar.update(units)

    def note(self, text: str) -> None:
        """Show a text after the bar, from its next update on."""
        self._bar.set_postfix_str(text, refresh=False)


@contextmanager
def progress_bar(
    unit: str, description: str | None = None, *, total: int | None = None, hidden: bool = False
) -> Iterator[ProgressBar]:
    """Yield a bar that disappears at the end; ``unit`` names what it counts, "B" for bytes."""
    ncols, nrows = bar_size()
    bar = tqdm(
        total=total,
        desc=description,
        unit=unit,
        unit_scale=unit == "B",
        disable=True if hidden else None,  # None: unless standard error is a terminal
        delay=_DELAY,
        leave=False,
        ncols=ncols,
        nrows=nrows,
    )
    with bar, _refreshed(bar):
        yield ProgressBar(bar)


def bar_size() -> tuple[int | None, int | None]:
    """Return tqdm's ``ncols`` and ``nrows``: None for those of the terminal, if it knows its size.

    A pseudo-terminal has no columns and no rows until they are set, and tqdm would write nothing.
    """
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        return None, None
    return (None, None) if size.columns and size.lines else (80, 24)


@contextmanager
def _refreshed(bar: tqdm[Any]) -> Iterator[None]:
    """Keep the time on a bar going where seconds pass between two updates, or before the first."""
    if bar.disable:
        yield
        return
    end = Event()

    def refresh() -> None:
        wait = _DELAY
        while not end.wait(wait):
            bar.refresh()
            wait = _INTERVAL

    thread = Thread(target=refresh, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


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
        """Read ``size`` bytes, or fewer at the end of the file."""
        return self._read(self._file.read, size)

    def read1(self, size: int, /) -> bytes:
        """Read what is there, up to ``size`` bytes; wait only if there is nothing.

        Not to be mixed with `read`, which may keep more in the buffer of the file.
        """
        return self._read(getattr(self._file, "raw", self._file).read, size)

    def _read(self, read: Callable[[int], bytes | None], size: int) -> bytes:
        with named(self._file.name):
            # Where another process has set O_NONBLOCK for a pipe that it shares, None is no end.
            while (data := read(size)) is None:
                select.select([self._file], [], [])
        self._bar.advance(len(data))
        return data


@contextmanager
def watched(file: BinaryIO, with_bar: bool = True) -> Iterator[WatchedFile]:
    """Yield a file to read instead, with a progress bar; for a pipe, the bar has no end."""
    with progress_bar("B", total=size_of(file), hidden=not with_bar) as bar:
        yield WatchedFile(file, bar)


def size_of(file: BinaryIO) -> int | None:
    """Return the size of a file in bytes; None for a pipe."""
    return os.fstat(file.fileno()).st_size or None
