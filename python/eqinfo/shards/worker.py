"""One worker's part of a job: from a unit of work to its shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from eqinfo.common.batch import TextBatch
from eqinfo.common.inputs import InputFormat
from eqinfo.common.progress import Progress
from eqinfo.shards.documents import DocumentRun, Lines, Texts
from eqinfo.shards.encoder import ShardEncoder
from eqinfo.shards.manifest import WORK, ShardEntry, write_json
from eqinfo.shards.parameters import ShardParameters
from eqinfo.shards.read import read_unit
from eqinfo.shards.units import Unit
from eqinfo.shards.write import shard_output


@dataclass(frozen=True)
class Job:
    """What a worker needs to know; can be pickled.

    Attributes:
        folder: where the shards are written.
        encoder: gives the tokens.
        parameters: how documents are read and shards are cut.
        form: format of all input files; None: they have several.
        num_threads: threads that encode, or processes (`ShardEncoder.in_processes`).
        skip: whether documents and files that cannot be read are left out.
    """

    folder: Path
    encoder: ShardEncoder
    parameters: ShardParameters
    form: InputFormat | None
    num_threads: int
    skip: bool = False


def shard_name(unit: Unit, number: int) -> str:
    """Return the name of a shard of a unit; names sort in the order of the input."""
    return f"{unit.number:06d}-{number:06d}"


def unit_of(name: str) -> int:
    """Return the number of the unit that a shard belongs to."""
    return int(name.partition("-")[0])


def record_path(folder: Path, name: str) -> Path:
    """Return where the record of a finished shard is until the job is complete."""
    return folder / WORK / f"{name}.json"


def make_shards(
    job: Job,
    unit: Unit,
    done: Mapping[str, ShardEntry],
    progress: Progress = lambda done, total: None,
) -> None:
    """Write the shards of a unit that are not done, and after each shard its record.

    A shard counts as finished only if it has a record; without one it is made again.

    Args:
        job: the job that the unit is part of.
        unit: what to read.
        done: records of finished shards, by name.
        progress: called with the stored bytes that have been read, and those of the unit.

    Raises:
        FormatError, ChecksumError, OSError: as `read.read_unit` and `write.shard_output`.
    """
    parts = {int(name.partition("-")[2]) for name in done if unit_of(name) == unit.number}
    runs = read_unit(unit, job.parameters, parts, job.skip)
    shards = groupby(runs, key=lambda numbered: numbered[0])
    shard = next(shards, None)
    if shard is None and not parts:
        _record(job, _empty_entry(shard_name(unit, 0)))
    while shard is not None:
        number, numbered_runs = shard
        name = shard_name(unit, number)
        with shard_output(job.folder, name, job.encoder, job.parameters, job.num_threads) as writer:
            for _, run in numbered_runs:
                writer.add(_watched(run, unit, progress))
                writer.skip(run.skipped)
                progress(run.consumed(), unit.stored)
        shard = next(shards, None)
        entry = ShardEntry(
            name=name,
            last=shard is None and number > max(parts, default=-1),
            documents=writer.documents,
            bytes=writer.bytes,
            tokens=writer.tokens,
            files=writer.files,
        )
        if writer.skipped:
            entry["skipped"] = dict(writer.skipped)
        _record(job, entry)
    progress(unit.stored, unit.stored)


def _watched(run: DocumentRun, unit: Unit, progress: Progress) -> Texts:
    """Return the texts of a run; the pieces of a long document report progress as they are read."""
    if isinstance(run.texts, list | TextBatch):
        return run.texts

    def pieces(texts: Iterator[bytes]) -> Iterator[bytes]:
        for piece in texts:
            yield piece
            progress(run.consumed(), unit.stored)

    assert not isinstance(run.texts, Lines)  # `read_unit` has taken them apart
    return pieces(run.texts)


def _empty_entry(name: str) -> ShardEntry:
    return ShardEntry(name=name, last=True, documents=0, bytes=0, tokens=0, files=[])


def _record(job: Job, entry: ShardEntry) -> None:
    write_json(record_path(job.folder, entry["name"]), entry)
