"""The sections of the report, from figures typed here, read as Markdown."""

from __future__ import annotations

from typing import Any

import pytest

from eqinfo.experiment.report import (
    html,
    section_run,
    sections_m2,
    sections_tasks,
    sections_tokens,
)
from eqinfo.experiment.report.figures import Figures
from eqinfo.experiment.report.html import Section
from eqinfo.experiment.report.markdown import blocks


def text_of(section: Section | None) -> str:
    assert section is not None
    return "\n".join(blocks(section))


def test_markdown_of_a_section() -> None:
    found = html.section(
        "a", "Title <1>", "Said.", "<h3>Part</h3>", "<figure><svg><text>8</text></svg></figure>",
        html.table(["", "a|b"], [["<x>", 1.5], [html.Markup(html.windows(["p", "q\n"])), None]]),
        html.windows(["one ", "two"]), "<p><code>run &amp; see</code></p>", html.note("Last."),
    )  # fmt: skip
    assert blocks(found) == [
        "## Title <1>",
        "Said.",
        "### Part",
        "|  | a\\|b |\n| --- | ---: |\n| <x> | 1.500 |\n| p / q⏎ |  |",
        "one |two",
        "`run & see`",
        "Last.",
    ]


def test_seeds_and_command_of_a_run() -> None:
    assert section_run.command(["report", "/a/b.txt", "-o", "/c/d/"]) == "report b.txt -o d"
    manifest = {
        "parameters": {"preset_name": "laptop", "seed": 3}, "training_bytes": 1,
        "held_out_bytes": 1, "files": [], "versions": {}, "run": "", "begun": "", "m1": "",
        "command": [],
    }  # fmt: skip
    assert "seed 3: 1" in section_run.run(manifest, {}).content
    figures = {f"learning {seed}": {"seed": seed} for seed in (3, 5)}
    assert "seeds 3 to 5: 1" in section_run.run(manifest, figures).content


def learning(method: str, bytes_per_token: float, *bits: float) -> Figures:
    return {
        f"learning {method} {seed}": {
            "method": method, "size": "toy", "seed": seed, "bytes_per_token": bytes_per_token,
            "uniform": 8.0, "unigram": 5.0, "flops_per_byte": 1.0,
            "points": [
                {"tokens": 1, "text_bytes": 1, "flops": 1.0, "bits_per_byte": found,
                 "accuracy": [0.5]}
            ],
        }
        for seed, found in enumerate(bits)
    }  # fmt: skip


def test_m2s_are_compared_over_seeds_and_by_steps() -> None:
    pytest.importorskip("matplotlib")
    figures = {
        **learning("Bytes", 1.0, 1.0, 2.0, 3.0),
        **learning("AC[8]", 4.0, 2.0, 4.0, 6.0),
        **learning("GZip[8]", 2.0, 7.0),
        **learning("StaticAC[8]", 1.5, 8.0, 8.0),
        **learning("BPE[4k]", 1.0, 8.0, 8.0),
    }
    text = text_of(sections_m2.learning(figures))
    assert "the fewest steps first: AC[8]; Bytes." in text
    # The t and the degrees of freedom of test_welchs_test.
    assert "| Bytes | AC[8] | -1.549 | 2.941 | 0.22 | no |" in text
    # Two methods whose seeds all end alike are not compared.
    assert "| StaticAC[8] | BPE[4k] |" not in text
    assert "| Bytes | 1.000 | 8.000 | 5.000 | 2.000 | ± 2.484 | 0.002 | " in text


def test_m2s_of_scaled_text_end_with_the_largest_one() -> None:
    run = {"method": "Bytes", "size": "toy", "seed": 0, "flops_per_byte": 2.0}
    small: Any = {**run, "points": [{"bits_per_byte": 3.5, "text_bytes": 100}]}
    large = learning("Bytes", 1.0, 2.5)["learning Bytes 0"]
    figures = {"learning Bytes": {**large, "size": "cpu"}, "scaled Bytes toy": small}
    text = text_of(sections_tasks.scaled(figures))
    assert "Bytes from 3.50 to 2.50." in text
    assert "| Bytes | toy | 100 | 3.500 | 2 | 1.62 1.36 1.18 1.03 |\n| Bytes | cpu | 1 |" in text
    # A size that is also the largest has one row.
    assert text_of(sections_tasks.scaled({**figures, "scaled 2": {**large, "size": "cpu"}})) == text
    assert sections_tasks.scaled({}) is None


def test_the_best_speller_is_named() -> None:
    def spelt(method: str, letters: str, held_out: float) -> dict[str, Any]:
        points = [{"steps": 5, "learnt": 1.0, "held_out": held_out}]
        return {"method": method, "letters": letters, "words": 9, "points": points}

    figures = {
        "spelling a": spelt("Bytes", "shared", 0.25),
        "spelling b": spelt("SentencePiece[4k]", "own", 0.5),
    }
    text = text_of(sections_tasks.spelling(figures))
    assert "the M2 of SentencePiece[4k] spells 50.0 % right" in text
    assert "| Bytes | shared with other tokens | 5 | 100.0 % | 25.0 % |" in text
    assert sections_tasks.spelling({}) is None


def test_what_breaks_streams_of_a_float_m1_is_named() -> None:
    def broken(*shares: float) -> list[dict[str, Any]]:
        streams = ("AC", "padded", "bijective")
        pairs = zip(streams, shares, strict=True)
        return [{"stream": stream, "right": right} for stream, right in pairs]

    changes = {"nothing": broken(1, 1, 1), "other threads": broken(0.25, 1, 0.875)}
    figure = {"text_bytes": 8, "window_bits": 16, "changes": changes}
    text = text_of(sections_tokens.float_models({"float": figure}))
    assert "in another way (other threads) does not get every text back" in text
    assert "| other threads | 25.0 % | whole | 87.5 % |" in text
    del changes["other threads"]
    assert "Every text came back" in text_of(sections_tokens.float_models({"float": figure}))
    assert sections_tokens.float_models({}) is None
