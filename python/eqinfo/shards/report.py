"""The documents that a job has skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eqinfo.common.files import atomic_output
from eqinfo.shards.manifest import SKIPPED


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
