"""The documents that a job has skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eqinfo.common.files import atomic_output, is_replaced, require_folder
from eqinfo.common.locations import STDIN, is_url
from eqinfo.shards.manifest import SKIPPED


def require_outside(path: str | os.PathLike[str], folder: Path) -> None:
    """Raise ValueError if a report would be among the shards."""
    if folder.resolve() in (Path(path).resolve(), *Path(path).resolve().parents):
        raise ValueError(
            f"expected a report of errors outside the folder of the shards, found {path} in "
            f"{folder}; name another file"
        )


def require_apart(path: str | os.PathLike[str], folder: Path, inputs: Iterable[str]) -> None:
    """Check where a report is to be written, before the work and not after it.

    Args:
        path: the file to write.
        folder: the shards.
        inputs: files that are read; "-" is standard input.

    Raises:
        FileNotFoundError: there is no folder for the report.
        ValueError: it would be among the shards, or replace an input.
    """
    require_outside(path, folder)
    require_folder(path)
    if not is_replaced(path):
        return
    old = os.stat(path)
    for source in inputs:
        if source != STDIN and not is_url(source) and os.path.samestat(os.stat(source), old):
            raise ValueError(
                f"expected a report of errors with a file of its own, found {path}, which is an "
                "input; name another file"
            )


def write_report(folder: Path, manifest: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write one line of JSON for each document that was skipped, in the order of the input.

    Args:
        folder: the shards.
        manifest: their manifest.
        path: the file to write.

    Raises:
        OSError: a file cannot be read or written.
    """
    names = (file["name"] for shard in manifest["shards"] for file in shard["files"])
    with atomic_output(path) as report:
        for name in names:
            if name.endswith(SKIPPED):
                with open(folder / name, "rb") as lines:
                    shutil.copyfileobj(lines, report)
