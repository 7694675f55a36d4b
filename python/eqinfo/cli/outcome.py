"""What compressing came to, in a line on the terminal."""

from __future__ import annotations

import os
import sys

import click

from eqinfo.common.files import is_replaced


def show_compression(name: str, target: str, seconds: float) -> None:
    """Say how large a file was and is, and how fast it was compressed.

    As zstd does, only on a terminal, and only of a file that became a file.

    Args:
        name: the file that was compressed.
        target: what it was compressed to.
        seconds: how long that took.
    """
    if sys.stderr is None or not sys.stderr.isatty() or "-" in (name, target):
        return
    if not is_replaced(name) or not is_replaced(target):  # pipes and devices
        return
    size, compressed = os.path.getsize(name), os.path.getsize(target)
    click.echo(
        f"{name}: {compressed / max(1, size):.2%} ({_bytes(size)} => {_bytes(compressed)}, "
        f"{target}), {_bytes(size / max(seconds, 1e-9))}/s",
        err=True,
    )


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB" if size < 999.5 else f"{size:,.0f} GB"
