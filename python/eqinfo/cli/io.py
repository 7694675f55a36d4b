"""Input and output of commands: files, pipes, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from tqdm import tqdm

from eqinfo.common.files import atomic_output

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
def open_output(path: str) -> Iterator[BinaryIO]:
    """Open a file that appears whole or not at all, or standard output for "-"."""
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with atomic_output(path) as file:
        yield file


def chunks_of(file: BinaryIO, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Read to the end, with a progress bar where somebody is looking and it takes a while."""
    size = os.fstat(file.fileno()).st_size or None
    with tqdm(total=size, unit="B", unit_scale=True, disable=None, delay=1, leave=False) as bar:
        while chunk := file.read(chunk_bytes):
            yield chunk
            bar.update(len(chunk))
