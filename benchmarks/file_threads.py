"""Two threads compared with one on compressed files, by the wall clock.

The gain of two independent processes, which share nothing but the machine, is shown beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import eqinfo
from common import Cell, Report, add_json_option, input_file, positive
from eqinfo.container.settings import CODECS, CodecName


def at_once(work: Callable[[], object], processes: int) -> float:
    """Return the seconds that this many independent processes take for the same work."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes + 1)

    def run() -> None:
        barrier.wait()
        work()
        barrier.wait()

    workers = [context.Process(target=run) for _ in range(processes)]
    for worker in workers:
        worker.start()
    barrier.wait()
    begin = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - begin
    for worker in workers:
        worker.join()
    return seconds


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def scaling(report: Report, data: bytes, codecs: Sequence[CodecName], repeats: int) -> None:
    """Compare two threads with one by the wall clock; medians of the ratios within a repeat."""
    rows: list[list[Cell]] = []
    for codec in codecs:
        blob = eqinfo.compress(data, codec=codec)
        for what, work in (
            ("compress", partial(eqinfo.compress, data, codec=codec)),
            ("decompress", partial(eqinfo.decompress, blob)),
        ):
            seconds: list[float] = []
            gains: list[float] = []
            limits: list[float] = []
            expected = data if what == "decompress" else blob
            if work() != expected or work(num_threads=2) != expected:
                raise SystemExit(f"{codec}: expected to {what} the same, with any threads")
            for _ in range(repeats):
                seconds.append(timed(work))
                gains.append(seconds[-1] / timed(partial(work, num_threads=2)))
                limits.append(2 * at_once(work, 1) / at_once(work, 2))
            speed = len(data) / statistics.median(seconds) / 1e6
            gain, limit = statistics.median(gains), statistics.median(limits)
            rows.append([codec, what, speed, gain, limit])
    header = ["codec", "", "one thread, MB/s", "two threads / one", "two processes / one"]
    report.table(f"Threads, {len(data):,} bytes, by the wall clock", header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "text", type=input_file, help="text file, repeated if it is shorter than --bytes"
    )
    parser.add_argument("--bytes", type=positive, default=64_000_000)
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=["ranged", "codebook"])
    parser.add_argument("--repeats", type=positive, default=5)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    text = arguments.text.read_bytes()
    data = (text * (arguments.bytes // len(text) + 1))[: arguments.bytes]
    scaling(report, data, arguments.codecs, arguments.repeats)
    report.save()


if __name__ == "__main__":
    main()
