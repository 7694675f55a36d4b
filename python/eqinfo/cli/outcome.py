"""What came of a file, in a line on standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

from eqinfo.common.files import is_replaced


@dataclass(frozen=True)
class Outcome:
    """What came of one input.

    Attributes:
        name: the input, "-" for standard input.
        target: the output, "-" for standard output.
        read: bytes of the input.
        written: bytes of the output.
        seconds: how long it took.
    """

    name: str
    target: str
    read: int
    written: int
    seconds: float


def show_outcome(outcome: Outcome, data: int, compressed: int, *, verbose: bool) -> None:
    """Say how large a file was and is, and how fast that was.

    As zstd does, without ``verbose`` only on a terminal, and only of a file that became a file.

    Args:
        outcome: what came of it.
        data: which of the sizes is that of the data.
        compressed: which is that of the compressed data.
        verbose: say it in any case.
    """
    if not verbose and not _is_seen(outcome):
        return
    name, target = (
        stream if path == "-" else path
        for path, stream in ((outcome.name, "standard input"), (outcome.target, "standard output"))
    )
    click.echo(
        f"{name}: {compressed / max(1, data):.2%} ({_bytes(outcome.read)} => "
        f"{_bytes(outcome.written)}, {target}), {_bytes(data / max(outcome.seconds, 1e-9))}/s",
        err=True,
    )


def _is_seen(outcome: Outcome) -> bool:
    """Return whether files became files, and not pipes or devices, and somebody is looking on."""
    names = outcome.name, outcome.target
    if sys.stderr is None or not sys.stderr.isatty() or "-" in names:
        return False
    return all(is_replaced(name) for name in names)


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB" if size < 999.5 else f"{size:,.0f} GB"
