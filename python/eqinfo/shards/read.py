"""The documents of a unit of work, in runs that each belong to one shard."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

from eqinfo.common.inputs import open_input
from eqinfo.errors import ChecksumError
from eqinfo.shards import parquet
from eqinfo.shards.documents import LONG_BYTES, READ_BYTES, DocumentRun, divide, split
from eqinfo.shards.jsonl import texts_of_lines
from eqinfo.shards.parameters import ShardParameters
from eqinfo.shards.plan import separator_of
from eqinfo.shards.units import FileRange, Unit


def read_unit(
    unit: Unit, parameters: ShardParameters, done: Container[int] = ()
) -> Iterator[tuple[int, DocumentRun]]:
    """Yield runs of documents, each with the number of its shard in the unit, in ascending order.

    Args:
        unit: what to read.
        parameters: how documents are read and shards are cut.
        done: numbers of shards to skip.

    Raises:
        FormatError: the input is damaged or not of its format; the message names the file and the
            offset or row.
        ChecksumError: the size of a file has changed since the job began.
        OSError: a file cannot be read.
    """
    before = 0
    for part in unit.ranges:
        size = os.stat(part.path).st_size
        if size != part.size:
            raise ChecksumError(
                f"{part.path}: expected {part.size} bytes, as when the job began, found {size}; "
                "restore the file, or choose another folder for the shards"
            )
        shard_bytes = parameters.shard_bytes if unit.cut else None
        separator = separator_of(parameters, part.form)
        for number, run in _cut(_runs(part, parameters), separator, shard_bytes):
            if number in done:
                continue
            if part.form == "jsonl":
                run = texts_of_lines(run, part.path, parameters.text_field)
            if not isinstance(run.texts, list) or run.texts:
                yield number, replace(run, consumed=_shifted(run.consumed, before, part.stored))
        before += part.stored


def _shifted(consumed: Callable[[], int], before: int, most: int) -> Callable[[], int]:
    return lambda: before + min(consumed(), most)


def _cut(
    runs: Iterator[DocumentRun], separator: bytes | None, shard_bytes: int | None
) -> Iterator[tuple[int, DocumentRun]]:
    """Number runs by the stretch of ``shard_bytes`` that they begin in; None: all get 0."""
    if shard_bytes is None or separator is None:
        yield from ((0, run) for run in runs)
        return
    for run in runs:
        rest: DocumentRun | None = run
        while rest is not None:
            number = rest.offset // shard_bytes
            first, rest = divide(rest, separator, (number + 1) * shard_bytes)
            if first is not None:
                yield number, first


def _runs(part: FileRange, parameters: ShardParameters) -> Iterator[DocumentRun]:
    if part.form == "parquet":
        yield from parquet.read(part, parameters.text_field)
        return
    separator = separator_of(parameters, part.form)
    with open_input(part.path) as (content, stored, _):
        runs = _whole(content) if separator is None else _within(content, part, separator)
        for run in runs:
            yield replace(run, consumed=lambda: stored.tell() - part.begin)
        if stored.tell() < (part.size if part.end is None else part.end):
            raise ChecksumError(
                f"{part.path}: expected {part.size} bytes, as when the job began, found the end of "
                f"the file after {stored.tell()}; restore the file, and run the job again"
            )


def _whole(content: BinaryIO) -> Iterator[DocumentRun]:
    head = content.read(LONG_BYTES + 1)
    if len(head) <= LONG_BYTES:
        yield DocumentRun([head])
    else:
        yield DocumentRun(chain([head], iter(lambda: content.read(READ_BYTES), b"")))


def _within(content: BinaryIO, part: FileRange, separator: bytes) -> Iterator[DocumentRun]:
    """Yield the documents that begin in a range."""
    begin = _first_document(content, part.begin, separator) if part.begin else 0
    for run in split(content, separator, begin):
        if part.end is None:
            yield run
            continue
        first, rest = divide(run, separator, part.end)
        if first is not None:
            yield first
        if rest is not None:
            return


def _first_document(content: BinaryIO, begin: int, separator: bytes) -> int:
    """Seek to the first position at or after ``begin`` that follows a separator, and return it.

    The separator must not be able to overlap itself. Then every occurrence of its bytes is a
    separator, whatever precedes it.
    """
    position = content.seek(max(0, begin - len(separator)))
    rest = b""
    while chunk := content.read(READ_BYTES):
        rest += chunk
        found = rest.find(separator)
        if found >= 0:
            return content.seek(position + found + len(separator))
        # A separator may begin in the last bytes.
        passed = max(0, len(rest) - len(separator) + 1)
        position, rest = position + passed, rest[passed:]
    return position + len(rest)
