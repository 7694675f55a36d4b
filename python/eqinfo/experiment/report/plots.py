"""Figures of a study as SVG, by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from eqinfo.experiment import extras

Figures = Mapping[str, Any]
_SIZE = (7.5, 3.6)
_SHOWN_WINDOWS = 6
_COLORS = 10  # of lines, before they repeat
_STYLES = ("-", "--", ":")


class Plot:
    """Axes to draw on, and what they look like in a page once `svg` is asked for."""

    def __init__(self, pyplot: Any, **options: Any) -> None:
        self._pyplot = pyplot
        self._figure, self.axes = pyplot.subplots(figsize=_SIZE, layout="constrained", **options)

    def svg(self) -> str:
        """Return an ``svg`` element."""
        file = io.StringIO()
        self._figure.savefig(file, format="svg", metadata={"Date": None})
        self._pyplot.close(self._figure)
        text = file.getvalue()
        return text[text.index("<svg") :]


@contextmanager
def _plot(**options: Any) -> Iterator[Plot]:
    matplotlib = extras.load("matplotlib")
    matplotlib.use("svg")
    settings = {"svg.fonttype": "none", "svg.hashsalt": "eqinfo", "font.size": 9}
    with matplotlib.rc_context(settings):
        yield Plot(extras.load("matplotlib.pyplot"), **options)


def stability_plot(figures: Sequence[Figures]) -> str:
    """Draw how often two token sequences have which distance (figure 8)."""
    with _plot() as plot:
        for figure in figures:
            counts = figure["distances"]
            total = sum(counts)
            shares = [count / total for count in counts]
            plot.axes.plot(
                range(len(counts)), shares, label=figure["method"], drawstyle="steps-mid"
            )
        plot.axes.set_xlabel("Levenshtein distance, tokens")
        plot.axes.set_ylabel("share of pairs")
        plot.axes.legend()
        return plot.svg()


def divergence_plot(figures: Sequence[Figures], kind: str) -> str:
    """Draw the divergence of segments by their bits (figures 11 and 17).

    Args:
        figures: of each method.
        kind: "grams" or "tokens".
    """
    with _plot() as plot:
        for figure in figures:
            rows = figure[kind]
            sizes = [row["size"] for row in rows]
            line = plot.axes.plot(sizes, [row["corrected"] for row in rows], label=figure["method"])
            low, high = ([row[key] for row in rows] for key in ("low", "high"))
            plot.axes.fill_between(sizes, low, high, alpha=0.25, color=line[0].get_color())
        plot.axes.set_yscale("symlog", linthresh=1e-3)
        plot.axes.set_xlabel("bits of a segment")
        plot.axes.set_ylabel("bits of divergence, corrected")
        plot.axes.legend()
        return plot.svg()


def byte_bits_plot(figure: Figures) -> str:
    """Draw which bits of which window hold each byte (figure 9)."""
    rows = [row for row in figure["bytes"] if row["window"] < _SHOWN_WINDOWS]
    with _plot() as plot:
        for number, row in enumerate(rows):
            left = row["window"] * figure["window_bits"] + row["first"]
            plot.axes.barh(0, row["last"] - row["first"], left=left, color=f"C{number % 10}")
            shown = {" ": "␣", "\n": "⏎"}.get(row["text"], row["text"])
            middle = (row["first"] + row["last"]) / 2 + row["window"] * figure["window_bits"]
            plot.axes.text(middle, 0, shown.replace("$", r"\$"), ha="center", va="center")
        windows = rows[-1]["window"] + 1
        for bit in range(0, windows * figure["window_bits"] + 1, figure["token_bits"]):
            heavy = bit % figure["window_bits"] == 0
            plot.axes.axvline(bit, color="black", linewidth=1.5 if heavy else 0.5)
        plot.axes.set_xlim(0, windows * figure["window_bits"])
        plot.axes.set_yticks([])
        plot.axes.set_xlabel("bits of the stream; thick lines end windows, thin ones tokens")
        return plot.svg()


def accuracy_plot(learning: Figures) -> str:
    """Draw the share of tokens guessed right, by place in the window, over training (figure 10)."""
    with _plot() as plot:
        points = learning["points"]
        for place in range(len(points[0]["accuracy"])):
            shares = [point["accuracy"][place] for point in points]
            megabytes = [point["text_bytes"] / 1e6 for point in points]
            plot.axes.plot(megabytes, shares, marker="o", label=f"token {place + 1} of a window")
        plot.axes.set_xlabel("MB of text")
        plot.axes.set_ylabel("guessed right")
        plot.axes.legend()
        return plot.svg()


def learning_plot(learnings: Sequence[Figures], over: str) -> str:
    """Draw bits a byte of held-out text over what M2 has seen (figure 3, table 6).

    Args:
        learnings: first seeds.
        over: "text_bytes", or "flops".
    """
    with _plot() as plot:
        for number, learning in enumerate(learnings):
            seen = [point[over] for point in learning["points"]]
            bits = [point["bits_per_byte"] for point in learning["points"]]
            style = _STYLES[number // _COLORS % len(_STYLES)]
            plot.axes.plot(seen, bits, style, marker="o", markersize=3, label=learning["method"])
        plot.axes.set_xscale("log")
        plot.axes.set_xlabel("bytes of text seen" if over == "text_bytes" else "FLOPs of M2")
        plot.axes.set_ylabel("bits a byte")
        plot.axes.figure.legend(loc="outside right upper", fontsize="x-small")
        return plot.svg()
