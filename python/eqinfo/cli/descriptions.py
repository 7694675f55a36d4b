"""What files and folders of this package, other than compressed ones, say about themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import click

from eqinfo.common.named import named
from eqinfo.common.tensor_file import FORMAT_PREFIX, metadata_of
from eqinfo.container.magic import CHECKPOINT_MAGIC
from eqinfo.shards.manifest import read_manifest

_OF_THE_FORMAT = {"format", "version"}


def description_of(source: str) -> Mapping[str, Any] | None:
    """Return what a codebook, model, column, checkpoint or folder of shards says about itself.

    None, for the path of something else. "format" and "version" are among the names.

    Raises:
        FormatError, ChecksumError, UnsupportedError: as the readers of checkpoints and manifests.
        ImportError: a checkpoint, without PyTorch.
        OSError: the file cannot be read.
    """
    if os.path.isdir(source):
        manifest = read_manifest(source)
        return {**manifest, "inputs": len(manifest["inputs"]), "shards": len(manifest["shards"])}
    if not os.path.isfile(source):
        return None
    with open(source, "rb") as file, named(source):
        if file.read(len(CHECKPOINT_MAGIC)) == CHECKPOINT_MAGIC:
            from eqinfo.train.checkpoint import describe_checkpoint

            return describe_checkpoint(source)
    metadata = metadata_of(source)
    return metadata if metadata.get("format", "").startswith(FORMAT_PREFIX) else None


def print_description(name: str, description: Mapping[str, Any]) -> None:
    """Print a description, a line for each name; names in names are joined by dots."""
    entries = dict(sorted(_flat(description)))
    first = f"{entries.pop('format')}, version {entries.pop('version', 'unknown')}"
    width = max(map(len, entries), default=0)
    lines = [first, *(f"{key:<{width}} {value}" for key, value in entries.items())]
    # Anyone can write such a file, and control characters would reach the terminal.
    first, *rest = (line if line.isprintable() else repr(line) for line in lines)
    click.echo(f"{os.fspath(name)}: {first}")
    for line in rest:
        click.echo(f"    {line}")


def _flat(description: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in description.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(value)
