"""What the benchmarks share: timing in turns, tables, the machine's description."""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
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


@cache
def peer(module: str, install: str = 'pip install "eqinfo[bench]"') -> Any:
    """Import a package to compare with; if that fails, print how to install it and return None.

    It is said once in a process.

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
    machine: str = field(default_factory=machine)

    def __post_init__(self) -> None:
        """Print the machine line."""
        print(self.machine)

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Print a Markdown table; a NaN, which is not known, stays empty."""
        lines = [list(header), *([shown(value) for value in row] for row in rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
        lines.insert(1, ["-" * width for width in widths])
        print(f"\n{title}\n")
        for line in lines:
            padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
            print(f"| {' | '.join(padded)} |")
        sys.stdout.flush()
        known = [[None if _unknown(value) else value for value in row] for row in rows]
        self.tables.append({"title": title, "header": list(header), "rows": known})

    def save(self) -> None:
        """Write the JSON file, if ``--json`` was given."""
        if self.json_path is not None:
            content = {"machine": self.machine, "tables": self.tables}
            self.json_path.write_text(json.dumps(content, indent=1) + "\n")


def _unknown(value: Cell) -> bool:
    return isinstance(value, float) and math.isnan(value)


def shown(value: Cell) -> str:
    """Return a value as tables show it: numbers with three digits or more."""
    if _unknown(value):
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``."""
    parser.add_argument(
        "--json", type=_new_file, metavar="FILE", help="also write the tables to FILE"
    )


def _new_file(argument: str) -> Path:
    """Return the path of a file that can be written when everything has been measured."""
    path = Path(argument)
    if path.is_dir() or not path.parent.is_dir():
        found = "a folder" if path.is_dir() else f"no folder {path.parent}"
        raise argparse.ArgumentTypeError(f"expected a file in a folder that exists, found {found}")
    return path


def positive(argument: str) -> int:
    """Return a number of at least 1 that was given on the command line."""
    if not argument.isdecimal() or int(argument) < 1:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 1, found {argument!r}"
        )
    return int(argument)


def input_file(argument: str) -> Path:
    """Return the path of a file that was given on the command line, and is not empty."""
    path = Path(argument)
    if not path.is_file() or not path.stat().st_size:
        found = f"{path} empty" if path.is_file() else f"none at {path}"
        raise argparse.ArgumentTypeError(f"expected a file that is not empty, found {found}")
    return path


def python_documentation() -> tuple[bytes, bytes]:
    """Return Python's documentation in two parts: to train on, and held out to measure on."""
    text = "\n".join(topics.topics.values()).encode()
    held_out = len(text) // 8
    return text[:-held_out], text[-held_out:]
