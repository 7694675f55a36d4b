"""The sections of the report that need no M2, from the figures' JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eqinfo.experiment.report.html import Cell, Markup, note, section, table, windows
from eqinfo.experiment.report.order import ordered_pairs
from eqinfo.experiment.report.paper import RATIOS, TRIVIAL, Ratio
from eqinfo.experiment.report.plots import byte_bits_plot, divergence_plot, stability_plot

Figures = Mapping[str, Any]
"""The figures of a study by name."""


def of_kind(figures: Figures, kind: str) -> list[Any]:
    """Return the figures whose names begin with a word, in the order that they were made in."""
    return [figure for name, figure in figures.items() if name.split(" ")[0] == kind]


def ratio_of_8_bits(figure: Mapping[str, Any]) -> float | None:
    """Return bytes per token of 8 bits of a compression figure."""
    return figure["token_ratio"] if figure["vocab_size"] <= 257 else None


def compression(figures: Figures) -> str:
    """Tables 2 and 12."""
    rows: list[list[Cell]] = []
    for figure in of_kind(figures, "compression"):
        paper = RATIOS.get(figure["method"], Ratio(None, None))
        pairs = figure["tokens_of_16_bits"]
        wide = figure["text_bytes"] / pairs if pairs else None
        if figure["vocab_size"] > 257:
            wide = figure["token_ratio"]
        rows.append(
            [
                figure["method"],
                ratio_of_8_bits(figure),
                paper.tokens_of_8_bits,
                wide,
                paper.tokens_of_16_bits,
                figure["bit_ratio"],
                f"{figure['vocab_size']:,}",
            ]
        )
    header = ["", "bytes a token, v = 256", "paper", "large vocabulary", "paper"]
    return section(
        "Compression ratios (tables 2 and 12)",
        table([*header, "bits in / bits out", "vocabulary"], rows),
        note(
            "padded: the paper's windows, made lossless; the others are bijective, each of the 2^b "
            "codewords one text. Tokens of 16 bits are those of 8, two by two. The paper's text "
            "is C4, and its M1 was trained on C4; other text and another M1 give other ratios."
        ),
        _order(figures),
        _paper_windows(figures),
    )


def _order(figures: Figures) -> str:
    found = of_kind(figures, "compression")
    ratios = {f["method"]: f["token_ratio"] for f in found if ratio_of_8_bits(f) is not None}
    # The same methods with bijective windows in the place of padded ones.
    bijective = {
        name: ratios[name.replace(" padded", "")]
        for name in ratios
        if name.replace(" padded", "") in ratios
    }
    return _pairs("With padded windows", ratios) + _pairs("With bijective ones", bijective)


def _pairs(windows: str, ratios: Mapping[str, float]) -> str:
    pairs = ordered_pairs(ratios)
    wrong = [pair for pair in pairs if not pair.agrees]
    rows: list[list[Cell]] = [[p.more, p.less, *p.paper, *p.ours] for p in wrong]
    right = len(pairs) - len(wrong)
    text = f"{windows}, {right} of {len(pairs)} pairs of the paper's methods are in its order"
    if not wrong:
        return note(f"{text}.")
    header = ["packs more in the paper", "packs less", "paper", "paper", "here", "here"]
    return note(f"{text}. Not these:") + table(header, rows, [1])


def _paper_windows(figures: Figures) -> str:
    rows = [
        [
            f"b = {figure['window_bits']}",
            figure["bytes_per_16_bits"] / 2,
            figure["bytes_per_16_bits"],
            f"{100 * figure['misread']:.1f} %",
        ]
        for figure in of_kind(figures, "paper")
    ]
    header = ["", "bytes a token, v = 256", "v = 65k", "windows that its decoder misreads"]
    return (
        "<h3>As the paper's encoder closes windows, decodable or not</h3>"
        + table(header, rows)
        + note("Section 3.3 and the decoder of D.5; the bijective windows have no such case.")
    )


def trivial(figures: Figures) -> str:
    """Table 3."""
    rows: list[list[Cell]] = []
    for figure in of_kind(figures, "compression"):
        paper = TRIVIAL.get(figure["method"], (None, None))
        keys = ("uniform", "unigram", "unigram_corrected")
        rows.append([figure["method"], *(figure[key] for key in keys), *paper])
    header = ["", "uniform", "unigram", "corrected", "paper, uniform", "paper, unigram"]
    return section(
        "Bits a byte of trivial models (table 3)",
        table(header, rows),
        note("corrected: after Miller and Madow, because a small sample looks too regular."),
    )


def pieces(figures: Figures) -> str:
    """Table 7."""
    figure = figures["pieces"]
    parts = [f"<h3>{name}</h3>{windows(parts)}" for name, parts in figure["pieces"].items()]
    return section("Windows of one sentence (table 7)", *parts)


def token_texts(figures: Figures) -> str:
    """Tables 8 and 14."""
    figure = figures["token texts"]
    rows = [
        [
            row["position"] + 1,
            row["token"],
            row["windows"],
            row["distinct"],
            Markup(windows([row["prefix"]])) if row["prefix"] else "",
            Markup(windows(row["texts"])),
        ]
        for row in figure["rows"]
    ]
    header = ["place in window", "token", "windows", "different", "all begin with", "such as"]
    return section(
        f"Texts behind a token of {figure['method']} (tables 8 and 14)", table(header, rows, [4, 5])
    )


def byte_bits(figures: Figures) -> str:
    """Figure 9."""
    return section(
        "Which bits hold which characters (figure 9)",
        byte_bits_plot(figures["byte bits"]),
        note("What is white at the end of a window is spare: the next character did not fit."),
    )


def stability(figures: Figures) -> str:
    """Figure 8."""
    found = of_kind(figures, "stability")
    rows = [[f["method"], f["tokens"], f["mean"], f["relative"]] for f in found]
    header = ["", "tokens of the sentence", "mean distance", "of the length"]
    return section(
        "Stability: one sentence behind different words (figure 8)",
        table(header, rows),
        stability_plot(found),
    )


def divergence(figures: Figures) -> str:
    """Figures 11 and 17."""
    found = of_kind(figures, "divergence")
    return section(
        "Divergence of bits from uniform (figures 11 and 17)",
        "<h3>n-grams of bits, overlapping</h3>",
        divergence_plot(found, "grams"),
        "<h3>Tokens of n bits</h3>",
        divergence_plot(found, "tokens"),
        note("Means over ten disjoint samples with 90 % intervals, corrected (Miller and Madow)."),
    )
