"""No command replaces a file that it reads: which files those are, and the check."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from typing import Any

import click

from eqinfo.common.files import is_replaced

_READ = "eqinfo.read"


class ReadPath(click.Path):
    """A path that the command reads, so that none of its outputs may replace it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check and note the path."""
        path = super().convert(value, param, ctx)
        note_read(os.fsdecode(path))
        return path


def note_read(path: str) -> None:
    """Note that the running command reads a file, "-" for standard input."""
    click.get_current_context().meta.setdefault(_READ, []).append(path)


def refuse_overwriting(outputs: Iterable[str], further: Iterable[str] = ()) -> None:
    """Raise UsageError if an output would replace a file that the command reads.

    Args:
        outputs: files that the command writes; "-" is standard output.
        further: files that it reads besides those that `note_read` was told of. They are asked for
            only if an output exists.
    """
    replaced = [(path, os.stat(path)) for path in outputs if path != "-" and is_replaced(path)]
    if not replaced:
        return
    noted = click.get_current_context().meta.get(_READ, ())
    for source in chain(noted, further):
        status = _status(source)
        for path, old in replaced:
            if status is not None and _holds(source, status, path, old):
                raise click.UsageError(
                    f"expected an output that is not read, found {path}, which the command reads; "
                    "name another file"
                )


def _status(source: str) -> os.stat_result | None:
    with suppress(OSError, AttributeError):  # missing, a URL, or standard input without a file
        return os.fstat(sys.stdin.fileno()) if source == "-" else os.stat(source)
    return None


def _holds(source: str, status: os.stat_result, path: str, old: os.stat_result) -> bool:
    """Return whether ``path`` is the file ``source``, or lies in that folder."""
    if not stat.S_ISDIR(status.st_mode):
        return os.path.samestat(status, old)
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(source), ""))
