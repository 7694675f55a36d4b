"""A new file is on the disk before it replaces the old one, so power loss leaves one of the two."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from eqinfo.common.files import atomic_output


@pytest.mark.parametrize("existing", [False, True])
def test_all_bytes_are_synced_before_the_file_appears(
    existing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "output"
    if existing:
        path.write_bytes(b"old")
    events: list[tuple[str, int, int]] = []
    sync, replace = os.fsync, os.replace

    def recorded_sync(file: Any) -> None:
        status = os.stat(file)
        events.append(("sync", status.st_ino, status.st_size))
        sync(file)

    def recorded_replace(source: Any, target: Any, **options: Any) -> None:
        status = os.stat(source)
        events.append(("replace", status.st_ino, status.st_size))
        replace(source, target, **options)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    with atomic_output(path) as file:
        file.write(b"new" * 1000)
    number = path.stat().st_ino
    assert path.read_bytes() == b"new" * 1000
    assert [event for event in events if event[1] == number] == [
        ("sync", number, 3000),
        ("replace", number, 3000),
    ]
