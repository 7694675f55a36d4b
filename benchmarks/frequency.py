"""Frequency stage: rows per second on each instruction set of this processor.

The output has the same hash on all of them.
"""

from __future__ import annotations

import argparse
import hashlib
from functools import partial

import numpy as np
from numpy.typing import NDArray

from common import Cell, Report, add_json_option, noise, positive, time_in_turns
from eqinfo import frequency
from eqinfo.errors import UnsupportedError

ALPHABETS = {256: 4096, 50_257: 32}
"""Size of the alphabet: rows per call."""
PRECISION = 24


def run(level: str, logits: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Compute frequencies with one instruction set."""
    frequency.set_instruction_set(level)
    return frequency.frequencies(logits, PRECISION)


def available() -> list[str]:
    """Return the instruction sets of this processor."""
    levels = []
    for level in frequency.INSTRUCTION_SETS:
        try:
            frequency.set_instruction_set(level)
        except UnsupportedError:
            continue
        levels.append(level)
    return levels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=positive, default=15)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    generator = np.random.default_rng(1)
    for alphabet, count in ALPHABETS.items():
        logits = generator.standard_normal((count, alphabet), np.float32) * np.float32(3)
        contestants = {level: partial(run, level, logits) for level in available()}
        hashes = {
            hashlib.blake2b(make().astype("<u4").tobytes(), digest_size=8).hexdigest()
            for make in contestants.values()
        }
        if len(hashes) != 1:
            raise RuntimeError(
                f"expected the same output on all instruction sets, found the hashes {hashes}"
            )
        timings = time_in_turns(contestants, arguments.repeats)
        slowest = timings[frequency.INSTRUCTION_SETS[0]].best
        rows: list[list[Cell]] = [
            [
                level,
                round(count / timing.best),
                f"{timing.best / count / alphabet * 1e9:.2f}",
                f"{slowest / timing.best:.2f}",
            ]
            for level, timing in timings.items()
        ]
        report.table(
            f"{alphabet:,} symbols, {PRECISION} bits, output {hashes.pop()}; {noise(timings)}",
            ["instruction set", "rows per second", "ns per symbol", "speed / scalar"],
            rows,
        )
    report.save()


if __name__ == "__main__":
    main()
