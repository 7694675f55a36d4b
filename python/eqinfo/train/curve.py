"""The learning curve, as a table and as a picture."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from eqinfo.common.files import atomic_output
from eqinfo.errors import UnsupportedError


class Point(NamedTuple):
    """Where training stood; losses in bits per byte, those of training since the last point.

    ``fresh`` is the loss of lanes that began without context; NaN without such lanes.
    """

    step: int
    bytes: int
    seconds: float
    streams: float
    fresh: float
    held_out: float


def require_matplotlib() -> None:
    """Raise UnsupportedError where the picture could not be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UnsupportedError(
            f"learning curves need the extra train: pip install eqinfo[train] ({error})"
        ) from None


def write_curve(path: str | os.PathLike[str], points: Sequence[Point]) -> None:
    """Write ``path`` with the suffixes .csv and .png, each atomically."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(Point._fields)
    writer.writerows(
        [f"{value:.6g}" if isinstance(value, float) else value for value in point]
        for point in points
    )
    with atomic_output(Path(f"{path}.csv")) as file:
        file.write(table.getvalue().encode())
    with atomic_output(Path(f"{path}.png")) as file:
        file.write(_picture(points))


def _picture(points: Sequence[Point]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    read = [point.bytes / 1e6 for point in points]
    for name in ("streams", "fresh", "held_out"):
        axes.plot(read, [getattr(point, name) for point in points], ".-", label=name)
    axes.set(xlabel="MB read", ylabel="bits per byte")
    axes.grid(alpha=0.3)
    axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()
