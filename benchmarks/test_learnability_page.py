"""The pages on learnability say what the record says: tables, pictures and figures in words."""

from __future__ import annotations

import re
from itertools import permutations
from typing import Any
from xml.etree import ElementTree

import pytest

import make_learnability as script
from learnability_table import Contestant, Difference
from learnability_tables import SEEDS

DIFFERENCE = re.compile(r"\d\.\d{3} ± \d\.\d{3}")


MATCHED = 2, 1
"""Points of training at which tokens and bytes have taken as many operations."""


@pytest.fixture(scope="module")
def runs() -> list[dict[str, Any]]:
    return script.record()


def test_the_tables_and_pictures_are_those_of_the_record(runs: list[dict[str, Any]]) -> None:
    shown = []
    for path in script.PAGES:
        page = path.read_text("utf-8")
        assert script.filled(page, runs) == page
        shown += [name for _, name, _ in script.BLOCK.findall(page)]
    assert sorted(shown) == sorted(script.TABLES)
    for name, theme in script.THEMES.items():
        picture = (script.PICTURES / f"learnability-{name}.svg").read_text("utf-8")
        assert script.drawing(runs, theme) == picture
    points = len(ElementTree.fromstring(picture).findall(".//{*}circle"))
    drawn = [line for table in script.DRAWN.values() for line in script.lines(table, runs)]
    assert points == sum(line[2] != "text-shuffled" for line in drawn)


def test_every_difference_in_words_is_one_of_two_contestants(runs: list[dict[str, Any]]) -> None:
    groups: dict[tuple[Any, ...], dict[tuple[Any, ...], list[dict[str, Any]]]] = {}
    for run in runs:
        group = groups.setdefault((run["data"], run["size"], run["train_bytes"]), {})
        group.setdefault((run["table"], run["bits"], run["embedding"]), []).append(run)
    known = set()
    for group in groups.values():
        found = [Contestant.of(results) for results in group.values()]
        for one, other in permutations(found, 2):
            for point, base_point in ((-1, -1), MATCHED):
                difference = Difference.between(one.bits_at(point), other.bits_at(base_point))
                if difference is not None and difference.pairs >= SEEDS:
                    known.add(str(difference).strip("()+-"))
    pages = "".join(script.BLOCK.sub("", path.read_text("utf-8")) for path in script.PAGES)
    stated = set(DIFFERENCE.findall(pages))
    assert stated - known == set()
    assert len(stated) > 30


def test_the_record_names_no_folder(runs: list[dict[str, Any]]) -> None:
    for run in runs:
        assert "/" not in run["command"]
        assert run.keys() >= {"seed", "data", "tokens", "version", "machine", "settings"}
