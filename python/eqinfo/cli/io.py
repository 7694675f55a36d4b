"""Input and output of commands: files and pipes."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click

from eqinfo.cli.progress import watched
from eqinfo.common.files import atomic_output, is_replaced, open_descriptor
from eqinfo.common.named import Readable, add_name, named

CHUNK_BYTES = 1 << 20
_WAITING_SECONDS = 0.05


def prepare_streams() -> None:
    """Make the standard streams fit for use, whatever they were when the process began.

    Closed ones are filled with a device, lest files take their descriptors. Names of files that are
    not in the encoding of the output are written as the bytes that they are, and characters that it
    lacks as escapes.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # noqa: PERF203 - three at most
            # Opened the wrong way round: to use it is an error, not silence.
            os.open(os.devnull, os.O_RDONLY if descriptor else os.O_WRONLY)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    codecs.register_error("eqinfo.printable", _printable)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="eqinfo.printable")


def _printable(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


def show_error(error: Exception) -> None:
    """Say on standard error what failed."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        add_name(error, "standard output")  # where `click.echo` writes; files are named already
    click.echo(f"eqinfo: {error}", err=True)


def require_standard_output() -> None:
    """Raise OSError if the process was started without a standard output."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "Standard output is closed; name a file with --output")


@contextmanager
def open_input(source: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for "-"."""
    if source == "-":
        if sys.stdin is None:
            raise OSError(errno.EBADF, "Standard input is closed; name a file")
        yield sys.stdin.buffer
        return
    with open(source, "rb") as file:
        yield file


@contextmanager
def open_output(path: str, source: os.stat_result | None = None) -> Iterator[BinaryIO]:
    """Open a file that is written completely or not at all, or standard output for "-".

    A file that does not exist yet gets the permissions and owner of ``source``.
    """
    if path == "-":
        require_standard_output()
        out = sys.stdout.buffer
        if isinstance(out, io.RawIOBase):  # PYTHONUNBUFFERED; it may write less than it gets
            out = io.BufferedWriter(io.FileIO(out.fileno(), "wb", closefd=False))
        with named("standard output"):
            yield out
            out.flush()
        return
    with atomic_output(path, source) as file:
        yield file


def status_of(file: BinaryIO) -> os.stat_result | None:
    """Return the status of a regular file; None for pipes and devices."""
    status = os.fstat(file.fileno())
    return status if stat.S_ISREG(status.st_mode) else None


def refuse_existing(path: str) -> None:
    """Raise FileExistsError if there is a file at ``path`` whose content would be lost."""
    if path != "-" and is_replaced(path):
        raise FileExistsError(f"{path}: the file exists already; replace it with --force")


def refuse_terminal(path: str, content: str, advice: str) -> None:
    """Raise UsageError if binary data would go to a terminal.

    Args:
        path: the output, "-" for standard output.
        content: what the data are, for the message.
        advice: what else than naming a file can be done; may be empty.
    """
    if _is_terminal(path):
        raise click.UsageError(
            f"{content} are not for a terminal; name a file with --output"
            + (f", or {advice}" if advice else "")
        )


def _is_terminal(path: str) -> bool:
    """Return whether an output is a terminal, by whatever name (/dev/stdout, /dev/tty)."""
    if path == "-":
        return sys.stdout is not None and sys.stdout.isatty()
    descriptor = open_descriptor(path)
    try:
        if descriptor is not None:
            return os.isatty(descriptor)
        if not stat.S_ISCHR(os.stat(path).st_mode):
            return False
        opened = os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0))
    except OSError:  # opening it to write will say why
        return False
    try:
        return os.isatty(opened)
    finally:
        os.close(opened)


class Unread:
    """A file with some bytes, which were read from it to see what it is, before the others."""

    def __init__(self, head: bytes, file: Readable) -> None:
        self._head = head
        self._file = file

    def read(self, size: int, /) -> bytes | None:
        """Read up to ``size`` bytes."""
        if not self._head:
            return self._file.read(size)
        part, self._head = self._head[:size], self._head[size:]
        return part


def arriving(
    file: BinaryIO, waiting: Callable[[], bool], *, with_bar: bool = True
) -> Iterator[bytes]:
    """Yield the content of a file in pieces, as they come.

    Args:
        file: a file or a pipe.
        waiting: called when a pipe has nothing to read yet, and every 50 ms from then on while
            it returns True.
        with_bar: whether to show how much has been read.
    """
    is_pipe = status_of(file) is None
    with watched(file, with_bar) as readable:
        while True:
            if is_pipe:
                delay = 0.0
                while not select.select([file], [], [], delay)[0] and waiting():
                    delay = _WAITING_SECONDS
            chunk = readable.read1(CHUNK_BYTES)
            if not chunk:
                return
            yield chunk


def chunks_of(file: BinaryIO, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the content of a file in chunks, with a progress bar."""
    with watched(file) as readable:
        while chunk := readable.read(chunk_bytes):
            yield chunk
