"""The cut of the input into units of work, from sizes alone.

A unit is read by one worker from beginning to end and does not depend on any other. It is a run of
whole small files, or a range of a large one. A file that cannot be entered in the middle
(compressed, or with a separator that can overlap itself) is a unit as a whole, and its content is
cut into shards while it is read. So what a shard holds follows from the input and the parameters,
not from who made it when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eqinfo.shards.inputs import InputFile
from eqinfo.shards.parameters import InputFormat, Parameters
from eqinfo.shards.parquet import row_group_sizes
from eqinfo.shards.units import Range, Unit

# Text packs to about a quarter, and shards are to hold about the same of it, packed or not.
_EXPANSION = 4


def separator_of(parameters: Parameters, form: InputFormat) -> bytes | None:
    """Return what stands between two documents of a file."""
    if form == "jsonl":
        return b"\n"
    return None if parameters.separator is None else parameters.separator.encode()


def overlaps_itself(separator: bytes) -> bool:
    """Whether two occurrences can overlap: then what precedes decides which is a separator."""
    return any(separator.startswith(separator[i:]) for i in range(1, len(separator)))


def make_units(
    files: Sequence[InputFile], form: InputFormat, parameters: Parameters
) -> tuple[Unit, ...]:
    """Cut the input; raises as `parquet.row_group_sizes`."""
    plans = (
        _plan_parquet(file, parameters) if form == "parquet" else _plan_text(file, form, parameters)
        for file in files
    )
    return tuple(
        Unit(number, ranges, cut)
        for number, (ranges, cut) in enumerate(_group(plans, parameters.shard_bytes))
    )


@dataclass(frozen=True)
class _FilePlan:
    """A file in ranges; several, or one that is cut while it is read, are units of their own."""

    ranges: tuple[Range, ...]
    content_bytes: int
    cut: bool = False


def _group(
    plans: Iterator[_FilePlan], shard_bytes: int
) -> Iterator[tuple[tuple[Range, ...], bool]]:
    """Put small files together until they come to ``shard_bytes``."""
    waiting: list[Range] = []
    waiting_bytes = 0
    for plan in plans:
        alone = plan.cut or len(plan.ranges) > 1
        if waiting and (alone or waiting_bytes + plan.content_bytes > shard_bytes):
            yield tuple(waiting), False
            waiting, waiting_bytes = [], 0
        if alone:
            yield from (((part,), plan.cut) for part in plan.ranges)
        else:
            waiting += plan.ranges
            waiting_bytes += plan.content_bytes
    if waiting:
        yield tuple(waiting), False


def _plan_text(file: InputFile, form: InputFormat, parameters: Parameters) -> _FilePlan:
    separator = separator_of(parameters, form)
    size = file.size * (_EXPANSION if file.compressed else 1)
    whole = Range(file.path, file.size, 0, None, file.size)
    if separator is None or size <= parameters.shard_bytes:
        return _FilePlan((whole,), size)
    if file.compressed or overlaps_itself(separator):
        return _FilePlan((whole,), size, cut=True)
    begins = [*range(0, file.size, parameters.shard_bytes), file.size]
    ranges = (
        Range(file.path, file.size, begin, end, end - begin) for begin, end in pairwise(begins)
    )
    return _FilePlan(tuple(ranges), size)


def _plan_parquet(file: InputFile, parameters: Parameters) -> _FilePlan:
    sizes = row_group_sizes(file.path, parameters.text_field)
    begins, filled = [0], 0
    for group, size in enumerate(sizes):
        if filled and filled + size > parameters.shard_bytes:
            begins.append(group)
            filled = 0
        filled += size
    content = max(1, sum(sizes))
    ranges = (
        Range(file.path, file.size, begin, end, file.size * sum(sizes[begin:end]) // content)
        for begin, end in zip(begins, [*begins[1:], len(sizes)], strict=True)
    )
    return _FilePlan(tuple(ranges), sum(sizes))
