"""The sections of the report about single tokens, and about M1s of floats."""

from __future__ import annotations

from eqinfo.experiment.report.figures import Figures, of_kind
from eqinfo.experiment.report.html import Cell, Section, note, section, table

_PAPER_REPEATED = {"EqualInfo[16, 16] padded": "34.5 %", "EqualInfo[16, 8] padded": "100 %"}


def repeats(figures: Figures) -> Section | None:
    """Return which tokens occur again, and what the first token of a window fixes (C, D.8)."""
    found = of_kind(figures, "repeats")
    if not found:
        return None
    rows: list[list[Cell]] = [
        [
            figure["method"],
            f"{100 * figure['all']:.1f} %",
            _PAPER_REPEATED.get(figure["method"]),
            " ".join(f"{100 * share:.1f} %" for share in figure["by_place"]),
            " ".join(f"{count:,}" for count in figure["occurring"]),
        ]
        for figure in found
    ]
    header = ["", "occur again", "paper", "by place in the window", "different tokens, by place"]
    most = max(found, key=lambda figure: float(figure["all"]))
    least = min(found, key=lambda figure: float(figure["all"]))
    return section(
        "repeats",
        "Tokens that occur again (appendices C and D.8)",
        f"Of the different tokens of a text, {100 * most['all']:.0f} % occur again with "
        f"{most['method']}, {100 * least['all']:.0f} % with {least['method']}. A token that occurs "
        "once teaches a model nothing that it can use again.",
        table(header, rows),
        note(
            f"Documents of up to 1,024 bytes: {found[0]['documents']}; the paper has 20. There, "
            "all 256 tokens of 8 bits occur, and repeat, in both places."
        ),
        _initial_tokens(figures),
    )


def _initial_tokens(figures: Figures) -> str:
    rows: list[list[Cell]] = [
        [
            figure["variant"],
            figure["windows"],
            f"{100 * figure['crossing']:.1f} %",
            figure["whole_bytes"],
            figure["repeated"],
            f"{100 * figure['alike']:.1f} %",
        ]
        for figure in of_kind(figures, "initial")
    ]
    header = [
        "windows of 16 bits",
        "of several bytes",
        "a byte in both tokens",
        "bytes in the first token",
        "first tokens of several windows",
        "whose windows begin alike",
    ]
    return (
        "<h3>The first token of a window of two (appendix C)</h3>"
        + table(header, rows)
        + note(
            "Where the bits of a byte are in two tokens, the first token leaves open which byte it "
            "is. Windows begin alike if their first bytes are the same."
        )
    )


def float_models(figures: Figures) -> Section | None:
    """Return where streams of a float M1 break, section 3.7."""
    figure = figures.get("float")
    if figure is None:
        return None
    rows: list[list[Cell]] = []
    for change, broken in figure["changes"].items():
        rows.append([change, *(_whole(each["right"]) for each in broken)])
    streams = [each["stream"] for each in next(iter(figure["changes"].values()))]
    lost = [row[0] for row in rows if any(cell != "whole" for cell in row[1:])]
    verdict = (
        f"A decoder that computes a float M1 in another way ({', '.join(map(str, lost))}) does not "
        "get every text back"
        if lost
        else "Every text came back, whatever the decoder did otherwise"
    )
    return section(
        "float-models",
        "The same float M1, computed in another way (section 3.7)",
        f"{verdict}. An integer M1 gives the same numbers everywhere.",
        table(["what the decoder does otherwise", *streams], rows, range(1, 4)),
        note(
            f"Shares of {figure['text_bytes']} bytes that come back, with windows of "
            f"{figure['window_bits']} bits. M1 is a small Transformer of the paper's kind, of "
            "float32. Streams of AC have the finest frequencies, and any error spoils what "
            "follows; bijective windows are lost one by one."
        ),
    )


def _whole(share: float) -> str:
    return "whole" if share == 1 else f"{100 * share:.1f} %"
