"""Plots of a study's figures as SVG, by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

from eqinfo.experiment import extras
from eqinfo.experiment.report.figures import Figure

_SIZE = (7.5, 3.6)
_COLORS = 10  # of lines; then they repeat
_STYLES = ("-", "--", ":")
_INK = "#010203"  # stands for the page's own colour


class Plot:
    """Axes to draw on; `svg` then returns the picture."""

    def __init__(self, pyplot: Any, **options: Any) -> None:
        self._pyplot = pyplot
        self._figure, self.axes = pyplot.subplots(figsize=_SIZE, layout="constrained", **options)

    def label(self, x: str, y: str) -> None:
        """Label both axes and add the legend."""
        self.axes.set_xlabel(x)
        self.axes.set_ylabel(y)
        self.axes.legend()

    def svg(self, title: str) -> str:
        """Return the picture as an ``svg`` element with a title, and close it.

        Lines and text take the page's colour, so the picture is readable in dark mode.

        Args:
            title: says what is seen, also for those who cannot see it.
        """
        self.axes.set_title(title, loc="left")
        file = io.StringIO()
        self._figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
        self._pyplot.close(self._figure)
        text = file.getvalue().replace(_INK, "currentColor")
        attributes = f'<svg role="img" aria-label="{escape(title)}" '
        return text[text.index("<svg") :].replace("<svg ", attributes, 1)


@contextmanager
def _plot(**options: Any) -> Iterator[Plot]:
    matplotlib = extras.load("matplotlib")
    matplotlib.use("svg")
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "eqinfo",
        "font.size": 9,
        "axes.titlesize": 10,
        "legend.frameon": False,
        **dict.fromkeys(
            ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
        ),
    }
    with matplotlib.rc_context(settings):
        yield Plot(extras.load("matplotlib.pyplot"), **options)


def stability_plot(figures: Sequence[Figure]) -> str:
    """Draw the distribution of distances between token sequences (figure 8)."""
    with _plot() as plot:
        for figure in figures:
            counts = figure["distances"]
            total = sum(counts)
            shares = [count / total for count in counts]
            plot.axes.plot(
                range(len(counts)), shares, label=figure["method"], drawstyle="steps-mid"
            )
        plot.label("Levenshtein distance, tokens", "share of pairs")
        return plot.svg("How many tokens of a sentence change with the word before it")


def divergence_plot(figures: Sequence[Figure], kind: str) -> str:
    """Draw divergence from uniform over the length of segments (figures 11 and 17).

    Args:
        figures: one per method.
        kind: "grams" for overlapping n-grams, "tokens" for tokens of n bits.
    """
    with _plot() as plot:
        for figure in figures:
            points = figure[kind]
            sizes, corrected, low, high = (
                [point[key] for point in points] for key in ("size", "corrected", "low", "high")
            )
            line = plot.axes.plot(sizes, corrected, label=figure["method"])
            plot.axes.fill_between(sizes, low, high, alpha=0.25, color=line[0].get_color())
        plot.axes.set_yscale("symlog", linthresh=1e-3)
        plot.label("bits per segment", "divergence in bits, corrected")
        unit = "overlapping n-grams of bits" if kind == "grams" else "tokens of n bits"
        return plot.svg(f"Divergence from uniform: {unit}")


def accuracy_plot(curve: Figure) -> str:
    """Draw accuracy by position in the window over the course of training (figure 10)."""
    with _plot() as plot:
        points = curve["points"]
        megabytes = [point["text_bytes"] / 1e6 for point in points]
        for position in range(len(points[0]["accuracy"])):
            shares = [point["accuracy"][position] for point in points]
            plot.axes.plot(megabytes, shares, marker="o", label=f"token {position + 1} of a window")
        plot.label("MB of text seen", "share guessed right")
        return plot.svg(f"{curve['method']}: share of tokens guessed right, by place")


def learning_plot(curves: Sequence[Figure], over: str) -> str:
    """Draw bits per byte of held-out text over the course of training (figure 3, table 6).

    Args:
        curves: one per method.
        over: the horizontal axis, "text_bytes" or "flops".
    """
    with _plot() as plot:
        for number, curve in enumerate(curves):
            seen = [point[over] for point in curve["points"]]
            bits = [point["bits_per_byte"] for point in curve["points"]]
            style = _STYLES[number // _COLORS % len(_STYLES)]
            plot.axes.plot(seen, bits, style, marker="o", markersize=3, label=curve["method"])
        plot.axes.set_xscale("log")
        plot.axes.set_xlabel("bytes of text seen" if over == "text_bytes" else "FLOPs of M2")
        plot.axes.set_ylabel("bits per byte")
        plot.axes.figure.legend(loc="outside right upper", fontsize="x-small")
        unit = "text seen" if over == "text_bytes" else "computation"
        return plot.svg(f"Bits per byte of held-out text, by {unit}")
