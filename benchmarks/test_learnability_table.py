"""The table of learnability.py says no more than the finished runs do."""

from __future__ import annotations

import math
from typing import Any

import pytest

from common import Cell, Report
from learnability_table import Difference, report_results, rows, training_flop


def result(table: str, seed: int, bits: float, **others: Any) -> dict[str, Any]:
    return {
        "text": "en",
        "data": "0a",
        "size": "cpu",
        "train_bytes": 1000,
        "table_bytes": 1000,
        "bits": 12,
        "table": table,
        "embedding": "plain",
        "seed": seed,
        "tokens": table,
        "bytes_per_token": 3.0,
        "train_tokens": 1_000_000,
        "vocabulary": 4096,
        "points": [[500, 9.0], [1000, bits]],
        "settings": {"learning_rate": 3e-3, "batch": 8},
        **others,
    }


def test_intervals_are_those_of_student() -> None:
    bits = {seed: 2 + value for seed, value in enumerate([0.1, 0.2, 0.3, 0.4, 0.5])}
    found = Difference.between(bits, dict.fromkeys(range(9), 2.0))
    assert found is not None
    assert (found.pairs, round(found.mean, 9)) == (5, 0.3)
    # t(4) = 2.776 times the standard deviation 0.158114 over the root of 5
    assert found.half == pytest.approx(0.19629, abs=1e-5)
    assert found.is_result
    assert str(found) == "+0.300 ± 0.196"


def test_only_seeds_that_both_have_are_compared() -> None:
    assert Difference.between({0: 1.0}, {1: 1.0}) is None
    found = Difference.between({0: 1.0, 1: 2.0}, {1: 1.5, 2: 3.0})
    assert found == Difference(0.5, math.inf, 1)
    assert str(found) == "(+0.500)"


@pytest.mark.parametrize(
    ("differences", "is_result"),
    [([0.1, 0.11, 0.12], False), ([0.1, 0.11, 0.12, 0.13], True), ([-1.0, 1.0, 1.0, 1.0], False)],
)
def test_few_seeds_or_an_interval_with_zero_are_a_lead(
    differences: list[float], is_result: bool
) -> None:
    found = Difference.between(dict(enumerate(differences)), dict.fromkeys(range(4), 0.0))
    assert found is not None
    assert found.is_result == is_result
    assert str(found).startswith("(") != is_result


def test_a_table_of_some_runs_is_valid() -> None:
    found = [result("bpe", seed, 3.0) for seed in range(4)]
    found += [result("word", seed, 2.9 + seed / 1000) for seed in range(2)]
    found += [result("bpe", 0, 2.5, embedding="text")]
    lines = [(line[0], line[2], *line[6:11]) for line in rows(found)]
    assert lines == [
        ("bpe", "text", 1, "2.500", "(-0.500)", "(-0.500)", ""),
        ("word", "plain", 2, "2.901", "(-0.100 ± 0.006)", "", ""),
        ("bpe", "plain", 4, "3.000", "", "", "(+0.500)"),
    ]


def test_operations_are_six_for_each_token_and_weight() -> None:
    weights = 3 * 12 * 128**2 + 4096 * 128  # of M2 "cpu"
    assert training_flop(result("bpe", 0, 3.0)) == 6 * 1_000_000 * weights


def test_texts_and_sizes_have_tables_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report_results(report, [])
    assert report.tables == []
    others: list[dict[str, Any]] = [
        {"data": "0b"},
        {"size": "toy"},
        {"train_bytes": 2000},
        {"table_bytes": 2000},
        {"device": "cuda"},
        {"settings": {"learning_rate": 3e-3, "batch": 9}},
    ]
    report_results(report, [result("bpe", 0, 3.0, **other) for other in ({}, *others)])
    assert len(report.tables) == 7
    assert capsys.readouterr().out.count("| bpe ") == 7


def test_runs_with_other_tokens_are_not_averaged() -> None:
    with pytest.raises(ValueError, match=r"the same tokens, found other tokens for seed 1"):
        rows([result("bpe", 0, 3.0), result("bpe", 1, 3.0, tokens="others")])


def test_the_first_seed_picks_the_rate_and_is_left_out() -> None:
    low, high = ({"settings": {"learning_rate": rate, "batch": 8}} for rate in (1e-3, 3e-3))

    def line() -> tuple[Cell, ...]:
        (found_line,) = rows(found)
        return (found_line[3], *found_line[6:8])

    found = [result("bpe", seed, 3.0 + seed / 100, **high) for seed in range(5)]
    assert line() == ("0.003", 5, "3.020")
    found.append(result("bpe", 0, 2.9, **low))  # and no other seed yet
    assert line() == ("0.001 of 0.001, 0.003", 1, "2.900")
    found += [result("bpe", seed, 3.5, **low) for seed in range(1, 5)]
    assert line() == ("0.001 of 0.001, 0.003", 4, "3.500")
    found += [result("word", seed, 3.0, **high) for seed in range(5)]
    assert rows(found)[0][8] == "-0.500 ± 0.000"  # four pairs of seeds
