"""The native core of codebooks alone: encoding and decoding one string, compared with memcpy.

Encoding is timed with the best instruction set and in scalar code.

Builds `codebook.cpp` from this source tree and runs it on one core. Speeds are medians of processor
time; ratios are medians of the ratios within a repeat. Two threads are compared with one by the
wall clock. The gain of two independent walks is shown beside it, because it is the most that two
threads can gain: cores may be two threads of one core, or share the memory's bandwidth.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from common import Cell, Report, add_json_option, input_file, positive
from eqinfo import Codebook
from eqinfo.codebook import BUNDLED
from eqinfo.codebook import file as codebook_file
from peers.sample_text import generate

ROOT = Path(__file__).parent.parent
CASES = ("encode", "encode, scalar", "decode", "memcpy")


def build(folder: Path) -> Path:
    """Build the program, in Release as the package is, and return its path."""
    pybind11 = [sys.executable, "-m", "pybind11", "--cmakedir"]
    pybind11_folder = subprocess.run(pybind11, capture_output=True, text=True, check=True).stdout
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "EQINFO_BENCHMARKS": "ON",
        "EQINFO_CUDA": "OFF",
        "SKBUILD_PROJECT_VERSION": "0",
        "pybind11_DIR": pybind11_folder.strip(),
    }
    definitions = [f"-D{name}={value}" for name, value in options.items()]
    for command in (
        ["cmake", "-S", str(ROOT), "-B", str(folder), *definitions],
        ["cmake", "--build", str(folder), "--target", "benchmark_codebook"],
    ):
        subprocess.run(command, stdout=sys.stderr, check=True)
    return folder / "benchmark_codebook"


def write_nodes(codebook: Codebook, path: Path) -> None:
    """Write the arrays of a codebook in the form that the program reads."""
    codebook.save(path)
    depth, symbol, end, *_ = codebook_file.from_bytes(codebook_file.KIND.read(path), path)
    path.write_bytes(depth.tobytes() + symbol.tobytes() + end.astype(np.uint8).tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--text", type=input_file, metavar="FILE", help="the text to encode (default: generated)"
    )
    parser.add_argument(
        "--bytes", type=positive, default=10_000_000, help="use at most this many bytes of the text"
    )
    parser.add_argument(
        "--codebooks", nargs="+", choices=BUNDLED, default=[*BUNDLED], metavar="NAME"
    )
    parser.add_argument("--repeats", type=positive, default=21)
    cores = sorted(os.sched_getaffinity(0))
    parser.add_argument("--core", type=int, choices=cores, default=cores[-1])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "benchmarks")
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    program = build(arguments.build)
    rows: list[list[Cell]] = []
    threads: list[list[Cell]] = []
    with tempfile.TemporaryDirectory() as scratch:
        text = arguments.text.read_bytes() if arguments.text else generate(arguments.bytes, seed=1)
        text_path = Path(scratch, "text")
        text_path.write_bytes(text[: arguments.bytes])
        for name in arguments.codebooks:
            nodes_path = Path(scratch, "nodes")
            write_nodes(Codebook.bundled(name), nodes_path)
            counts = [str(arguments.repeats), str(arguments.core)]
            command = [str(program), str(nodes_path), str(text_path), *counts]
            output = subprocess.check_output(command, text=True)
            first, *repeats = (list(map(float, line.split())) for line in output.splitlines())
            size, ids = first
            seconds = np.array(repeats)
            speeds = np.median(size / seconds[:, : len(CASES)] / 1e6, axis=0)
            encode, scalar, decode, memcpy, one, two, twice = seconds.T
            pairs = ((scalar, encode), (memcpy, encode), (memcpy, decode))
            ratios = [statistics.median(other / own) for other, own in pairs]
            rows.append(
                [
                    name,
                    f"{size / ids:.3f}",
                    *(f"{speed:,.0f}" for speed in speeds),
                    f"{ratios[0]:.2f}",
                    *(f"{ratio:.3f}" for ratio in ratios[1:]),
                ]
            )
            gain, limit = np.median(one / two), np.median(2 * one / twice)
            threads.append(
                [name, f"{gain:.2f}", f"{limit:.2f}", f"{np.median(twice / two) / 2:.2f}"]
            )
    source = arguments.text or "GENERATED text, like English only in its words"
    report.table(
        f"Native core, one core, {size:,.0f} bytes of {source}: MB/s",
        [
            "codebook",
            "bytes per token",
            *CASES,
            "over scalar",
            "encode / memcpy",
            "decode / memcpy",
        ],
        rows,
    )
    report.table(
        "Encoding on two threads: speed relative to one thread, by the wall clock",
        ["codebook", "one string on two threads", "two strings at once", "first / second"],
        threads,
    )
    report.save()


if __name__ == "__main__":
    main()
