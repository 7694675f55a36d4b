"""The documents of a unit of work, in runs that belong to one shard each."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

from eqinfo.errors import ChecksumError
from eqinfo.shards import parquet
from eqinfo.shards.compression import open_stream
from eqinfo.shards.documents import LONG_BYTES, READ_BYTES, Run, divide, split
from eqinfo.shards.jsonl import texts_of_lines
from eqinfo.shards.parameters import InputFormat, Parameters
from eqinfo.shards.plan import separator_of
from eqinfo.shards.units import Range, Unit


def read_unit(
    unit: Unit, form: InputFormat, parameters: Parameters, done: Container[int] = ()
) -> Iterator[tuple[int, Run]]:
    """Yield runs of documents with the number of their shard within the unit; shards ascend.

    Args:
        unit: what to read.
        form: of all its files.
        parameters: of the job.
        done: shards to pass over.

    Raises:
        FormatError: input that is damaged or not of its format; names file and offset or row.
        ChecksumError: a file has another size than when the job began.
        OSError: a file cannot be read.
    """
    before = 0
    for part in unit.ranges:
        size = os.stat(part.path).st_size
        if size != part.size:
            raise ChecksumError(
                f"{part.path}: expected {part.size} bytes, as when the job began, found {size}"
            )
        shard_bytes = parameters.shard_bytes if unit.cut else None
        for number, run in _cut(_runs(part, form, parameters), form, parameters, shard_bytes):
            if number in done:
                continue
            if form == "jsonl":
                run = texts_of_lines(run, part.path, parameters.text_field)
            if not isinstance(run.texts, list) or run.texts:
                yield number, replace(run, consumed=_shifted(run.consumed, before, part.stored))
        before += part.stored


def _shifted(consumed: Callable[[], int], before: int, most: int) -> Callable[[], int]:
    return lambda: before + min(consumed(), most)


def _cut(
    runs: Iterator[Run], form: InputFormat, parameters: Parameters, shard_bytes: int | None
) -> Iterator[tuple[int, Run]]:
    """Number runs by the part of the content that they begin in; None: all is one part."""
    separator = separator_of(parameters, form)
    if shard_bytes is None or separator is None:
        yield from ((0, run) for run in runs)
        return
    for run in runs:
        rest: Run | None = run
        while rest is not None:
            number = rest.offset // shard_bytes
            first, rest = divide(rest, separator, (number + 1) * shard_bytes)
            if first is not None:
                yield number, first


def _runs(part: Range, form: InputFormat, parameters: Parameters) -> Iterator[Run]:
    if form == "parquet":
        yield from parquet.read(part, parameters.text_field)
        return
    separator = separator_of(parameters, form)
    with open_stream(part.path) as (content, stored):
        runs = _whole(content) if separator is None else _within(content, part, separator)
        for run in runs:
            yield replace(run, consumed=lambda: stored.tell() - part.begin)


def _whole(content: BinaryIO) -> Iterator[Run]:
    head = content.read(LONG_BYTES + 1)
    if len(head) <= LONG_BYTES:
        yield Run([head])
    else:
        yield Run(chain([head], iter(lambda: content.read(READ_BYTES), b"")))


def _within(content: BinaryIO, part: Range, separator: bytes) -> Iterator[Run]:
    """Yield documents that begin in a range."""
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
    """Go to the first place at or after ``begin`` that follows a separator, and return it.

    The separator must not overlap itself: then each of its occurrences is one, whatever precedes.
    """
    position = content.seek(max(0, begin - len(separator)))
    rest = b""
    while chunk := content.read(READ_BYTES):
        rest += chunk
        found = rest.find(separator)
        if found >= 0:
            return content.seek(position + found + len(separator))
        # The begin of a separator may be at the end.
        passed = max(0, len(rest) - len(separator) + 1)
        position, rest = position + passed, rest[passed:]
    return position + len(rest)
