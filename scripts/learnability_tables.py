"""The tables of the pages on learnability: which runs, in which order, and which columns."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from learnability_table import Contestant, Difference, rows, training_flop

Result: TypeAlias = dict[str, Any]

SEEDS = 4
# Columns of `rows` by what the pages call them.
COLUMNS = {
    "table": 0,
    "embedding": 2,
    "learning rate": 3,
    "bytes/token": 4,
    "TFLOP": 5,
    "bits/byte": 7,
    "minus plain BPE": 8,
    "minus plain": 9,
    "minus text": 10,
    "minus plain bytes": 11,
}
WITH_CONTROLS = ("plain", "text", "text-shuffled")


@dataclass(frozen=True)
class Table:
    """A table of a page: which contestants, in which order, and which columns.

    Contestants are those of one text and size of M2 with the runs of enough seeds.

    Attributes:
        data: the beginning of the fingerprint of all text.
        train_bytes: of the text that M2 was trained on.
    """

    data: str
    size: str
    bits: dict[str, int]
    embeddings: Sequence[str]
    columns: Sequence[str]
    by_bits: bool = False
    train_bytes: int = 1_000_000

    def cells(self, runs: Iterable[Result]) -> list[Sequence[str]]:
        """Return the head and the lines."""
        found = [[_cell(line, name) for name in self.columns] for line in lines(self, runs)]
        return [self.columns, *found]


Name: TypeAlias = tuple[str, int, str]
"""Of a contestant: its table, log2 of its ids, its embedding."""
STAGES = {
    "1 MB, 0.6 million weights": ("cpu", 1_000_000),
    "10 MB, 0.6 million": ("cpu", 10_000_000),
    "40 MB, 3 million": ("cpu-large", 40_000_000),
    "40 MB, 25 million": ("large", 40_000_000),
}
"""Sizes of M2 and bytes of its text."""
BYTES, BPE, BPE_TEXT = ("bytes", 8, "plain"), ("bpe", 12, "plain"), ("bpe", 12, "text")
WINDOWS, WINDOWS_TEXT = ("windows", 12, "plain"), ("windows", 12, "text")
PAIRS: dict[str, tuple[Name, Name]] = {
    "BPE: text minus plain": (BPE_TEXT, BPE),
    "windows: text minus plain": (WINDOWS_TEXT, WINDOWS),
    "plain BPE minus bytes": (BPE, BYTES),
    "windows with text minus bytes": (WINDOWS_TEXT, BYTES),
    "plain windows minus bytes": (WINDOWS, BYTES),
    "windows with text minus plain BPE": (WINDOWS_TEXT, BPE),
}


@dataclass(frozen=True)
class MoreText:
    """Differences of pairs of contestants at all stages."""

    def cells(self, runs: Sequence[Result]) -> list[Sequence[str]]:
        """Return the head and the lines."""
        found = [contestants(runs, *stage) for stage in STAGES.values()]
        lines = [
            [name, *(_minus(at, one, base, -1, -1) for at in found)]
            for name, (one, base) in PAIRS.items()
        ]
        return [["", *STAGES], *lines]


@dataclass(frozen=True)
class MatchedOperations:
    """Contestants at points of their training after which they have taken as many operations.

    At all these points the learning rate is at its peak.

    Attributes:
        stages: some of `STAGES`.
        points: of `M2Settings.points`, by contestant.
    """

    stages: Sequence[str]
    points: dict[Name, int]

    def cells(self, runs: Sequence[Result]) -> list[Sequence[str]]:
        """Return the head and the lines."""
        columns = ("M2", "table", "embedding", "MB read", "TFLOP", "bits/byte", "minus bytes")
        lines: list[Sequence[str]] = [columns]
        for stage in self.stages:
            found = contestants(runs, *STAGES[stage])
            for name in (name for name in self.points if name in found):
                one, point = found[name], self.points[name]
                read = one.result["points"][point][0]
                flop = training_flop(one.result) * read / STAGES[stage][1]
                bits = mean(one.bits_at(point).values())
                minus = _minus(found, name, BYTES, point, self.points[BYTES])
                lines.append(
                    (stage, name[0], name[2], f"{read / 1e6:.1f}", f"{flop / 1e12:,.0f}",
                     f"{bits:.3f}", minus)
                )  # fmt: skip
        return lines


def contestants(runs: Iterable[Result], size: str, train_bytes: int) -> dict[Name, Contestant]:
    """Return the contestants on the English text that have enough seeds, at a stage."""
    found: dict[Name, list[Result]] = defaultdict(list)
    for run in runs:
        stage = run["data"][:8], run["size"], run["train_bytes"]
        if stage == (ENGLISH, size, train_bytes):
            found[run["table"], run["bits"], run["embedding"]].append(run)
    all_ = {name: Contestant.of(results) for name, results in found.items()}
    return {name: one for name, one in all_.items() if len(one.runs) >= SEEDS}


def _minus(
    found: dict[Name, Contestant], one: Name, base: Name, point: int, base_point: int
) -> str:
    if one == base or one not in found or base not in found:
        return ""
    return str(Difference.between(found[one].bits_at(point), found[base].bits_at(base_point)))


ENGLISH = "86cd210c"
KINDS = ("no-words", "no-trigrams", "no-suffixes", "no-prefixes", "mean", "sum", "sum-shuffled")
FEATURES = (*WITH_CONTROLS, *(f"text-{kind}" for kind in KINDS), "id-bits", "places", "kronecker")
INFORMATION = ("information", "information-shuffled")
TOY_DATA = "2cfc5548"
TOY_BYTES = 150_000
CONTESTANTS = Table(
    ENGLISH,
    "cpu",
    {
        **dict.fromkeys(
            ("unigram", "word", "bpe", "none", "phrase-20", "superbpe", "windows",
             "windows-word", "windows-padded"),
            12,
        ),
        "bytes": 8,
    },
    ("plain", "text"),
    ("table", "embedding", "learning rate", "bytes/token", "TFLOP", "bits/byte",
     "minus plain BPE", "minus plain", "minus plain bytes"),
    by_bits=True,
)  # fmt: skip
OVERVIEW = ("table", "embedding", "bytes/token", "bits/byte", "minus plain BPE", "minus plain")
WITHOUT_BYTES = CONTESTANTS.columns[:-1]
PHRASES = replace(
    CONTESTANTS,
    data="a59dc086",
    bits={"phrase-20": 14, "bpe": 14, "windows": 14, "bytes": 8},
    embeddings=WITH_CONTROLS,
    columns=WITHOUT_BYTES,
)
FORTY_MEGABYTES = replace(
    CONTESTANTS,
    size="cpu-large",
    bits={"windows": 12, "bpe": 12, "bytes": 8},
    train_bytes=40_000_000,
)
TABLES: dict[str, Table | MoreText | MatchedOperations] = {
    "overview": replace(CONTESTANTS, columns=OVERVIEW),
    "contestants": CONTESTANTS,
    "ten-megabytes": replace(FORTY_MEGABYTES, size="cpu", train_bytes=10_000_000),
    "phrases": PHRASES,
    "control": Table(
        ENGLISH,
        "cpu",
        {"bpe": 14, "phrase-20": 14, "unigram": 14},
        WITH_CONTROLS,
        ("table", "embedding", "learning rate", "bits/byte", "minus plain BPE", "minus plain",
         "minus text"),
        by_bits=True,
    ),
    "many-ids": Table(
        ENGLISH,
        "cpu",
        {"bpe": 16, "phrase-20": 16},
        ("plain", "text"),
        ("table", "embedding", "bytes/token", "TFLOP", "bits/byte", "minus plain BPE",
         "minus plain"),
        by_bits=True,
    ),
    "larger": replace(FORTY_MEGABYTES, columns=WITHOUT_BYTES, train_bytes=1_000_000),
    "forty-megabytes": FORTY_MEGABYTES,
    "large": Table(
        ENGLISH,
        "large",
        {"windows": 12, "bytes": 8},
        ("plain", "text"),
        ("table", "embedding", "bytes/token", "TFLOP", "bits/byte", "minus plain",
         "minus plain bytes"),
        by_bits=True,
        train_bytes=40_000_000,
    ),
    "more-text": MoreText(),
    "matched-operations": MatchedOperations(
        ("40 MB, 3 million", "40 MB, 25 million"), {BYTES: 1, WINDOWS_TEXT: 2, WINDOWS: 2, BPE: 2}
    ),
    "mix": Table(
        "2a27e512",
        "cpu",
        {"bpe": 14, "phrase-20": 14},
        WITH_CONTROLS,
        ("table", "embedding", "learning rate", "bytes/token", "TFLOP", "bits/byte",
         "minus plain BPE", "minus plain", "minus text"),
        by_bits=True,
    ),
    "toys": Table(
        TOY_DATA,
        "toy",
        {"bpe": 10, "word": 10, "windows": 12, "windows-2": 12, "bytes": 8},
        WITH_CONTROLS,
        ("table", "embedding", "bytes/token", "TFLOP", "bits/byte", "minus plain",
         "minus plain bytes"),
        train_bytes=TOY_BYTES,
    ),
    "split-windows": Table(
        TOY_DATA, "toy", {"windows-2": 16}, WITH_CONTROLS,
        ("embedding", "bytes/token", "bits/byte", "minus plain", "minus text"), by_bits=True,
        train_bytes=TOY_BYTES,
    ),
    "long-windows": Table(
        TOY_DATA, "toy", {"windows-2": 32}, WITH_CONTROLS,
        ("embedding", "bytes/token", "bits/byte", "minus plain", "minus text"), by_bits=True,
        train_bytes=TOY_BYTES,
    ),
    "features-word": Table(
        TOY_DATA, "toy", {"word": 10}, FEATURES,
        ("embedding", "bits/byte", "minus plain", "minus text"), by_bits=True,
        train_bytes=TOY_BYTES,
    ),
    "features-bpe": Table(
        TOY_DATA, "toy", {"bpe": 10}, FEATURES,
        ("embedding", "bits/byte", "minus plain", "minus text"), by_bits=True,
        train_bytes=TOY_BYTES,
    ),
    "information": Table(
        TOY_DATA,
        "toy",
        {"windows": 12},
        ("plain", *INFORMATION, *(f"text-{name}" for name in INFORMATION)),
        ("embedding", "bits/byte", "minus plain"),
        by_bits=True,
        train_bytes=TOY_BYTES,
    ),
}  # fmt: skip


def lines(table: Table, runs: Iterable[Result]) -> list[Sequence[Any]]:
    """Return the lines of learnability.py's table for the contestants of a table of a page."""
    chosen = [
        run
        for run in runs
        if run["data"].startswith(table.data)
        and run["size"] == table.size
        and run["embedding"] in table.embeddings
        and run["bits"] == table.bits.get(run["table"])
        and run["train_bytes"] == table.train_bytes
    ]
    found = [line for line in rows(chosen) if line[6] >= SEEDS]
    order: Callable[[Sequence[Any]], Any] = lambda line: float(line[7])  # noqa: E731
    if not table.by_bits:
        names = list(table.bits)
        order = lambda line: (names.index(line[0]), float(line[7]))  # noqa: E731
    return sorted(found, key=order)


def _cell(line: Sequence[Any], column: str) -> str:
    text = str(line[COLUMNS[column]])
    return text.partition(" of ")[0] if column == "learning rate" else text
