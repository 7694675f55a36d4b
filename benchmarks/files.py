"""Compressed files compared with zstd, brotli and xz: size and time, whole and as documents.

All contestants compress the same text in turns, on one thread, and every round trip is checked.
Documents are compressed one by one, each as a file of its own. eqinfo's model also codes them all
in one batch, without the container. `--scaling` compares two threads with one by the wall clock.
The gain of two independent processes is shown beside it: it is the most that this machine allows.
"""

from __future__ import annotations

import argparse
import lzma
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import eqinfo
from common import Cell, Report, add_json_option, noise, peer, time_in_turns
from eqinfo.container.settings import CODECS

MODEL_CODECS = ("arithmetic", "windows")


@dataclass(frozen=True)
class Contestant:
    """Compresses bytes and gives them back."""

    name: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


def contestants(codecs: Sequence[str]) -> list[Contestant]:
    options: dict[str, dict[str, Any]] = {codec: {"codec": codec} for codec in codecs}
    found = [
        Contestant(f"eqinfo {codec}", partial(eqinfo.compress, **given), eqinfo.decompress)
        for codec, given in options.items()
    ]
    if zstandard := peer("zstandard"):
        found.append(
            Contestant(
                "zstd -3",
                zstandard.ZstdCompressor(level=3).compress,
                zstandard.ZstdDecompressor().decompress,
            )
        )
    if brotli := peer("brotli"):
        found.append(
            Contestant("brotli -5", partial(brotli.compress, quality=5), brotli.decompress)
        )
    found.append(Contestant("xz -6", partial(lzma.compress, preset=6), lzma.decompress))
    return found


def each(work: Callable[[bytes], bytes], parts: Sequence[bytes]) -> list[bytes]:
    return [work(part) for part in parts]


class SideBySide:
    """The model without the container, all documents in one batch."""

    name = "eqinfo ArithmeticCodec.encode_batch"

    def __init__(self) -> None:
        self._codec = eqinfo.ArithmeticCodec(eqinfo.models.load("en"), token_bits=8)

    def compress(self, parts: Sequence[bytes]) -> list[bytes]:
        """Encode all parts."""
        return [tokens.astype("u1").tobytes() for tokens in self._codec.encode_batch(parts)]

    def decompress(self, parts: Sequence[bytes]) -> list[bytes]:
        """Decode all parts."""
        texts = self._codec.decode_batch([list(part) for part in parts])
        return list(texts.iter_bytes())


def measure(
    report: Report, title: str, parts: Sequence[bytes], codecs: Sequence[str], repeats: int
) -> None:
    """Time every contestant on the parts, each part compressed alone, and print a table."""
    size = sum(map(len, parts))
    workers: dict[str, tuple[Callable[[], list[bytes]], Callable[[], list[bytes]]]] = {}
    sizes: dict[str, int] = {}
    for contestant in contestants(codecs):
        packed = each(contestant.compress, parts)
        assert each(contestant.decompress, packed) == list(parts), contestant.name
        sizes[contestant.name] = sum(map(len, packed))
        workers[contestant.name] = (
            partial(each, contestant.compress, parts),
            partial(each, contestant.decompress, packed),
        )
    if len(parts) > 1 and "arithmetic" in codecs:
        together = SideBySide()
        packed = together.compress(parts)
        assert together.decompress(packed) == list(parts)
        sizes[together.name] = sum(map(len, packed))
        workers[together.name] = (
            partial(together.compress, parts),
            partial(together.decompress, packed),
        )
    compressing = time_in_turns({name: work[0] for name, work in workers.items()}, repeats)
    decompressing = time_in_turns({name: work[1] for name, work in workers.items()}, repeats)
    rows: list[list[Cell]] = [
        [
            name,
            size / sizes[name],
            8 * sizes[name] / size,
            size / compressing[name].best / 1e6,
            size / decompressing[name].best / 1e6,
        ]
        for name in workers
    ]
    header = ["", "ratio", "bits per byte", "compress, MB/s", "decompress, MB/s"]
    report.table(f"{title} ({noise(compressing)})", header, rows)


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


def scaling(report: Report, data: bytes, codecs: Sequence[str], repeats: int) -> None:
    """Compare two threads with one by the wall clock; medians of the ratios within a repeat."""
    rows: list[list[Cell]] = []
    for codec in codecs:
        options: dict[str, Any] = {"codec": codec}
        blob = eqinfo.compress(data, **options)
        for what, work in (
            ("compress", partial(eqinfo.compress, data, **options)),
            ("decompress", partial(eqinfo.decompress, blob)),
        ):
            seconds: list[float] = []
            gains: list[float] = []
            limits: list[float] = []
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
    parser.add_argument("text", type=Path, nargs="+", help="text files")
    parser.add_argument(
        "--bytes", type=int, default=1 << 20, help="use at most this many bytes of each file"
    )
    parser.add_argument("--document-bytes", type=int, default=1000)
    parser.add_argument(
        "--documents", type=int, default=100, help="documents taken from each file, evenly spaced"
    )
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=list(CODECS[:-1]))
    parser.add_argument(
        "--scaling",
        type=int,
        metavar="BYTES",
        help="also compare two threads with one, on this many bytes",
    )
    parser.add_argument("--repeats", type=int, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    for path in arguments.text:
        text = path.read_bytes()[: arguments.bytes]
        measure(report, f"{path.name}, whole", [text], arguments.codecs, arguments.repeats)
        step = max(arguments.document_bytes, len(text) // arguments.documents)
        documents = [
            text[begin : begin + arguments.document_bytes]
            for begin in range(0, len(text) - arguments.document_bytes, step)
        ]
        title = f"{path.name}, {len(documents)} documents of {arguments.document_bytes:,} bytes"
        measure(report, title, documents, arguments.codecs, arguments.repeats)
    if arguments.scaling:
        data = (text * (arguments.scaling // len(text) + 1))[: arguments.scaling]
        fast = [codec for codec in arguments.codecs if codec not in MODEL_CODECS]
        scaling(report, data, fast, arguments.repeats)
    report.save()


if __name__ == "__main__":
    main()
