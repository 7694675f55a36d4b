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
    contestants: Mapping[str, Callable[[], object]], repeats: int, *, hot: bool = False
) -> dict[str, Timing]:
    """Time every contestant once in every repeat, so that the machine's drift affects all alike.

    Each contestant is called once before, untimed. The times are processor time, because everything
    here runs on one thread and other work on a shared machine should not count. Compare the best
    times; the medians show how noisy the machine was.

    Args:
        contestants: what to time, by name.
        repeats: times of each.
        hot: call each contestant untimed before each time as well, so that its memory is in the
            caches. Otherwise the first after a contestant with much memory has to fetch its own.
    """
    for run in contestants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    gc.disable()
    try:
        for _ in range(repeats):
            for name, run in contestants.items():
                if hot:
                    run()
                begin = time.process_time()
                run()
                seconds[name].append(time.process_time() - begin)
    finally:
        gc.enable()
    return {name: Timing(min(s), statistics.median(s)) for name, s in seconds.items()}


def noise(timings: Mapping[str, Timing]) -> str:
    """Describe how far apart the repeats were."""
    worst = max(timing.median / timing.best for timing in timings.values())
    return f"medians up to {100 * (worst - 1):.0f} % above the best"


def machine() -> str:
    """Describe the processor, the instruction set in use and the versions of the packages."""
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


def peer(module: str, install: str = 'pip install "eqinfo[bench]"') -> Any:
    """Import a package to compare with; if that fails, print how to install it and return None.

    The benchmarks' folder is left out of the search: `tokenizers.py` and `cuda.py` would hide the
    packages of these names.
    """
    here = Path(__file__).resolve().parent
    path = sys.path[:]
    sys.path[:] = [folder for folder in path if Path(folder or ".").resolve() != here]
    try:
        return importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        print(f"{module} cannot be used ({error}) and is left out: {install}", file=sys.stderr)
        return None
    finally:
        sys.path[:] = path


@dataclass
class Report:
    """Tables, printed as they are made and kept for ``--json``."""

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
        """Write the JSON file, if ``--json`` was given."""
        if self.json_path is not None:
            content = {"machine": machine(), "tables": self.tables}
            self.json_path.write_text(json.dumps(content, indent=1) + "\n")


def _cell(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the tables to FILE")


def python_documentation() -> tuple[bytes, bytes]:
    """Return Python's documentation in two parts: to train on, and held out to measure on."""
    text = "\n".join(topics.topics.values()).encode()
    held_out = len(text) // 8
    return text[:-held_out], text[-held_out:]
