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
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from learnability_tables import CONTESTANTS, FORTY_MEGABYTES, PHRASES, TABLES, Result, lines  # noqa: E402
from scatter import THEMES, Axis, Part, Point, Theme, picture  # noqa: E402

PAGES = [ROOT / "docs" / "learnability.md", ROOT / "docs" / "learnability" / "experiments.md"]
RECORD = ROOT / "docs" / "learnability" / "runs.jsonl"
PICTURES = ROOT / "docs" / "pictures"
BLOCK = re.compile(r"(<!-- runs: ([a-z-]+) -->\n).*?(<!-- end of runs -->)", re.DOTALL)
# Of the picture, by their titles.
DRAWN = {
    "1 MB of English, M2 of 0.6 million weights, 4,096 ids": CONTESTANTS,
    "1 MB of English, M2 of 0.6 million weights, 16,384 ids": PHRASES,
    "40 MB of English, M2 of 3 million weights, 4,096 ids": FORTY_MEGABYTES,
}


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


def filled(page: str, runs: Sequence[Result]) -> str:
    """Return a page with its tables."""

    def shown(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        head, *cells = TABLES[name].cells(runs)
        text = "\n".join(
            "| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells]
        )
        return f"{begin}\n{text}\n\n{end}"

    return BLOCK.sub(shown, page)


def drawing(runs: Sequence[Result], theme: Theme) -> str:
    """Return the picture as SVG: bits per byte against bytes per token."""
    parts = []
    for title, table in DRAWN.items():
        points = [
            Point(f"{line[0]}, {line[2]}", float(line[4]), float(line[7]), line[2] == "text")
            for line in lines(table, runs)
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
