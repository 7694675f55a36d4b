"""Write the record, tables and pictures of the pages on learnability from finished runs.

usage: python benchmarks/learnability.py --queue QUEUE ...
       python scripts/make_learnability.py [QUEUE ...]

The record, docs/learnability/runs.jsonl, has a line for each run: what benchmarks/learnability.py
keeps of it. Runs of the queues are added to it, or replace those of the same settings.
docs/learnability.md and docs/learnability/experiments.md have tables of it between
"<!-- runs: NAME -->" and "<!-- end of runs -->"; docs/pictures/learnability-{light,dark}.svg show
them.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from learnability_table import rows  # noqa: E402
from scatter import THEMES, Axis, Part, Point, Theme, picture  # noqa: E402

Result: TypeAlias = dict[str, Any]

PAGES = [ROOT / "docs" / "learnability.md", ROOT / "docs" / "learnability" / "experiments.md"]
RECORD = ROOT / "docs" / "learnability" / "runs.jsonl"
PICTURES = ROOT / "docs" / "pictures"
BLOCK = re.compile(r"(<!-- runs: ([a-z-]+) -->\n).*?(<!-- end of runs -->)", re.DOTALL)
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


KINDS = ("no-words", "no-trigrams", "no-suffixes", "no-prefixes", "mean", "sum", "sum-shuffled")
FEATURES = (*WITH_CONTROLS, *(f"text-{kind}" for kind in KINDS), "id-bits", "places", "kronecker")
INFORMATION = ("information", "information-shuffled")
TOY_DATA = "2cfc5548"
TOY_BYTES = 150_000
CONTESTANTS = Table(
    "86cd210c",
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
TABLES = {
    "overview": replace(CONTESTANTS, columns=OVERVIEW),
    "contestants": CONTESTANTS,
    "ten-megabytes": Table(
        "86cd210c",
        "cpu",
        {"windows": 12, "bpe": 12, "bytes": 8},
        ("plain", "text"),
        ("table", "embedding", "learning rate", "bytes/token", "TFLOP", "bits/byte",
         "minus plain BPE", "minus plain", "minus plain bytes"),
        by_bits=True,
        train_bytes=10_000_000,
    ),
    "phrases": Table(
        "a59dc086",
        "cpu",
        {"phrase-20": 14, "bpe": 14, "windows": 14, "bytes": 8},
        WITH_CONTROLS,
        ("table", "embedding", "learning rate", "bytes/token", "TFLOP", "bits/byte",
         "minus plain BPE", "minus plain"),
        by_bits=True,
    ),
    "control": Table(
        "86cd210c",
        "cpu",
        {"bpe": 14, "phrase-20": 14},
        WITH_CONTROLS,
        ("table", "embedding", "learning rate", "bits/byte", "minus plain BPE", "minus plain",
         "minus text"),
        by_bits=True,
    ),
    "larger": Table(
        "86cd210c",
        "cpu-large",
        {"windows": 12, "bpe": 12, "bytes": 8},
        ("plain", "text"),
        ("table", "embedding", "learning rate", "bytes/token", "TFLOP", "bits/byte",
         "minus plain BPE", "minus plain"),
        by_bits=True,
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
# Of the picture, with their titles.
DRAWN = {
    "contestants": "1 MB of English, M2 of 0.6 million weights, 4,096 ids",
    "phrases": "1 MB of English, M2 of 0.6 million weights, 16,384 ids",
}
SEEDS = 4


def main() -> None:
    """Read queues, and write the record, the pages and the pictures."""
    queues = [Path(name) for name in sys.argv[1:]]
    if queues:
        found = (path for queue in queues for path in queue.glob("results/*.json"))
        added = [_plain(json.loads(path.read_text("utf-8"))) for path in found]
        runs = {_settings(run): run for run in (*record(), *added)}
        RECORD.write_text(
            "".join(json.dumps(run) + "\n" for _, run in sorted(runs.items())), "utf-8"
        )
    runs_now = record()
    for page in PAGES:
        page.write_text(filled(page.read_text("utf-8"), runs_now), "utf-8")
    for name, theme in THEMES.items():
        path = PICTURES / f"learnability-{name}.svg"
        path.write_text(drawing(runs_now, theme), "utf-8")


def record() -> list[Result]:
    """Return the runs."""
    return [json.loads(line) for line in RECORD.read_text("utf-8").splitlines()]


def _settings(run: Result) -> tuple[str, ...]:
    """Return what tells a run from others."""
    names = ("table", "bits", "embedding", "size", "train_bytes", "data", "device", "settings")
    return tuple(str(run.get(name)) for name in names)


def _plain(result: Result) -> Result:
    """Leave out where the files of a run were, and how long it took beside others."""
    words = [Path(word).name for word in shlex.split(result["command"])]
    kept = {name: value for name, value in result.items() if name != "seconds"}
    return {**kept, "command": shlex.join(words)}


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


def filled(page: str, runs: Sequence[Result]) -> str:
    """Return a page with its tables."""

    def shown(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        table = TABLES[name]
        cells = [[_cell(line, name) for name in table.columns] for line in lines(table, runs)]
        head = [table.columns, ["---"] * len(table.columns)]
        text = "\n".join("| " + " | ".join(row) + " |" for row in [*head, *cells])
        return f"{begin}\n{text}\n\n{end}"

    return BLOCK.sub(shown, page)


def _cell(line: Sequence[Any], column: str) -> str:
    text = str(line[COLUMNS[column]])
    return text.partition(" of ")[0] if column == "learning rate" else text


def drawing(runs: Sequence[Result], theme: Theme) -> str:
    """Return the picture as SVG: bits per byte against bytes per token."""
    parts = []
    for name, title in DRAWN.items():
        points = [
            Point(f"{line[0]}, {line[2]}", float(line[4]), float(line[7]), line[2] == "text")
            for line in lines(TABLES[name], runs)
            if line[2] != "text-shuffled"
        ]
        parts.append(
            Part(
                f"{title}: bits per byte against bytes per token",
                points,
                _axis([point.x for point in points]),
                _axis([point.y for point in points]),
                height=max(330, 35 * len(points)),
            )
        )
    return picture("How well models learn tokens that hold more or less text", parts, theme)


def _axis(values: Sequence[float]) -> Axis:
    """Return a linear axis that has the values well inside, with about six ticks."""
    space = 0.15 * (max(values) - min(values))
    low, high = min(values) - space, max(values) + space
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1) if (high - low) / step <= 8)
    first, last = round(low / step + 0.5), round(high / step - 0.5)
    return Axis(low, high, [round(k * step, 2) for k in range(first, last + 1)], False)


if __name__ == "__main__":
    main()
