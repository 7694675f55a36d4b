"""Input and output of commands: files and pipes."""

from __future__ import annotations

import codecs
import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click

from eqinfo.cli.progress import watched
from eqinfo.common.files import atomic_output, is_replaced
from eqinfo.common.named import named

CHUNK_BYTES = 1 << 20


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
        with named("standard output"):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
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


def refuse_terminal(path: str) -> None:
    """Raise UsageError if binary data would go to a terminal."""
    if path == "-" and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError(
            "compressed data are not for a terminal; name a file with --output, or use --force to "
            "print them anyway"
        )


def chunks_of(file: BinaryIO, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the content of a file in chunks, with a progress bar."""
    with watched(file) as readable:
        while chunk := readable.read(chunk_bytes):
            yield chunk
