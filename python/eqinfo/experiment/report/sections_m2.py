"""The sections of the report about M2s."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from eqinfo.experiment.analyses.comparison import frontier, welch
from eqinfo.experiment.report import conclusions
from eqinfo.experiment.report.figures import Figure, Figures, of_kind
from eqinfo.experiment.report.html import Cell, Section, note, plots, section, table
from eqinfo.experiment.report.paper import PAPER_M2_BITS, PAPER_M2_DEVIATION
from eqinfo.experiment.report.plots import accuracy_plot, learning_plot

_T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365}
"""Student's t by number of seeds, two-sided 95 %."""

SIGNIFICANT = 0.05
"""The paper's threshold for p (D.7)."""


def learning(figures: Figures) -> Section | None:
    """Return what M2s learn, tables 6, 9, 10 and 15 to 17, figures 3, 4, 10 and 12."""
    runs = of_kind(figures, "learning")
    if not runs:
        return None
    sizes = list(dict.fromkeys(run["size"] for run in runs))
    return section(
        "learning",
        "What M2 learns (tables 6, 9 to 11 and 15 to 17, figures 3, 4, 10 and 12)",
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
                PAPER_M2_DEVIATION.get(name),
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
        "paper: deviation",
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
                "Intervals are Student's, over seeds; the paper's standard deviations are those of "
                "five M2s of 25m (table 11)."
            ),
            _frontier(runs),
            _welch(runs),
            plots(learning_plot(first, "text_bytes"), learning_plot(first, "flops")),
            _accuracy(windowed),
        ]
    )


def _accuracy(runs: Sequence[Figure]) -> str:
    """Return figure 10, and its last points as a table."""
    if not runs:
        return ""
    rows: list[list[Cell]] = [
        [run["method"], " ".join(f"{100 * share:.1f}" for share in run["points"][-1]["accuracy"])]
        for run in runs
    ]
    return "".join(
        [
            "<h3>Accuracy by position in the window (figure 10)</h3>",
            table(["", "% of tokens guessed right at the end, position by position"], rows),
            plots(*map(accuracy_plot, runs)),
        ]
    )


def _frontier(runs: Sequence[Figure]) -> str:
    results = {
        run["method"]: (run["bytes_per_token"], _last_bits(runs, run["method"])) for run in runs
    }
    return note(
        "No other method needs both fewer steps and fewer bits per byte than these (figure 4), the "
        f"fewest steps first: {'; '.join(frontier(results))}."
    )


def _last_bits(runs: Sequence[Figure], method: str) -> float:
    last = [run["points"][-1]["bits_per_byte"] for run in runs if run["method"] == method]
    return float(statistics.mean(last))


def _welch(runs: Sequence[Figure]) -> str:
    seeds: dict[str, list[float]] = {}
    for run in runs:
        seeds.setdefault(run["method"], []).append(run["points"][-1]["bits_per_byte"])
    ranked = sorted(
        (name for name in seeds if len(seeds[name]) > 1), key=lambda name: _last_bits(runs, name)
    )
    rows: list[list[Cell]] = []
    for better, worse in pairwise(ranked):
        if len({*seeds[better]}) > 1 or len({*seeds[worse]}) > 1:
            test = welch(seeds[better], seeds[worse])
            significant = "yes" if test.p < SIGNIFICANT else "no"
            rows.append([better, worse, test.t, test.freedom, f"{test.p:.2g}", significant])
    if not rows:
        return ""
    header = ["fewer bits per byte", "more", "t", "degrees of freedom", "p", "p < 0.05"]
    return "<h3>Welch's tests over seeds (D.7)</h3>" + table(header, rows, [1])


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
