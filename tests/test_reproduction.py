"""docs/reproduction.md says what its record says: tables, figures in words, and how they were made.

`scripts/make_reproduction.py` writes both from a study. Here the page is made again from the record
by the code of the report.
"""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "make_reproduction.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="not in a checkout")

NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\w)")
PAPER = {"1.457"}
"""Bits per byte of the paper's M1 (section 3.1); its other figures are in the tables."""


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    pytest.importorskip("matplotlib")
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def page(script: dict[str, Any]) -> str:
    text: str = script["PAGE"].read_text("utf-8")
    return text


@pytest.fixture(scope="module")
def record(script: dict[str, Any]) -> Any:
    return json.loads(script["RECORD"].read_text("utf-8"))


def test_the_tables_are_those_of_the_report(
    script: dict[str, Any], page: str, record: dict[str, Any]
) -> None:
    assert len(script["BLOCK"].findall(page)) == 11
    assert script["filled"](page, record) == page


def test_an_altered_figure_is_noticed(
    script: dict[str, Any], page: str, record: dict[str, Any]
) -> None:
    changed = json.loads(json.dumps(record))
    changed["figures"]["stability AC[8]"]["relative"] += 0.01
    assert script["filled"](page, changed) != page


def sections(page: str) -> Iterator[tuple[str, str]]:
    """Yield the title and the text of every section with figures."""
    ran = page[page.index("## What was run here") : page.index("## What was not run")]
    for part in re.split(r"^#{2,3} ", ran, flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        yield title, text


def test_every_section_says_how_its_figures_were_made(
    script: dict[str, Any], page: str, record: dict[str, Any]
) -> None:
    manifest = record["manifest"]
    assert all(file["xxh3_128"] in page for file in manifest["files"])
    assert manifest["m1"] in page
    first = manifest["parameters"]["seed"]
    last = first + manifest["parameters"]["preset"]["plan"]["seeds"] - 1
    assert f"seeds {first} to {last}: " in page
    assert "`eqinfo report train_en.txt --held-out dev_brown_a.txt --preset laptop -o" in page
    parts = re.split(r"^### ", page[: page.index("## What was not run")], flags=re.MULTILINE)[1:]
    assert len(parts) == 10
    for part in parts:
        assert script["BLOCK"].search(part), part.partition("\n")[0]


def ratio(record: dict[str, Any], method: str) -> float:
    return float(record["figures"][f"compression {method}"]["token_ratio"])


DERIVED: dict[str, Callable[[dict[str, Any]], float]] = {
    "13.6": lambda r: 100 * (ratio(r, "EqualInfo[16, 8]") / ratio(r, PADDED) - 1),
    "34.9": lambda r: 100 * (ratio(r, "Codebook[16, 8] fit") / ratio(r, PADDED) - 1),
    "18.9": lambda r: 100 * (1 - ratio(r, f"{PADDED} never reset") / ratio(r, "AC[8]")),
    "7.9": lambda r: 100 * (1 - ratio(r, "EqualInfo[16, 8] never reset") / ratio(r, "AC[8]")),
}
"""Percentages in words, and how they follow from the figures."""
PADDED = "EqualInfo[16, 8] padded"


def test_figures_in_words_are_those_of_the_tables(
    script: dict[str, Any], page: str, record: dict[str, Any]
) -> None:
    checked = 0
    for title, text in sections(page):
        blocks = "\n".join(block.group() for block in script["BLOCK"].finditer(text))
        lines = script["BLOCK"].sub("", text).splitlines()
        tables = "\n".join([blocks, *(line for line in lines if line.startswith("|"))])
        words = "\n".join(line for line in lines if not line.startswith("|"))
        words = re.sub(r"\]\([^)]*\)|`[^`]*`", "", words)
        shown = [float(number) for number in NUMBER.findall(tables)]
        for number in NUMBER.findall(words):
            digits = len(number.partition(".")[2])
            found = [DERIVED[number](record)] if number in DERIVED else shown
            right = number in PAPER or float(number) in {round(value, digits) for value in found}
            assert right, f"{title}: {number} is in no table of this section"
            checked += 1
    assert checked > 20
