"""Compressed files compared with other compressors: size, time and memory, on texts of many kinds.

Without files, the texts are the domain set of domains.py. Each is compressed whole. Some of them,
and all files given, are also cut into short documents, each compressed alone; eqinfo and zstd also
get a dictionary there, made of the rest of the text, and eqinfo's model codes them in one batch.

All work on one thread, in turns, and every round trip is checked. Times are processor time; memory
is the peak beyond what the process held before the call, with models and libraries loaded.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from common import Cell, Report, add_json_option, input_file, positive
from compressors import (
    Compressor,
    compressors,
    default_codecs,
    side_by_side,
    solid_codecs,
    with_dictionary,
)
from domains import document_sources, domain_set
from eqinfo.container.settings import CODECS, LEARNING_CODECS
from peers.worker import memory, reset_peak_memory

WHOLE_MEANS = "All whole texts: means, speeds, memory"
UNTYPICAL = ("zeros", "random")
"""Texts that the means leave out: any compressor has 0 and 8 bits per byte there."""
MEANS_HEADER = [
    "",
    "bits per byte",
    "compress, MB/s",
    "decompress, MB/s",
    "compress, MiB",
    "decompress, MiB",
]


@dataclass
class Result:
    """What a compressor did with a text.

    Attributes:
        text_bytes: size of the text.
        packed_bytes: what it became.
        peaks: bytes of memory to compress and to decompress; NaN where the system does not tell.
        seconds: processor time to compress and to decompress, in the best repeat.
    """

    text_bytes: int
    packed_bytes: int
    peaks: tuple[float, float]
    seconds: list[float] = field(default_factory=lambda: [float("inf"), float("inf")])

    @property
    def bits(self) -> float:
        """Bits per byte."""
        return 8 * self.packed_bytes / self.text_bytes


Results = dict[str, dict[str, Result]]
"""By text, then by compressor."""


def measure(
    candidates: Sequence[Compressor], parts: Sequence[bytes], repeats: int
) -> dict[str, Result]:
    """Check and measure each compressor on parts that are compressed alone.

    The first round trip is in a process of its own, which tells the memory; so a peer that crashes
    is only left out.

    Raises:
        SystemExit: one of eqinfo's own did not restore the text.
    """
    results: dict[str, Result] = {}
    for candidate in candidates:
        if candidate.ours:  # loads its model, so that this counts neither as time nor as memory
            candidate.decompress(candidate.compress([b"A short text."]))
        result = _in_child(partial(_round_trip, candidate, parts))
        if result is not None:
            results[candidate.name] = result
        elif candidate.ours:
            sys.exit(f"{candidate.name} failed, or did not restore the text")
        else:
            print(f"{candidate.name} failed, or did not restore the text", file=sys.stderr)
    gc.disable()
    for _ in range(repeats):
        for candidate in candidates:
            if (result := results.get(candidate.name)) is None:
                continue
            began = time.process_time()
            packed = candidate.compress(parts)
            between = time.process_time()
            candidate.decompress(packed)
            ended = time.process_time()
            best = zip(result.seconds, (between - began, ended - between), strict=True)
            result.seconds = [min(pair) for pair in best]
    gc.enable()
    return results


def _round_trip(compressor: Compressor, parts: Sequence[bytes]) -> Result | None:
    """Return the sizes and the memory, or None if the parts were not restored."""
    packed, compress_peak = _with_peak(partial(compressor.compress, parts))
    restored, decompress_peak = _with_peak(partial(compressor.decompress, packed))
    if restored != list(parts):
        return None
    sizes = sum(map(len, parts)), sum(map(len, packed))
    return Result(*sizes, (compress_peak, decompress_peak))


def _with_peak(work: Callable[[], list[bytes]]) -> tuple[list[bytes], float]:
    known = reset_peak_memory()
    before = memory("VmRSS")
    result = work()
    return result, memory("VmHWM") - before if known else float("nan")


def _in_child(work: Callable[[], Result | None]) -> Result | None:
    """Return the result of work done in a fork of this process, None if that did not end well."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def run() -> None:
        sender.send(work())

    child = context.Process(target=run)
    child.start()
    sender.close()
    try:
        result: Result | None = receiver.recv()
    except EOFError:
        result = None
    child.join()
    return result


def documents_and_samples(text: bytes, size: int, count: int) -> tuple[list[bytes], list[bytes]]:
    """Cut documents out of a text, evenly spaced; return them, and samples of the text between."""
    step = max(size, len(text) // count)
    places = range(0, len(text) - size + 1, step)
    rest = [text[place + size : place + step] for place in places]
    samples = [part[k : k + size] for part in rest for k in range(0, len(part), size)]
    return [text[place : place + size] for place in places], samples


def bits_table(report: Report, title: str, results: Results) -> None:
    """Print bits per byte, and how eqinfo's best compares with the best of the others."""
    names = list(dict.fromkeys(name for found in results.values() for name in found))
    rows: list[list[Cell]] = []
    for text, found in results.items():
        bits: dict[bool, list[tuple[float, str]]] = {True: [], False: []}
        for name, result in found.items():
            bits[name.startswith("eqinfo")].append((result.bits, name))
        row: list[Cell] = [text, next(iter(found.values())).text_bytes]
        row += [found[name].bits if name in found else "" for name in names]
        (ours, our_name), (others, other) = min(bits[True]), min(bits[False])
        ratio = ours / others if others else 1.0
        rows.append([*row, f"{our_name.removeprefix('eqinfo ')} / {other}", f"{ratio:.3f}"])
    report.table(title, ["", "bytes", *names, "best of either", "ratio"], rows)


def means_table(report: Report, title: str, results: Results) -> None:
    """Print means of bits per byte over the texts, speeds over all their bytes, and the peaks."""
    typical = {text: found for text, found in results.items() if text not in UNTYPICAL}
    names = dict.fromkeys(name for found in typical.values() for name in found)
    rows: list[list[Cell]] = []
    for name in names:
        found = [results[name] for results in typical.values() if name in results]
        total = sum(result.text_bytes for result in found)
        rows.append(
            [
                name,
                statistics.fmean(result.bits for result in found),
                *(total / sum(r.seconds[way] for r in found) / 1e6 for way in (0, 1)),
                *(max(r.peaks[way] for r in found) / (1 << 20) for way in (0, 1)),
            ]
        )
    report.table(title, MEANS_HEADER, rows)


def measure_whole(report: Report, arguments: argparse.Namespace, given: dict[str, bytes]) -> None:
    """Print the tables of whole texts."""
    if arguments.set:
        texts, missing = domain_set(arguments.bytes, arguments.seed, given)
        for reason in missing:
            print(f"left out: {reason}", file=sys.stderr)
        contents = {text.name: text.data for text in texts}
    else:
        contents = {name: data[: arguments.bytes] for name, data in given.items()}
    candidates = compressors(arguments.codecs)
    if arguments.solid:
        candidates += solid_codecs(arguments.codecs)
    results: Results = {}
    for name, data in contents.items():
        print(f"{name}: {len(data):,} bytes", file=sys.stderr)
        results[name] = measure(candidates, [data], arguments.repeats)
    bits_table(report, "Whole texts, bits per byte", results)
    means_table(report, WHOLE_MEANS, results)


def measure_documents(
    report: Report, arguments: argparse.Namespace, given: dict[str, bytes]
) -> None:
    """Print the tables of short documents."""
    size, count = arguments.document_bytes, arguments.documents
    if arguments.set:
        texts = document_sources(arguments.dictionary_bytes, arguments.seed, given)
        contents = {text.name: text.data for text in texts}
    else:
        contents = {name: data[: arguments.dictionary_bytes] for name, data in given.items()}
    candidates = [*compressors(arguments.codecs), side_by_side()]
    results: Results = {}
    for name, data in contents.items():
        documents, samples = documents_and_samples(data, size, count)
        if not documents:
            print(f"{name}: expected {size:,} bytes, found {len(data):,}", file=sys.stderr)
            continue
        print(f"{name}: {len(documents)} documents", file=sys.stderr)
        contestants = [*candidates, *with_dictionary(samples)]
        results[name] = measure(contestants, documents, arguments.repeats)
    if results:
        title = f"documents of {size:,} bytes"
        bits_table(report, f"{count} {title}, bits per byte", results)
        means_table(report, f"All {title}: means, speeds, memory", results)


def named_file(argument: str) -> tuple[str, bytes]:
    """Read a file given as PATH or NAME=PATH."""
    name, _, given = argument.rpartition("=")
    path = input_file(given)
    return name or path.name, path.read_bytes()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", type=named_file, nargs="*", metavar="[NAME=]FILE",
        help="texts of your own; if one is named prose, derived texts of the set are made from it",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="store_true", help="the domain set as well (the default without files)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the domain set")
    parser.add_argument("--bytes", type=positive, default=1 << 20, help="of each text, at most")
    parser.add_argument("--document-bytes", type=positive, default=1000)
    parser.add_argument("--documents", type=positive, default=60, help="cut out of each text")
    parser.add_argument(
        "--dictionary-bytes", type=positive, default=2_000_000,
        help="of each text, from which documents are cut, and a dictionary trained on the rest",
    )  # fmt: skip
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=default_codecs())
    parser.add_argument(
        "--solid", action="store_true",
        help="also with --solid, whole texts; they should have more --bytes than a block, 1 MiB",
    )  # fmt: skip
    parser.add_argument("--repeats", type=positive, default=3)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="4 kB of each text, one document, one repeat, where nothing else is asked for",
    )
    add_json_option(parser)
    arguments = parser.parse_args()
    if arguments.quick:
        parser.set_defaults(bytes=4_000, documents=1, repeats=1, dictionary_bytes=20_000)
        arguments = parser.parse_args()
    if len(dict(arguments.files)) < len(arguments.files):
        parser.error("expected a name for each text, found the same twice: give NAME=FILE")
    arguments.set = arguments.set or not arguments.files
    if arguments.seed and not arguments.set:
        parser.error("expected --seed only with --set: files of your own are not drawn")
    if arguments.solid and not solid_codecs(arguments.codecs):
        learning = ", ".join(LEARNING_CODECS)
        parser.error(f"expected --codecs with one of {learning} for --solid, found none")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    report = Report(arguments.json)
    given = dict(arguments.files)
    measure_whole(report, arguments, given)
    measure_documents(report, arguments, given)
    report.save()


if __name__ == "__main__":
    main()
