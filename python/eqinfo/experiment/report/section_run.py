"""The section of the report that says how its figures were made."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from eqinfo.experiment.report.figures import Figures, of_kind
from eqinfo.experiment.report.html import Section, note, section, table


def run(manifest: Mapping[str, Any], figures: Figures) -> Section:
    """Return the command, the seeds, and the fingerprints of text and M1.

    Args:
        manifest: of the study.
        figures: of the study, for the seeds of its M2s.
    """
    data = [[f["name"], f["bytes"], f["xxh3_128"]] for f in manifest["files"]]
    versions = ", ".join(f"{k} {v}" for k, v in manifest["versions"].items() if v)
    return section(
        "run",
        "What was run",
        f"Preset {manifest['parameters']['preset_name']}, {_seeds(manifest, figures)}: "
        f"{manifest['training_bytes']:,} bytes of training text, {manifest['held_out_bytes']:,} "
        "bytes held out.",
        f"<p>Run {escape(manifest['run'])}, begun {escape(manifest['begun'])}; M1 "
        f"{escape(manifest['m1'])}.</p>",
        f"<p><code>eqinfo {escape(command(manifest['command']))}</code></p>",
        table(["file", "bytes", "XXH3-128"], data, [2]),
        note(f"{versions}. All figures are in figures/*.json of the study."),
    )


def _seeds(manifest: Mapping[str, Any], figures: Figures) -> str:
    first = manifest["parameters"]["seed"]
    last = max([first, *(figure["seed"] for figure in of_kind(figures, "learning"))])
    return f"seed {first}" if first == last else f"seeds {first} to {last}"


def command(arguments: list[str]) -> str:
    """Return a command line with the names of files alone, the same wherever they lie."""
    return " ".join(argument.rstrip("/").rpartition("/")[2] for argument in arguments)
