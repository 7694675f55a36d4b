"""The sections of the report that do not need an M2."""

from __future__ import annotations

from collections.abc import Mapping

from eqinfo.experiment.analyses.divergence import Divergence
from eqinfo.experiment.report import conclusions
from eqinfo.experiment.report.bit_spans import bit_spans
from eqinfo.experiment.report.figures import Figure, Figures, of_kind
from eqinfo.experiment.report.html import (
    Cell,
    Markup,
    Section,
    note,
    plots,
    section,
    table,
    windows,
)
from eqinfo.experiment.report.order import ordered_pairs
from eqinfo.experiment.report.paper import PAPER_RATIOS, PAPER_TRIVIAL_BITS, Ratio
from eqinfo.experiment.report.plots import divergence_plot, stability_plot

_SHOWN_SIZES = (4, 8, 12, 16)
_8_BIT_VOCABULARY = 257  # includes the id that ends windows of equal text


def compression(figures: Figures) -> Section:
    """Return compression ratios, tables 2 and 12."""
    rows: list[list[Cell]] = []
    for figure in of_kind(figures, "compression"):
        paper = PAPER_RATIOS.get(figure["method"], Ratio(None, None))
        rows.append(
            [
                figure["method"],
                _bytes_per_8_bit_token(figure),
                paper.tokens_of_8_bits,
                _bytes_per_large_token(figure),
                paper.tokens_of_16_bits,
                figure["bit_ratio"],
                f"{figure['vocab_size']:,}",
            ]
        )
    header = ["", "bytes per token, v = 256", "paper", "large vocabulary", "paper"]
    return section(
        "compression",
        "Compression ratios (tables 2 and 12)",
        conclusions.compression(figures),
        table([*header, "bits in / bits out", "vocabulary"], rows),
        note(
            "Padded and delay windows are the paper's, made lossless. All other windows are "
            "bijective: each of the 2^b codewords stands for a different text. A 16-bit token is a "
            "pair of 8-bit tokens. The paper's text is C4, on which its M1 was trained; ratios "
            "differ with the text and with M1."
        ),
        _paper_order(figures),
        _paper_windows(figures),
    )


def _bytes_per_8_bit_token(figure: Figure) -> float | None:
    ratio: float = figure["token_ratio"]
    return ratio if figure["vocab_size"] <= _8_BIT_VOCABULARY else None


def _bytes_per_large_token(figure: Figure) -> float | None:
    if figure["vocab_size"] > _8_BIT_VOCABULARY:
        ratio: float = figure["token_ratio"]
        return ratio
    pairs = figure["tokens_of_16_bits"]
    return figure["text_bytes"] / pairs if pairs else None


def _paper_order(figures: Figures) -> str:
    ratios = {
        figure["method"]: ratio
        for figure in of_kind(figures, "compression")
        if (ratio := _bytes_per_8_bit_token(figure)) is not None
    }
    # The paper's methods, with bijective windows in place of padded ones.
    bijective = {
        name: ratios[name.replace(" padded", "")]
        for name in ratios
        if name.replace(" padded", "") in ratios
    }
    return _misordered("With padded windows", ratios) + _misordered(
        "With bijective windows", bijective
    )


def _misordered(windows: str, ratios: Mapping[str, float]) -> str:
    pairs = ordered_pairs(ratios)
    wrong = [pair for pair in pairs if not pair.agrees]
    rows: list[list[Cell]] = [[p.more, p.less, *p.paper, *p.ours] for p in wrong]
    right = len(pairs) - len(wrong)
    text = f"{windows}, {right} of {len(pairs)} pairs of methods rank as in the paper"
    if not wrong:
        return note(f"{text}.")
    header = ["packs more in the paper", "packs less", "paper", "paper", "here", "here"]
    return note(f"{text}. These do not:") + table(header, rows, [1])


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
    header = [
        "",
        "bytes per token, v = 256",
        "v = 65k",
        "windows that the paper's decoder misreads",
    ]
    return (
        "<h3>Windows of the paper's encoder, decodable or not</h3>"
        + table(header, rows)
        + note(
            "The encoder of section 3.3 and the decoder of appendix D.5. Bijective windows are "
            "never misread."
        )
        + _endings(figures)
        + "".join(map(_never_reset, of_kind(figures, "never")))
    )


def _endings(figures: Figures) -> str:
    rows: list[list[Cell]] = [
        [figure["ending"], figure["bytes_per_16_bits"], f"{100 * figure['misread']:.1f} %"]
        for figure in of_kind(figures, "endings")
    ]
    if not rows:
        return ""
    header = ["ending of the coder", "bytes per token, v = 65k", "misread"]
    return table(header, rows, [1]) + note(
        "Windows of 16 bits under every ending of the paper's coder that we tried, with its "
        "frequencies of 14 bits, on a part of the held-out text. A window may close because an "
        "improbable byte comes next, where a probable one would have added no bits."
    )


def _never_reset(figure: Figure) -> str:
    return note(
        f"If M1 is never reset, windows of 16 bits lose {figure['simulated']:.2f} bits each, "
        f"because a byte is in one window as a whole; {figure['predicted']:.2f} are expected. No "
        "such code loses less than half of a byte's information; the paper's figures (5.33 and "
        "5.49 bytes per token) mean 0.47 bits, less than half of its 1.457."
    )


def trivial_models(figures: Figures) -> Section:
    """Return bits per byte of trivial models, table 3."""
    rows: list[list[Cell]] = []
    for figure in of_kind(figures, "compression"):
        paper = PAPER_TRIVIAL_BITS.get(figure["method"], (None, None))
        keys = ("uniform", "unigram", "unigram_corrected")
        rows.append([figure["method"], *(figure[key] for key in keys), *paper])
    header = ["", "uniform", "unigram", "corrected", "paper, uniform", "paper, unigram"]
    return section(
        "trivial-models",
        "Bits per byte of trivial models (table 3)",
        conclusions.trivial_models(figures),
        table(header, rows),
        note(
            "Corrected as in Miller and Madow, because the entropy of a small sample comes out too "
            "low."
        ),
    )


def pieces(figures: Figures) -> Section | None:
    """Return the windows of one sentence, table 7."""
    figure = figures.get("pieces")
    if figure is None:
        return None
    parts = [f"<h3>{name}</h3>{windows(parts)}" for name, parts in figure["pieces"].items()]
    return section(
        "pieces", "Windows of one sentence (table 7)", conclusions.pieces(figure), *parts
    )


def token_texts(figures: Figures) -> Section | None:
    """Return the texts of common tokens, tables 8 and 14."""
    figure = figures.get("token texts")
    if figure is None:
        return None
    rows = [
        [
            found["position"] + 1,
            found["token"],
            found["windows"],
            found["distinct"],
            Markup(windows([found["prefix"]])) if found["prefix"] else "",
            Markup(windows(found["texts"])),
        ]
        for found in figure["rows"]
    ]
    header = [
        "position in window",
        "token",
        "windows",
        "different texts",
        "common prefix",
        "examples",
    ]
    return section(
        "token-texts",
        f"What tokens of {figure['method']} stand for (tables 8 and 14)",
        conclusions.token_texts(figure),
        table(header, rows, [4, 5]),
    )


def byte_spans(figures: Figures) -> Section:
    """Return the bits that hold each byte of a sentence, figure 9."""
    figure = figures["byte bits"]
    return section(
        "byte-spans",
        "Which bits hold which characters (figure 9)",
        conclusions.byte_spans(figure),
        bit_spans(figure),
        note(
            "One picture per window: its bytes, and below them the bits that they take. Thick "
            "lines separate tokens. What stays empty at the end is spare bits: the next byte did "
            "not fit."
        ),
    )


def stability(figures: Figures) -> Section:
    """Return how stable tokens are, figure 8."""
    found = of_kind(figures, "stability")
    rows = [[f["method"], f["tokens"], f["mean"], f["relative"]] for f in found]
    header = ["", "tokens of the sentence", "mean distance", "mean distance / length"]
    return section(
        "stability",
        "Stability: one sentence after different words (figure 8)",
        conclusions.stability(found),
        table(header, rows),
        plots(stability_plot(found)),
    )


def divergence(figures: Figures) -> Section:
    """Return the divergence of bits from uniform, figures 11, 16 and 17."""
    found = of_kind(figures, "divergence")
    rows: list[list[Cell]] = []
    for figure in found:
        points = {point["size"]: Divergence(**point) for point in figure["tokens"]}
        shown = [points[size] for size in _SHOWN_SIZES if size in points]
        divergences = [f"{point.corrected:.4f}" for point in shown]
        rows.append([figure["method"], *divergences, *(f"{100 * p.noise:.2f} %" for p in shown)])
    header = [f"{what}, {size} bits" for what in ("divergence", "noise") for size in _SHOWN_SIZES]
    return section(
        "divergence",
        "Divergence of bits from uniform (figures 11, 16 and 17)",
        conclusions.divergence(found),
        plots(divergence_plot(found, "grams"), divergence_plot(found, "tokens")),
        table(["tokens of so many bits", *header], rows),
        note(
            "Means over ten disjoint samples, with 90 % intervals, corrected (Miller and Madow). "
            "Noise is the width of the interval of the entropy over its mean (figure 16)."
        ),
    )
