"""The JSON files of a job: its description, the records of its shards, and the manifest."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

from eqinfo.common.files import atomic_output
from eqinfo.common.named import named
from eqinfo.errors import FormatError, NewerVersionError

FORMAT = "eqinfo-shards"
VERSIONS = {"codebook": 1, "method": 2}
"""Version of a manifest, by the kind of encoder that made the shards."""
MANIFEST = "manifest.json"
LEARNED = "learned"
"""File of what a method has learnt from text."""
WORK = ".work"
"""Subfolder for what is needed only until the job is complete."""
_SHARD_NAME = re.compile(r"[0-9]{6,20}-[0-9]{6,20}")
SKIPPED = ".skipped.jsonl"
"""Suffix of a shard's file of documents that were skipped."""
_SUFFIXES = (".bin", ".idx", ".parquet", SKIPPED)
_CHECKSUM = re.compile(r"[0-9a-f]{32}")
_MAX_ID_BITS = 32  # the widest type of ids


class FileEntry(TypedDict):
    """A file of a shard: its name in the folder, size, and XXH3-128 in hexadecimal."""

    name: str
    bytes: int
    xxh3_128: str


class _Entry(TypedDict):
    name: str
    last: bool
    documents: int
    bytes: int
    tokens: int
    files: list[FileEntry]


class ShardEntry(_Entry, total=False):
    """The record of a finished shard.

    name: the number of the unit of work, and of the shard in it.
    last: whether the shard is the last one of its unit.
    documents, bytes, tokens: how many it holds: bytes of text, and tokens with ends of documents.
    files: empty if no document begins in this part of the input.
    skipped: how many documents could not be read, by input file; absent if all could.
    """

    skipped: dict[str, int]


def write_json(path: Path, content: object) -> None:
    """Write a JSON file atomically; equal content gives equal bytes."""
    with atomic_output(path) as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Raises:
        FormatError: the file is not JSON, or not an object.
        OSError: the file cannot be read.
    """
    try:
        with named(path), open(path, "rb") as file:
            content = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: expected JSON, found something else: {error}") from None
    if not isinstance(content, dict):
        raise FormatError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check the manifest of a folder of shards.

    Raises:
        FormatError: the file is not a manifest of this package, or has impossible entries.
        NewerVersionError: the manifest has another version.
        OSError: the file cannot be read, for instance because the job is not complete.
    """
    path = Path(folder) / MANIFEST
    if not path.exists():
        raise FileNotFoundError(f"{folder}: {_why_none(Path(folder))}")
    manifest = read_json(path)
    if manifest.get("format") != FORMAT:
        found = shown(manifest.get("format"))
        raise FormatError(f"{path}: expected format {FORMAT!r}, found {found}")
    if manifest.get("version") not in VERSIONS.values():
        raise NewerVersionError(
            f"{path}: expected version 1 or 2, found {shown(manifest.get('version'))}; a later "
            "version of eqinfo may read it"
        )
    check_description(path, manifest)
    shards = manifest.get("shards")
    if not isinstance(shards, list):
        raise FormatError(f"{path}: expected a list of shards, found {type(shards).__name__}")
    for number, shard in enumerate(shards):
        if not is_shard_entry(shard):
            raise FormatError(
                f"{path}: expected shard {number} with name, counts and files, found {shown(shard)}"
            )
    expected = totals(manifest["parameters"], shards)
    for key in (*expected, "skipped"):
        if manifest.get(key) != expected.get(key):
            raise FormatError(
                f"{path}: expected {key} {expected.get(key)}, as the shards say, found "
                f"{shown(manifest.get(key))}"
            )
    return manifest


def totals(parameters: Mapping[str, Any], shards: Sequence[ShardEntry]) -> dict[str, Any]:
    """Return what a manifest says of all its shards together."""
    documents, text_bytes, tokens = (
        sum(shard[key] for shard in shards) for key in ("documents", "bytes", "tokens")
    )
    ends = documents if parameters.get("end_of_document") else 0
    return {
        "documents": documents,
        "bytes": text_bytes,
        "tokens": tokens,
        **({"skipped": skipped} if (skipped := skipped_by_file(shards)) else {}),
        "bytes_per_token": round(text_bytes / max(1, tokens - ends), 6),
    }


def skipped_by_file(shards: Iterable[ShardEntry]) -> dict[str, int]:
    """Return how many documents finished shards have skipped, by input file."""
    counts: Counter[str] = Counter()
    for shard in shards:
        counts.update(shard.get("skipped", {}))
    return dict(counts)


def _why_none(folder: Path) -> str:
    if (folder / WORK).is_dir():
        return (
            "expected a complete job, found one that was interrupted; run the same command "
            "(eqinfo tokenize) again to resume it"
        )
    found = "a folder without one" if folder.is_dir() else "no such folder"
    return f"expected shards with a {MANIFEST}, found {found}; make shards with `eqinfo tokenize`"


def check_description(path: Path, description: dict[str, Any]) -> None:
    """Raise FormatError if the encoder, parameters or inputs in a description are malformed."""
    (kind, entry), inputs = encoder_entry(description), description.get("inputs")
    if not (_is_codebook(entry) if kind == "codebook" else _is_method(entry)):
        raise FormatError(
            f"{path}: expected a {kind} with its fingerprint and sizes, found {shown(entry)}"
        )
    if not isinstance(description.get("parameters"), dict):
        found = shown(description.get("parameters"))
        raise FormatError(f"{path}: expected parameters, found {found}")
    if not isinstance(inputs, list) or not all(_is_file(file, "path") for file in inputs):
        raise FormatError(
            f"{path}: expected a list of inputs with paths, bytes and checksums, found "
            f"{shown(inputs)}"
        )


def encoder_entry(description: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the kind of encoder that a description names, and what it says about it."""
    kind = "method" if description.get("version") == VERSIONS["method"] else "codebook"
    return kind, description.get(kind)


def _is_codebook(value: object) -> bool:
    # Ids have at most 32 bits in shards; readers make numbers of so many bits.
    return (
        _is_named(value)
        and _is_count(value.get("window_bits"))
        and 0 < value["window_bits"] <= _MAX_ID_BITS
    )


def _is_method(value: object) -> bool:
    if not (_is_named(value) and isinstance(value["name"], str)):
        return False
    if not {"model", "learned"} <= value.keys():  # which are null where a method has none
        return False
    model, learned = value["model"], value["learned"]
    return (
        _is_count(value.get("vocab_size"))
        and 0 < value["vocab_size"] < 1 << _MAX_ID_BITS
        and _is_count(value.get("window_tokens", 0))
        and (model is None or (_is_named(model) and isinstance(model.get("numerics"), str)))
        and (learned is None or _is_file(learned, "name"))
        and (learned is None or learned["name"] == LEARNED)
    )


def _is_named(value: object) -> TypeGuard[dict[str, Any]]:
    return (
        isinstance(value, dict)
        and "name" in value
        and isinstance(value["name"], str | None)
        and isinstance(value.get("fingerprint"), str)
    )


def is_shard_entry(value: object) -> bool:
    """Whether a JSON value is a `ShardEntry` that names no file outside its folder."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and _SHARD_NAME.fullmatch(value["name"]) is not None
        and isinstance(value.get("last"), bool)
        and all(_is_count(value.get(key)) for key in ("documents", "bytes", "tokens"))
        and _are_counts(value.get("skipped", {}))
        and isinstance(value.get("files"), list)
        and all(_is_file(file, "name") for file in value["files"])
        and _has_its_files(value)
    )


def _has_its_files(shard: Mapping[str, Any]) -> bool:
    """Whether a shard's documents have their files, and all its files are its own."""
    found = {file["name"] for file in shard["files"]}
    tokens, offsets, parquet, skipped = (shard["name"] + suffix for suffix in _SUFFIXES)
    complete = {tokens, offsets} <= found or parquet in found or not shard["documents"]
    return complete and found <= {tokens, offsets, parquet, skipped}


def shown(value: object) -> str:
    """Return the beginning of a JSON value as it is shown in messages."""
    try:
        return f"{value!r:.200}"
    except RecursionError:
        return "a deeply nested value"


def _is_file(value: object, key: str) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get(key), str)
        and _is_count(value.get("bytes"))
        and isinstance(value.get("xxh3_128"), str)
        and _CHECKSUM.fullmatch(value["xxh3_128"]) is not None
    )


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63
