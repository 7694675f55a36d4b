"""How the input is divided into units of work, from sizes alone.

A unit is read by one worker from beginning to end, independently of all others. It is a group of
small files, or a range of a large one. Reading cannot start in the middle of a compressed file, or
of one whose separator can overlap itself; such a file is one unit, and its content is cut into
shards while it is read. So the content of a shard depends on the input and the parameters, and not
on when or by which worker it was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from eqinfo.common.inputs import InputFormat, InputKind, identify
from eqinfo.common.locations import name_of
from eqinfo.errors import FormatError
from eqinfo.shards.bad_input import BadInputError, file_error
from eqinfo.shards.inputs import InputFile
from eqinfo.shards.parameters import ShardParameters
from eqinfo.shards.parquet import row_group_sizes
from eqinfo.shards.units import FileRange, Unit

# Text compresses to about a quarter of its size. Shards of compressed files should hold about as
# much text as others.
_EXPANSION = 4


def separator_of(parameters: ShardParameters, form: InputFormat) -> bytes | None:
    """Return what separates the documents of a text file; None: the file is one document."""
    if form == "jsonl":
        return b"\n"
    return None if parameters.separator is None else parameters.separator.encode()


def overlaps_itself(separator: bytes) -> bool:
    """Whether two occurrences can overlap; which of them separates depends on what precedes."""
    return any(separator.startswith(separator[i:]) for i in range(1, len(separator)))


def kinds_of(
    paths: Sequence[str], places: Sequence[str], parameters: ShardParameters, skip: bool
) -> list[InputKind | BadInputError]:
    """Return what files hold, or, if such files are skipped, why one cannot be read.

    Args:
        paths: the files.
        places: where each of them is read.
        parameters: how documents are read.
        skip: whether to go on without files that cannot be read.

    Raises:
        BadInputError, UnsupportedError, OSError: as `identify`.
        ValueError: a parameter that is not the default concerns none of the files.
    """
    kinds: list[InputKind | BadInputError] = []
    for path, place in zip(paths, places, strict=True):
        try:
            kinds.append(identify(place, parameters.input_format))
        except FormatError as error:  # noqa: PERF203 - each file is opened anyway
            bad = file_error(name_of(path), place, error)
            if not skip:
                raise bad from None
            kinds.append(bad)
    _check_effect(parameters, {kind.format for kind in kinds if isinstance(kind, InputKind)})
    return kinds


def _check_effect(parameters: ShardParameters, formats: Set[InputFormat]) -> None:
    """Raise ValueError if a parameter that is not the default concerns none of the files."""
    for name, default, concerned in (
        ("text_field", ShardParameters.text_field, {"csv", "jsonl", "parquet"}),
        ("separator", ShardParameters.separator, {"text"}),
    ):
        value = getattr(parameters, name)
        if value != default and formats and not concerned & formats:
            *others, last = sorted(concerned)
            wanted = f"{', '.join(others)} or {last}" if others else last
            raise ValueError(
                f"expected {name} only with input of the format {wanted}, "
                f"found {name} {value!r} with {' and '.join(sorted(formats))} only; leave it out"
            )


def make_units(
    files: Sequence[InputFile],
    kinds: Sequence[InputKind | BadInputError],
    parameters: ShardParameters,
    skip: bool = False,
) -> tuple[Unit, ...]:
    """Divide the input into units of work.

    Args:
        files: the input.
        kinds: what each file holds, or why it is not read.
        parameters: how documents are read and shards are cut.
        skip: whether to go on without files that cannot be read.

    Raises:
        BadInputError, UnsupportedError: as `parquet.row_group_sizes`, where that is not skipped.
    """
    plans = (_plan(file, kind, parameters, skip) for file, kind in zip(files, kinds, strict=True))
    return tuple(
        Unit(number, ranges, cut)
        for number, (ranges, cut) in enumerate(_group(plans, parameters.shard_bytes))
    )


@dataclass(frozen=True)
class _FilePlan:
    """The ranges of a file. If there are several, or ``cut`` is set, each is a unit by itself."""

    ranges: tuple[FileRange, ...]
    content_bytes: int
    cut: bool = False


def _group(
    plans: Iterator[_FilePlan], shard_bytes: int
) -> Iterator[tuple[tuple[FileRange, ...], bool]]:
    """Group small files up to ``shard_bytes``; yield the ranges and ``cut`` of every unit."""
    waiting: list[FileRange] = []
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


def _plan(
    file: InputFile, kind: InputKind | BadInputError, parameters: ShardParameters, skip: bool
) -> _FilePlan:
    if isinstance(kind, InputKind) and kind.format != "parquet":
        return _plan_text(file, kind, parameters)
    try:
        if isinstance(kind, BadInputError):
            raise kind
        return _plan_parquet(file, parameters)
    except FormatError as error:
        bad = file_error(file.name, file.place, error)
        if not skip:
            raise bad from None
        part = FileRange(file.name, file.place, "text", file.size, 0, None, file.size, bad)
        return _FilePlan((part,), 0)


def _plan_text(file: InputFile, kind: InputKind, parameters: ShardParameters) -> _FilePlan:
    separator = separator_of(parameters, kind.format)
    compressed = kind.compression is not None
    size = file.size * (_EXPANSION if compressed else 1)
    whole = FileRange(file.name, file.place, kind.format, file.size, 0, None, file.size)
    if kind.format == "csv":  # rows may contain line feeds
        return _FilePlan((whole,), size, cut=size > parameters.shard_bytes)
    if separator is None or size <= parameters.shard_bytes:
        return _FilePlan((whole,), size)
    if compressed or overlaps_itself(separator):
        return _FilePlan((whole,), size, cut=True)
    begins = [*range(0, file.size, parameters.shard_bytes), file.size]
    ranges = (
        FileRange(file.name, file.place, kind.format, file.size, begin, end, end - begin)
        for begin, end in pairwise(begins)
    )
    return _FilePlan(tuple(ranges), size)


def _plan_parquet(file: InputFile, parameters: ShardParameters) -> _FilePlan:
    sizes = row_group_sizes(file.place, parameters.text_field)
    begins, filled = [0], 0
    for group, size in enumerate(sizes):
        if filled and filled + size > parameters.shard_bytes:
            begins.append(group)
            filled = 0
        filled += size
    content = max(1, sum(sizes))
    ranges = []
    for begin, end in pairwise([*begins, len(sizes)]):
        stored = file.size * sum(sizes[begin:end]) // content
        ranges.append(FileRange(file.name, file.place, "parquet", file.size, begin, end, stored))
    return _FilePlan(tuple(ranges), sum(sizes))
