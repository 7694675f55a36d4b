"""Input and output of commands: files and pipes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click

from eqinfo.cli.progress import watched
from eqinfo.common.files import atomic_output, is_replaced

CHUNK_BYTES = 1 << 20


@contextmanager
def open_input(source: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for "-"."""
    if source == "-":
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
    if path == "-" and sys.stdout.isatty():
        raise click.UsageError(
            "compressed data are not for a terminal; name a file with --output, or use --force to "
            "print them anyway"
        )


def chunks_of(file: BinaryIO, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the content of a file in chunks, with a progress bar."""
    with watched(file) as readable:
        while chunk := readable.read(chunk_bytes):
            yield chunk
