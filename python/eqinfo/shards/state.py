"""What a job leaves in its folder between two runs, and how it is found again.

While a job is at work, ``.work/job.json`` describes it, and each finished shard has a record,
``.work/NAME.json``. In the end ``manifest.json`` replaces all of them. Every file is written
completely or not at all: a record after its shard, the manifest after all records. So a kill at any
moment loses only the shard that is being written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from eqinfo.common.files import remove_temporaries
from eqinfo.common.locations import name_of
from eqinfo.common.progress import Advance
from eqinfo.errors import ChecksumError, FormatError, ModelMismatchError
from eqinfo.shards.inputs import InputFile, file_checksum
from eqinfo.shards.manifest import (
    FORMAT,
    MANIFEST,
    VERSIONS,
    WORK,
    ShardEntry,
    check_description,
    encoder_entry,
    is_shard_entry,
    read_json,
    read_manifest,
    shown,
    skipped_by_file,
    totals,
    write_json,
)
from eqinfo.shards.worker import Job, record_path, unit_of

_JOB = "job.json"


def describe(job: Job, files: Sequence[InputFile]) -> dict[str, Any]:
    """Return the beginning of the manifest: everything that determines the shards."""
    return {
        "format": FORMAT,
        "version": VERSIONS[job.encoder.kind],
        job.encoder.kind: job.encoder.entry(),
        "parameters": {**asdict(job.parameters), "input_format": job.form},
        "inputs": [
            {"path": file.path, "bytes": file.size, "xxh3_128": file.checksum} for file in files
        ],
    }


def is_complete(folder: Path) -> bool:
    """Whether the job in a folder has its manifest."""
    return (folder / MANIFEST).exists()


def begun(folder: Path) -> dict[str, Any] | None:
    """Return the description of the job in a folder; None if the folder is empty.

    Raises:
        ValueError: the folder holds something else.
        FormatError, UnsupportedError: the description or the manifest cannot be read.
    """
    if is_complete(folder):
        return read_manifest(folder)
    if (folder / WORK / _JOB).exists():
        job = read_json(folder / WORK / _JOB)
        check_description(folder / WORK / _JOB, job)
        _check_times(folder / WORK / _JOB, job)
        return job
    remove_temporaries(folder)
    for path in folder.iterdir():
        if path.name != WORK:
            raise ValueError(
                f"{folder}: expected an empty folder or a begun job, found {path.name}; choose "
                "another output folder"
            )
    return None


def has_nothing_finished(folder: Path) -> bool:
    """Whether the job in a folder, if there is one, has left nothing that it could go on from."""
    shards = any(path.name != WORK for path in folder.iterdir())
    return not shards and not any((folder / WORK).glob("*-*.json"))


def _check_times(path: Path, job: Mapping[str, Any]) -> None:
    times, count = job.get("modified"), len(job["inputs"])
    if not (isinstance(times, list) and len(times) == count and all(type(t) is int for t in times)):
        raise FormatError(
            f"{path}: expected the times of {count} inputs, found {shown(times)}; remove "
            f"{path.parent} to begin again"
        )


def known_files(description: Mapping[str, Any] | None) -> list[InputFile]:
    """Return the input files with the times that an unfinished job has recorded."""
    if description is None or "modified" not in description:
        return []
    return [
        InputFile(entry["path"], entry["path"], entry["bytes"], modified, entry["xxh3_128"])
        for entry, modified in zip(description["inputs"], description["modified"], strict=True)
    ]


def check_same(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Check that a job to be resumed is the one that was begun.

    Raises:
        ModelMismatchError: the codebook or method differs.
        ValueError: the parameters or the names of the input files differ.
        ChecksumError: the content of an input file differs.
    """
    begin = f"{folder}: the job was begun with"
    (kind, was), (_, now) = encoder_entry(old), encoder_entry(new)
    if was["fingerprint"] != now["fingerprint"]:
        raise ModelMismatchError(
            f"{begin} {kind} {_shown(was)}, found {_shown(now)}; resume with the same {kind}, or "
            "choose another folder"
        )
    for key, value in new["parameters"].items():
        if old["parameters"].get(key) != value:
            raise ValueError(
                f"{begin} {key} {old['parameters'].get(key)!r}, found {value!r}; resume with the "
                "same parameters, or choose another folder"
            )
    old_paths, new_paths = ([file["path"] for file in job["inputs"]] for job in (old, new))
    if old_paths != new_paths:
        pairs = zip([*old_paths, None], [*new_paths, None], strict=False)
        number, (was, found) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ValueError(
            f"{begin} {len(old_paths)} input files, found {len(new_paths)}; input {number} was "
            f"{shown(was)}, is now {shown(found)}; resume with the same files, or choose another "
            "folder"
        )
    for was, found in zip(old["inputs"], new["inputs"], strict=True):
        if was != found:
            raise ChecksumError(
                f"{name_of(found['path'])}: expected {was['bytes']} bytes with XXH3 "
                f"{was['xxh3_128']}, as when the job began, found {found['bytes']} with "
                f"{found['xxh3_128']}; restore the file, or choose another folder"
            )


def _shown(entry: Mapping[str, Any]) -> str:
    return f"{entry['name'] or 'of a file'} ({entry['fingerprint']})"


def write_job(folder: Path, description: Mapping[str, Any], files: Iterable[InputFile]) -> None:
    """Write the description of a job that is at work."""
    (folder / WORK).mkdir(exist_ok=True)
    modified = [file.modified for file in files]
    write_json(folder / WORK / _JOB, {**description, "modified": modified})


def read_records(folder: Path) -> list[ShardEntry]:
    """Return the records of finished shards, in the order of the input.

    Raises:
        FormatError: a file in the place of a record is not one.
    """
    records = []
    for path in sorted((folder / WORK).glob("*-*.json")):
        record = read_json(path)
        if not is_shard_entry(record) or f"{record['name']}.json" != path.name:
            raise FormatError(
                f"{path}: expected the record of a shard, found something else; remove "
                f"{folder / WORK} to begin again"
            )
        records.append(cast(ShardEntry, record))
    return records


def verified(
    folder: Path, records: Iterable[ShardEntry], advance: Advance
) -> dict[str, ShardEntry]:
    """Return the records, by name, of the shards whose files have the recorded sizes and checksums.

    If a shard of a unit is damaged, the unit's last record is left out too: the unit does not count
    as complete until that record is written again.
    """
    done = {record["name"]: record for record in records}
    bad = [name for name, record in done.items() if not _is_intact(folder, record, advance)]
    units = set(map(unit_of, bad))
    last = [name for name, record in done.items() if record["last"] and unit_of(name) in units]
    for name in {*bad, *last}:
        del done[name]
        record_path(folder, name).unlink(missing_ok=True)
    return done


def _is_intact(folder: Path, record: ShardEntry, advance: Advance) -> bool:
    for file in record["files"]:
        path = folder / file["name"]
        if not path.is_file() or path.stat().st_size != file["bytes"]:
            return False
        if file_checksum(path, advance)[1] != file["xxh3_128"]:
            return False
    return True


def reopen(
    folder: Path,
    description: Mapping[str, Any],
    files: Iterable[InputFile],
    records: Iterable[ShardEntry],
) -> None:
    """Turn a complete job with damaged shards back into one that is at work."""
    (folder / WORK).mkdir(exist_ok=True)
    for record in records:
        write_json(record_path(folder, record["name"]), record)
    write_job(folder, description, files)
    (folder / MANIFEST).unlink()


def clean(folder: Path) -> None:
    """Remove unfinished files that a killed run has left behind."""
    remove_temporaries(folder)
    if (folder / WORK).is_dir():
        remove_temporaries(folder / WORK)


def finish(folder: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Write and return the manifest of a job whose shards are all finished."""
    records = read_records(folder)
    manifest = {**description, **totals(description["parameters"], records), "shards": records}
    write_json(folder / MANIFEST, manifest)
    remove_work(folder)
    return manifest


def check_skipped(folder: Path, records: Iterable[ShardEntry]) -> None:
    """Raise ValueError if finished shards have skipped documents."""
    count = sum(skipped_by_file(records).values())
    if count:
        raise ValueError(
            f"{folder}: the job has skipped documents ({count:,}) that cannot be read; resume with "
            "on_error='skip' (--on-error skip), or choose another folder"
        )


def remove_work(folder: Path) -> None:
    """Remove what is needed only until the manifest is written."""
    shutil.rmtree(folder / WORK, ignore_errors=True)
    clean(folder)
