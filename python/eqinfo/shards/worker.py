"""One worker's part of a job: a unit of work to its shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TextBatch
from eqinfo.shards.documents import Run, Texts
from eqinfo.shards.manifest import ShardEntry, write_json
from eqinfo.shards.parameters import InputFormat, Parameters
from eqinfo.shards.read import read_unit
from eqinfo.shards.units import Unit
from eqinfo.shards.write import shard_output

WORK = ".work"
"""Folder, in the folder of shards, of what is needed only while the job is not complete."""


@dataclass(frozen=True)
class Job:
    """What a worker needs to know; pickles.

    Attributes:
        folder: of the shards.
        codebook: that makes the tokens.
        parameters: of the job.
        form: of all input files.
        num_threads: that encode.
    """

    folder: Path
    codebook: Codebook
    parameters: Parameters
    form: InputFormat
    num_threads: int


def shard_name(unit: Unit, number: int) -> str:
    """Return the name of a shard; names sort in the order of the input."""
    return f"{unit.number:06d}-{number:06d}"


def unit_of(name: str) -> int:
    """Return the number of the unit that a shard is of."""
    return int(name.partition("-")[0])


def make_shards(
    job: Job,
    unit: Unit,
    done: Mapping[str, ShardEntry],
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the shards of a unit that are not done, each followed by its record.

    A shard without a record is made again, so the record is what says that the shard is there.

    Args:
        job: to work for.
        unit: to read.
        done: shards that are complete, by name.
        progress: called with the stored bytes of the unit that have been read.

    Raises as `read.read_unit` and `write.shard_output`.
    """
    parts = {int(name.partition("-")[2]) for name in done if unit_of(name) == unit.number}
    runs = read_unit(unit, job.form, job.parameters, parts)
    shards = groupby(runs, key=lambda numbered: numbered[0])
    shard = next(shards, None)
    if shard is None and not parts:
        _record(job, _nothing(shard_name(unit, 0)))
    while shard is not None:
        number, numbered_runs = shard
        name = shard_name(unit, number)
        with shard_output(
            job.folder, name, job.codebook, job.parameters, job.num_threads
        ) as writer:
            for _, run in numbered_runs:
                writer.add(_watched(run, progress))
                progress(run.consumed())
        shard = next(shards, None)
        _record(
            job,
            ShardEntry(
                name=name,
                last=shard is None and number > max(parts, default=-1),
                documents=writer.documents,
                bytes=writer.bytes,
                tokens=writer.tokens,
                files=writer.files,
            ),
        )
    progress(unit.stored)


def _watched(run: Run, progress: Callable[[int], None]) -> Texts:
    """Report progress within a long document, too."""
    if isinstance(run.texts, list | TextBatch):
        return run.texts

    def pieces(texts: Iterator[bytes]) -> Iterator[bytes]:
        for piece in texts:
            yield piece
            progress(run.consumed())

    return pieces(run.texts)


def _nothing(name: str) -> ShardEntry:
    return ShardEntry(name=name, last=True, documents=0, bytes=0, tokens=0, files=[])


def _record(job: Job, entry: ShardEntry) -> None:
    write_json(job.folder / WORK / f"{entry['name']}.json", entry)
