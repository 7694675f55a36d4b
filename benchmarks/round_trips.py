"""Compressors of one text in one table: bits per byte and speed, after every round trip is checked.

Times are processor time of one thread, the best of all repeats, in turns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from common import Cell, Report, noise, time_in_turns
from compressors import Compressor

HEADER = ["", "bits per byte", "compress, MB/s", "decompress, MB/s"]


def packed(compressor: Compressor, parts: Sequence[bytes]) -> list[bytes]:
    """Compress documents, and check that they come back; exit if they do not."""
    found = compressor.compress(parts)
    if compressor.decompress(found) != list(parts):
        sys.exit(f"{compressor.name} did not restore the text")
    return found


def compare(
    report: Report,
    name: str,
    data: bytes,
    compressors: Sequence[Compressor],
    repeats: int,
    alone: Mapping[str, Callable[[], object]] | None = None,
) -> None:
    """Print the table of a text.

    Args:
        report: what prints it.
        name: of the text.
        data: the text.
        compressors: what to compare.
        repeats: of each.
        alone: steps of compressing, which are timed with them.
    """
    coded = {each.name: packed(each, [data]) for each in compressors}
    compress = {each.name: partial(each.compress, [data]) for each in compressors}
    decompress = {each.name: partial(each.decompress, coded[each.name]) for each in compressors}
    writing = time_in_turns({**compress, **(alone or {})}, repeats)
    reading = time_in_turns(decompress, repeats)
    size = len(data)
    rows: list[list[Cell]] = [
        [
            name,
            f"{8 * sum(map(len, coded[name])) / size:.3f}" if name in coded else "",
            size / 1e6 / timing.best,
            size / 1e6 / reading[name].best if name in reading else "",
        ]
        for name, timing in writing.items()
    ]
    title = f"{name}, {size:,} bytes; compress: {noise(writing)}; decompress: {noise(reading)}"
    report.table(title, HEADER, rows)
