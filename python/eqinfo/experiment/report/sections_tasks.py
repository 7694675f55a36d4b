"""The sections of the report about what M2s can do: compress, decompress, spell, and scale."""

from __future__ import annotations

from eqinfo.experiment.report import conclusions
from eqinfo.experiment.report.figures import Figures, of_kind
from eqinfo.experiment.report.html import Cell, Section, note, section, table
from eqinfo.experiment.report.paper import PAPER_SCALED_BITS, PAPER_TASK_ACCURACY

_LETTERS = {"shared": "shared with other tokens", "own": "those of the vocabulary"}


def scaled(figures: Figures) -> Section | None:
    """Return what M2s learn of text in proportion to their weights, figure 15 and table 13."""
    found = of_kind(figures, "scaled")
    if not found:
        return None
    runs = [run for run in of_kind(figures, "learning") if run["seed"] == found[0]["seed"]]
    largest = runs[-1]["size"] if runs else None
    rows: list[list[Cell]] = []
    said = []
    for name in dict.fromkeys(run["method"] for run in found):
        mine = [run for run in found if run["method"] == name and run["size"] != largest]
        mine += [run for run in runs if (run["method"], run["size"]) == (name, largest)]
        paper = PAPER_SCALED_BITS.get(name)
        bits = [float(run["points"][-1]["bits_per_byte"]) for run in mine]
        said.append(f"{name} from {bits[0]:.2f} to {bits[-1]:.2f}")
        rows += [
            [
                name,
                run["size"],
                run["points"][-1]["text_bytes"],
                run["points"][-1]["bits_per_byte"],
                f"{run['flops_per_byte']:.3g}",
                " ".join(map("{:.2f}".format, paper)) if paper else None,
            ]
            for run in mine
        ]
    header = ["", "M2", "bytes of text", "bits per byte", "FLOPs per byte"]
    return section(
        "scaled",
        "Text in proportion to the weights (figure 15, table 13)",
        "If text grows with the weights, bits per byte go from the smallest M2 to the largest: "
        f"{', '.join(said)}.",
        table([*header, "paper: 25m 113m 403m 2b"], rows, [1]),
        note("The largest M2 is one of those that read all text."),
    )


def spelling(figures: Figures) -> Section | None:
    """Return how M2s learn to spell, figure 13."""
    found = of_kind(figures, "spelling")
    if not found:
        return None
    rows: list[list[Cell]] = [
        [
            figure["method"],
            _LETTERS[figure["letters"]],
            point["steps"],
            f"{100 * point['learnt']:.1f} %",
            f"{100 * point['held_out']:.1f} %",
        ]
        for figure in found
        for point in figure["points"]
    ]
    last = {(f["method"], f["letters"]): float(f["points"][-1]["held_out"]) for f in found}
    best = max(last, key=last.__getitem__)
    return section(
        "spelling",
        "Words spelt letter by letter (appendix A.3, figure 13)",
        f"Of words that it did not learn to spell, the M2 of {best[0]} spells "
        f"{100 * last[best]:.1f} % right, the most of all, with ids of letters that are "
        f"{_LETTERS[best[1]]}.",
        table(["M2 of", "ids of letters", "steps", "words learnt", "words held out"], rows, [1]),
        note(
            f"M2s that have learnt language go on with {found[0]['words']:,} common words. In the "
            "paper SentencePiece with its own letters is best, windows of 16 bits second."
        ),
    )


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
