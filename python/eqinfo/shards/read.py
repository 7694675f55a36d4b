"""The documents of a unit of work, in runs that each belong to one shard."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

from eqinfo.common.batch import TextBatch
from eqinfo.common.inputs import open_input
from eqinfo.common.locations import status
from eqinfo.errors import ChecksumError, FormatError
from eqinfo.shards import csv_table, parquet
from eqinfo.shards.bad_input import file_error
from eqinfo.shards.documents import (
    LONG_BYTES,
    READ_BYTES,
    DocumentRun,
    Lines,
    divide,
    split,
    split_lines,
)
from eqinfo.shards.jsonl import LineReader
from eqinfo.shards.parameters import ShardParameters
from eqinfo.shards.plan import separator_of
from eqinfo.shards.units import FileRange, Unit


def read_unit(
    unit: Unit, parameters: ShardParameters, done: Container[int] = (), skip: bool = False
) -> Iterator[tuple[int, DocumentRun]]:
    """Yield runs of documents, each with the number of its shard in the unit, in ascending order.

    Args:
        unit: what to read.
        parameters: how documents are read and shards are cut.
        done: numbers of shards to leave out.
        skip: whether to go on after documents that cannot be read, and after files of which the
            rest cannot be read. They are in ``skipped`` of the runs.

    Raises:
        BadInputError: the input is damaged or not of its format, and that is not skipped; or a
            document of more than 16 MiB is damaged.
        ChecksumError: the size of a file has changed since the job began.
        OSError: a file cannot be read.
    """
    before = 0
    for part in unit.ranges:
        size = status(part.path).size
        if size != part.size:
            raise ChecksumError(
                f"{part.name}: expected {part.size} bytes, as when the job began, found {size}; "
                "restore the file, or choose another folder for the shards"
            )
        shard_bytes = parameters.shard_bytes if unit.cut else None
        for number, run in _parts(part, parameters, shard_bytes, done, skip):
            if number not in done:
                yield number, replace(run, consumed=_shifted(run.consumed, before, part.stored))
        before += part.stored


def _parts(
    part: FileRange,
    parameters: ShardParameters,
    shard_bytes: int | None,
    done: Container[int],
    skip: bool,
) -> Iterator[tuple[int, DocumentRun]]:
    """Yield the documents of a range, with the numbers of their shards."""
    number = 0
    lines = LineReader(part, parameters.text_field, skip)
    try:
        if part.refused is not None:
            raise part.refused
        separator = separator_of(parameters, part.form)
        for number, run in _cut(_runs(part, parameters, skip), separator, shard_bytes):
            if isinstance(run.texts, Lines):
                if number in done:
                    lines.pass_over(run)
                    continue
                run = lines.texts(run)
            if not isinstance(run.texts, list | TextBatch) or run.texts or run.skipped:
                yield number, run
    except FormatError as error:
        bad = file_error(part.name, part.path, error)
        if not skip:
            raise bad from None
        yield number, DocumentRun([], skipped=(bad,))


def _shifted(consumed: Callable[[], int], before: int, most: int) -> Callable[[], int]:
    return lambda: before + min(consumed(), most)


def _cut(
    runs: Iterator[DocumentRun], separator: bytes | None, shard_bytes: int | None
) -> Iterator[tuple[int, DocumentRun]]:
    """Number runs by the stretch of ``shard_bytes`` that they begin in; None: all get 0."""
    for run in runs:
        if shard_bytes is None:
            yield 0, run
            continue
        if isinstance(run.texts, TextBatch) or separator is None:  # is small, and stays whole
            yield run.offset // shard_bytes, run
            continue
        rest: DocumentRun | None = run
        while rest is not None:
            number = rest.offset // shard_bytes
            first, rest = divide(rest, separator, (number + 1) * shard_bytes)
            if first is not None:
                yield number, first


def _runs(part: FileRange, parameters: ShardParameters, skip: bool) -> Iterator[DocumentRun]:
    if part.form == "parquet":
        yield from parquet.read(part, parameters.text_field, skip)
        return
    separator = separator_of(parameters, part.form)
    with open_input(part.path) as stream:
        if part.form == "csv":
            yield from csv_table.read(part, stream, parameters.text_field, skip)
            return
        content, stored, _ = stream
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
        content.read(1)  # raises if the document ends in damage
        yield DocumentRun([head])
    else:
        yield DocumentRun(chain([head], iter(lambda: content.read(READ_BYTES), b"")))


def _within(content: BinaryIO, part: FileRange, separator: bytes) -> Iterator[DocumentRun]:
    """Yield the documents that begin in a range."""
    begin = _first_document(content, part.begin, separator) if part.begin else 0
    lines = part.form == "jsonl"
    for run in split_lines(content, begin) if lines else split(content, separator, begin):
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
