"""A queue of runs whose results are files, on which any number of processes work.

A result appears whole or not at all, so a run that was killed is simply run again. Whoever runs
something holds a lock on a file of its name; the system releases the lock when its owner dies,
however that happens. No file is ever removed, so a lock has one file only. POSIX systems only.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from eqinfo.common.replacement import move

Result: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class RunQueue:
    """The results in ``FOLDER/results``, and the locks in ``FOLDER/claims``."""

    folder: Path

    def __post_init__(self) -> None:
        """Make the folders."""
        for name in ("results", "claims"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def finished(self, name: str) -> bool:
        """Return whether there is a result."""
        return self._path(name).exists()

    def work(self, name: str, run: Callable[[], Result]) -> bool:
        """Run and keep the result, unless there is one or another process is at it.

        Returns:
            whether ``run`` was called.
        """
        if self.finished(name):
            return False
        with self._claim(name) as claimed:
            if not claimed or self.finished(name):  # it may just have been finished
                return False
            self._keep(name, run())
        return True

    def result(self, name: str) -> Result:
        """Return the result of a finished run."""
        result: Result = json.loads(self._path(name).read_text())
        return result

    def results(self) -> list[Result]:
        """Return all results, in the order of their names."""
        return [
            json.loads(path.read_text()) for path in sorted(self._path("*").parent.glob("*.json"))
        ]

    def _path(self, name: str) -> Path:
        return self.folder / "results" / f"{name}.json"

    @contextmanager
    def _claim(self, name: str) -> Iterator[bool]:
        """Hold the lock of a run for a ``with`` block; False if another process holds it."""
        with open(self.folder / "claims" / name, "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _keep(self, name: str, result: Result) -> None:
        path = self._path(name)
        unfinished = path.with_suffix(".part")
        with open(unfinished, "w") as file:
            file.write(json.dumps(result, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        move(unfinished, path)
