"""The sections of the report about M2s."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from eqinfo.experiment.report import conclusions
from eqinfo.experiment.report.figures import Figure, Figures, of_kind
from eqinfo.experiment.report.html import Cell, Section, note, plots, section, table
from eqinfo.experiment.report.paper import PAPER_M2_BITS, PAPER_TASK_ACCURACY
from eqinfo.experiment.report.plots import accuracy_plot, learning_plot

_T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365}
"""Student's t by number of seeds, two-sided 95 %."""


def learning(figures: Figures) -> Section | None:
    """Return what M2s learn, tables 6 and 15 to 17, figures 3 and 10."""
    runs = of_kind(figures, "learning")
    if not runs:
        return None
    sizes = list(dict.fromkeys(run["size"] for run in runs))
    return section(
        "learning",
        "What M2 learns (tables 6 and 15 to 17, figures 3 and 10)",
        conclusions.learning([run for run in runs if run["size"] == sizes[-1]]),
        *(_of_size(size, [run for run in runs if run["size"] == size]) for size in sizes),
    )


def _of_size(size: str, runs: Sequence[Figure]) -> str:
    flops = min(run["points"][-1]["flops"] for run in runs)
    rows: list[list[Cell]] = []
    names = list(dict.fromkeys(run["method"] for run in runs))
    for name in names:
        mine = [run for run in runs if run["method"] == name]
        last = [run["points"][-1]["bits_per_byte"] for run in mine]
        paper = PAPER_M2_BITS.get(name)
        rows.append(
            [
                name,
                mine[0]["bytes_per_token"],
                mine[0]["uniform"],
                mine[0]["unigram"],
                statistics.mean(last),
                interval(last),
                statistics.mean(bits_at(run["points"], flops) for run in mine),
                f"{mine[0]['flops_per_byte']:.3g}",
                " ".join(map(_two_digits, paper)) if paper else None,
            ]
        )
    header = [
        "",
        "bytes per token",
        "uniform",
        "unigram",
        "bits per byte, matched bytes",
        "95 % interval",
        "bits per byte, matched FLOPs",
        "FLOPs per byte",
        "paper: 25m 113m 403m 2b",
    ]
    first = [next(run for run in runs if run["method"] == name) for name in names]
    windowed = [run for run in first if len(run["points"][0]["accuracy"]) > 1]
    return "".join(
        [
            f"<h3>M2 {size}</h3>",
            table(header, rows),
            note(
                f"Matched bytes: {runs[0]['points'][-1]['text_bytes'] / 1e6:.2f} MB of text. "
                f"Matched FLOPs: {flops:.3g}, interpolated between the points of each method. "
                "Intervals are Student's, over seeds."
            ),
            plots(learning_plot(first, "text_bytes"), learning_plot(first, "flops")),
            "<h3>Accuracy by position in the window (figure 10)</h3>" if windowed else "",
            plots(*map(accuracy_plot, windowed)),
        ]
    )


def _two_digits(bits: float | None) -> str:
    return "-" if bits is None else f"{bits:.2f}"


def interval(values: Sequence[float]) -> str | None:
    """Return the half width of the mean's 95 % interval; None outside 2 to 8 values."""
    count = len(values)
    if count not in _T95:
        return None
    return f"± {_T95[count] * statistics.stdev(values) / math.sqrt(count):.3f}"


def bits_at(points: Sequence[Figure], flops: float) -> float:
    """Return bits per byte at a number of FLOPs, interpolated linearly in log FLOPs."""
    seen = [math.log(point["flops"]) for point in points]
    bits = [float(point["bits_per_byte"]) for point in points]
    return float(np.interp(math.log(flops), seen, bits))


def tasks(figures: Figures) -> Section | None:
    """Return how well M2s compress and decompress, table 5."""
    found = of_kind(figures, "task")
    if not found:
        return None
    rows: list[list[Cell]] = []
    for figure in found:
        paper = PAPER_TASK_ACCURACY.get((figure["source"], figure["target"]))
        rows.append(
            [
                figure["source"] or "(nothing)",
                figure["target"],
                f"{100 * figure['accuracy']:.1f} %",
                None if paper is None else f"{paper:.1f} %",
            ]
        )
    header = ["from", "to", "tokens guessed right", "paper"]
    return section(
        "tasks",
        "Compressing and decompressing (table 5)",
        conclusions.tasks(found),
        table(header, rows, [1]),
    )
