"""What a job leaves in its folder between two runs, and how it is found again.

While a job is at work, ``.work/job.json`` says what it is and ``.work/NAME.json`` that a shard is
complete. At the end ``manifest.json`` takes the place of all of them. Each file appears whole or
not at all, a record after its shard, the manifest after all records; so a kill at any moment loses
only the shard being written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.common.files import remove_temporaries
from eqinfo.errors import ChecksumError, FormatError, ModelMismatchError
from eqinfo.shards.inputs import InputFile, file_checksum
from eqinfo.shards.manifest import (
    FORMAT,
    MANIFEST,
    VERSION,
    ShardEntry,
    check_description,
    is_shard_entry,
    read_json,
    read_manifest,
    write_json,
)
from eqinfo.shards.worker import WORK, Job, unit_of

_JOB = "job.json"


def describe(job: Job, files: Sequence[InputFile]) -> dict[str, Any]:
    """Return the begin of the manifest: all that decides about the shards."""
    codebook = job.codebook
    names = (name for name in BUNDLED if Codebook.bundled(name) == codebook)
    return {
        "format": FORMAT,
        "version": VERSION,
        "codebook": {
            "name": next(names, None),
            "fingerprint": codebook.fingerprint,
            "window_bits": codebook.window_bits,
        },
        "parameters": {**asdict(job.parameters), "input_format": job.form},
        "inputs": [
            {"path": file.path, "bytes": file.size, "xxh3_128": file.checksum} for file in files
        ],
    }


def is_complete(folder: Path) -> bool:
    """Whether the job in a folder has its manifest."""
    return (folder / MANIFEST).exists()


def begun(folder: Path) -> dict[str, Any] | None:
    """Return the description of the job in a folder; None where the folder is empty.

    Raises:
        ValueError: the folder holds something else.
        FormatError, UnsupportedError: what is there cannot be read.
    """
    if is_complete(folder):
        return read_manifest(folder)
    if (folder / WORK / _JOB).exists():
        job = read_json(folder / WORK / _JOB)
        check_description(folder / WORK / _JOB, job)
        return job
    remove_temporaries(folder)
    for path in folder.iterdir():
        if path.name != WORK:
            raise ValueError(
                f"{folder}: expected an empty folder or a begun job, found {path.name}"
            )
    return None


def known_files(description: Mapping[str, Any] | None) -> list[InputFile]:
    """Return the input files with the times that an unfinished job has noted."""
    if description is None or "modified" not in description:
        return []
    return [
        InputFile(entry["path"], entry["bytes"], modified, entry["xxh3_128"])
        for entry, modified in zip(description["inputs"], description["modified"], strict=True)
    ]


def check_same(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raise where a job that goes on is not the one that was begun; see `job.tokenize`."""
    begin = f"{folder}: the job was begun with"
    if old["codebook"]["fingerprint"] != new["codebook"]["fingerprint"]:
        raise ModelMismatchError(
            f"{begin} codebook {_shown(old['codebook'])}, found {_shown(new['codebook'])}"
        )
    for key, value in new["parameters"].items():
        if old["parameters"].get(key) != value:
            raise ValueError(f"{begin} {key} {old['parameters'].get(key)!r}, found {value!r}")
    old_paths, new_paths = ([file["path"] for file in job["inputs"]] for job in (old, new))
    if old_paths != new_paths:
        pairs = zip([*old_paths, None], [*new_paths, None], strict=False)
        number, (was, found) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ValueError(
            f"{begin} {len(old_paths)} input files, found {len(new_paths)}; input {number} was "
            f"{was}, found {found}"
        )
    for was, found in zip(old["inputs"], new["inputs"], strict=True):
        if was != found:
            raise ChecksumError(
                f"{found['path']}: expected {was['bytes']} bytes with XXH3 {was['xxh3_128']}, as "
                f"when the job began, found {found['bytes']} with {found['xxh3_128']}"
            )


def _shown(codebook: Mapping[str, Any]) -> str:
    return f"{codebook['name'] or 'of a file'} ({codebook['fingerprint']})"


def write_job(folder: Path, description: Mapping[str, Any], files: Iterable[InputFile]) -> None:
    """Note down what a job is."""
    (folder / WORK).mkdir(exist_ok=True)
    modified = [file.modified for file in files]
    write_json(folder / WORK / _JOB, {**description, "modified": modified})


def read_records(folder: Path) -> list[ShardEntry]:
    """Return the records of complete shards, in order.

    Raises:
        FormatError: a file that is no record.
    """
    records = []
    for path in sorted((folder / WORK).glob("*-*.json")):
        record = read_json(path)
        if not is_shard_entry(record) or f"{record['name']}.json" != path.name:
            raise FormatError(f"{path}: expected the record of a shard; remove {folder / WORK}")
        records.append(cast(ShardEntry, record))
    return records


def verified(
    folder: Path, records: Iterable[ShardEntry], progress: Callable[[int], None]
) -> dict[str, ShardEntry]:
    """Return by name the records whose files are there with their sizes and checksums.

    Of a unit where one is not, the last record is left out too: until it is written again, the unit
    does not count as complete.
    """
    done = {record["name"]: record for record in records}
    bad = [name for name, record in done.items() if not _is_intact(folder, record, progress)]
    units = set(map(unit_of, bad))
    last = [name for name, record in done.items() if record["last"] and unit_of(name) in units]
    for name in {*bad, *last}:
        del done[name]
        (folder / WORK / f"{name}.json").unlink(missing_ok=True)
    return done


def _is_intact(folder: Path, record: ShardEntry, progress: Callable[[int], None]) -> bool:
    for file in record["files"]:
        path = folder / file["name"]
        if not path.is_file() or path.stat().st_size != file["bytes"]:
            return False
        if file_checksum(path, progress)[1] != file["xxh3_128"]:
            return False
    return True


def reopen(
    folder: Path,
    description: Mapping[str, Any],
    files: Iterable[InputFile],
    records: Iterable[ShardEntry],
) -> None:
    """Make a complete job one that is at work again, with fewer shards."""
    (folder / WORK).mkdir(exist_ok=True)
    for record in records:
        write_json(folder / WORK / f"{record['name']}.json", record)
    write_job(folder, description, files)
    (folder / MANIFEST).unlink()


def clean(folder: Path) -> None:
    """Remove what a kill has left of files that were being written."""
    remove_temporaries(folder)
    if (folder / WORK).is_dir():
        remove_temporaries(folder / WORK)


def finish(folder: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest of a job all of whose shards are complete, and return it."""
    records = read_records(folder)
    totals = {
        key: sum(record[key] for record in records) for key in ("documents", "bytes", "tokens")
    }
    ends = totals["documents"] if description["parameters"]["end_of_document"] else 0
    manifest = {
        **description,
        **totals,
        "bytes_per_token": round(totals["bytes"] / max(1, totals["tokens"] - ends), 6),
        "shards": records,
    }
    write_json(folder / MANIFEST, manifest)
    remove_work(folder)
    return manifest


def remove_work(folder: Path) -> None:
    """Remove what is of no use beside a manifest."""
    shutil.rmtree(folder / WORK, ignore_errors=True)
    clean(folder)
