"""The learning curve of a training run, as a table (CSV) and as a picture (PNG)."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from typing import NamedTuple

from eqinfo.common.files import atomic_output
from eqinfo.errors import UnsupportedError


class Point(NamedTuple):
    """A point of the learning curve; losses are in bits per byte.

    Attributes:
        step: steps done.
        bytes: bytes read in these steps, by all processes together.
        seconds: training time.
        streams: training loss of lanes with context, averaged over the steps since the last point;
            NaN if there are no such lanes.
        fresh: training loss of lanes that begin without context; NaN if there are no such lanes.
            `PaperTraining` gives that of the last step.
        held_out: loss on the held-out text.
    """

    step: int
    bytes: int
    seconds: float
    streams: float
    fresh: float
    held_out: float


def require_matplotlib() -> None:
    """Raise UnsupportedError if matplotlib, which draws the picture, is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UnsupportedError(
            "expected matplotlib, which draws learning curves: "
            f"install it with pip install eqinfo[train] ({error})"
        ) from None


def curve_files(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the names of the table and the picture that `write_curve` writes for ``path``."""
    return f"{os.fspath(path)}.csv", f"{os.fspath(path)}.png"


def write_curve(path: str | os.PathLike[str], points: Sequence[Point]) -> None:
    """Write ``path``.csv and ``path``.png, each atomically."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(Point._fields)
    writer.writerows(
        [f"{value:.6g}" if isinstance(value, float) else value for value in point]
        for point in points
    )
    table_file, picture_file = curve_files(path)
    with atomic_output(table_file) as file:
        file.write(table.getvalue().encode())
    with atomic_output(picture_file) as file:
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
