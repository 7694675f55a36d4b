"""What the benchmarks share: timing in turns, tables, the machine's description."""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from pydoc_data import topics
from typing import Any

from eqinfo import frequency

Cell = str | int | float


@dataclass(frozen=True)
class Timing:
    """Seconds of processor time of the best and of the median repeat."""

    best: float
    median: float


def time_in_turns(
    contestants: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, Timing]:
    """Time every contestant once in every repeat, so that all meet the machine's drift alike.

    One call of each comes before, untimed. Processor time, because everything here runs on one
    thread and neighbours on a shared machine should not count. Compare best with best; the medians
    say how noisy the machine was.
    """
    for run in contestants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    gc.disable()
    try:
        for _ in range(repeats):
            for name, run in contestants.items():
                begin = time.process_time()
                run()
                seconds[name].append(time.process_time() - begin)
    finally:
        gc.enable()
    return {name: Timing(min(s), statistics.median(s)) for name, s in seconds.items()}


def noise(timings: Mapping[str, Timing]) -> str:
    """Say how far the repeats were apart."""
    worst = max(timing.median / timing.best for timing in timings.values())
    return f"medians up to {100 * (worst - 1):.0f} % above the best"


def machine() -> str:
    """Describe processor, instruction set in use, and versions of the packages that play a part."""
    packages = ["eqinfo", "numpy", "torch", "constriction", "torchac"]
    versions = [f"{name} {version}" for name in packages if (version := _version(name))]
    parts = [
        _processor(),
        f"{os.cpu_count()} cores",
        f"eqinfo on {frequency.instruction_set()}",
        f"Python {platform.python_version()}",
        *versions,
    ]
    return ", ".join(parts)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def peer(module: str) -> Any:
    """Import a package to compare with; without it, say how to get it and return None."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        print(
            f'{module} cannot be used ({error}): pip install "eqinfo[bench]"; going on without it',
            file=sys.stderr,
        )
        return None


@dataclass
class Report:
    """Tables, printed as they come and kept for ``--json``."""

    json_path: Path | None = None
    tables: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Print the machine line."""
        print(machine())

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Print a Markdown table."""
        lines = [list(header), *([_cell(value) for value in row] for row in rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
        lines.insert(1, ["-" * width for width in widths])
        print(f"\n{title}\n")
        for line in lines:
            padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
            print(f"| {' | '.join(padded)} |")
        sys.stdout.flush()
        self.tables.append({"title": title, "header": list(header), "rows": [*map(list, rows)]})

    def save(self) -> None:
        """Write the JSON file, if one is wanted."""
        if self.json_path is not None:
            content = {"machine": machine(), "tables": self.tables}
            self.json_path.write_text(json.dumps(content, indent=1) + "\n")


def _cell(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there, too")


def python_documentation() -> tuple[bytes, bytes]:
    """Return text for training and, held out, text to measure on."""
    text = "\n".join(topics.topics.values()).encode()
    held_out = len(text) // 8
    return text[:-held_out], text[-held_out:]
