"""Tokenizers: eqinfo's codebooks compared with other tokenizers, in one run.

Fresh text is text that a process has not seen before; most of these tokenizers cache the words that
they have seen. So each measurement starts a process, warms it up on different text, and then
encodes one long string and many documents twice each: fresh, then hot. All contestants take turns
within a repeat. Speeds are medians over the repeats; ratios are medians of the ratios within a
repeat. The slowest contestants run in the first repeat only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from common import Cell, Report, add_json_option, input_file, positive
from peers.registry import ONLY_COUNTED, OURS, PEERS, ROWS, Row
from peers.sample_text import generate
from peers.worker import DECODE_AGAIN

PEERS_FOLDER = Path(__file__).parent / "peers"
CASES = (
    "fresh string",
    "hot string",
    "fresh documents",
    "hot documents",
    "decode string",
    "decode documents",
)
ONE_THREAD = {
    "RAYON_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}
LEAST_BYTES = 10_000
MEMCPY = "memcpy"
LONG_CASES = ("encode", "decode", "copy")


@dataclass(frozen=True)
class Sizes:
    """Sizes of a run."""

    string_bytes: int
    document_characters: int
    bpe: int
    unigram: int
    generated_bytes: int


FULL = Sizes(10_000_000, 2_000, 65_536, 32_000, 24_000_000)
TOY = Sizes(200_000, 2_000, 2_000, 1_000, 600_000)


@dataclass
class Bench:
    """Starts workers, one at a time, and collects their results."""

    text: Path
    text_bytes: int
    folder: Path
    sizes: Sizes
    core: int
    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def run_repeat(self, rows: Sequence[Row], begin: int) -> None:
        """Measure every row once, on text rotated to start at ``begin``."""
        string_bytes = min(self.sizes.string_bytes, self.text_bytes * 9 // 20)
        request = {
            "text": str(self._rotated(begin)),
            "warm_bytes": min(self.text_bytes - 2 * string_bytes, string_bytes // 5),
            "string_bytes": string_bytes,
            "document_characters": self.sizes.document_characters,
        }
        self.keep(MEMCPY, self._run({**request, "task": "memcpy"}, self.core))
        for row in rows:
            if row.name not in self.reasons:
                result = self.run(row, {**request, "task": "measure"})
                self.keep(row.name, result)

    def run(self, row: Row, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run one task of a row's worker."""
        job = {**request, "module": row.module, "arguments": dict(row.arguments)}
        return self._run(job, self.core if row.threads == 1 else None)

    def keep(self, name: str, result: dict[str, Any]) -> None:
        """Keep a result, or the reason why there is none."""
        if "reason" in result:
            self.reasons[name] = result["reason"]
            self.results.pop(name, None)
        else:
            self.results.setdefault(name, []).append(result)

    def _rotated(self, begin: int) -> Path:
        text = self.text.read_bytes()
        path = self.text.with_name("rotated.txt")
        path.write_bytes(text[begin:] + text[:begin])
        return path

    def _run(self, request: Mapping[str, Any], core: int | None) -> dict[str, Any]:
        result = self.text.with_name("result.json")
        result.unlink(missing_ok=True)
        job = {**request, "folder": str(self.folder), "core": core, "result": str(result)}
        environment = {**os.environ, **ONE_THREAD}
        worker = subprocess.run(
            [sys.executable, str(PEERS_FOLDER / "worker.py"), json.dumps(job)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if not result.exists():
            lines = worker.stderr.decode(errors="replace").strip().splitlines() or [""]
            return {"reason": f"its process exited with status {worker.returncode}: {lines[-1]}"}
        content: dict[str, Any] = json.loads(result.read_text())
        return content

    def speeds(self, name: str, case: str, clock: str) -> list[float]:
        """Return bytes per second for every repeat."""
        return [r["bytes"][case] / r["seconds"][case][clock] for r in self.results[name]]

    def median(self, name: str, case: str, clock: str = "processor") -> float:
        """Return the median speed in MB/s."""
        return statistics.median(self.speeds(name, case, clock)) / 1e6

    def ratio(self, ours: str, peer: str, case: str, clock: str = "processor") -> float:
        """Return how many times faster ``ours`` is: the median over the repeats of both."""
        pairs = zip(self.speeds(ours, case, clock), self.speeds(peer, case, clock), strict=False)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def speed_table(bench: Bench, report: Report, rows: Sequence[Row]) -> None:
    report.table(
        "One thread on one core: MB of text per second of processor time (medians)",
        ["tokenizer", "ids", *CASES, "bytes per token", "peak memory, bytes per byte", "lossless"],
        [
            [
                row.name,
                bench.results[row.name][0]["vocabulary"],
                *(_speed(bench.median(row.name, case)) for case in CASES),
                f"{_bytes_per_token(bench, row.name):.3f}",
                _peak(bench, row.name),
                "yes" if all(r["lossless"] for r in bench.results[row.name]) else "no",
            ]
            for row in rows
        ],
    )
    report.table(
        "What encoding returns, in the form that is fastest in each package",
        ["tokenizer", "version", "returns"],
        [
            [row.name, metadata.version(row.package), bench.results[row.name][0]["returns"]]
            for row in rows
        ],
    )


def ratio_table(bench: Bench, report: Report, ours: str, peers: Sequence[Row]) -> None:
    report.table(
        f"{ours}: speed relative to each peer (medians of the ratios within a repeat)",
        ["peer", *CASES],
        [
            [row.name, *(f"{bench.ratio(ours, row.name, case):.2f}" for case in CASES)]
            for row in peers
        ],
    )


def memcpy_table(bench: Bench, report: Report, rows: Sequence[Row]) -> None:
    table: list[list[Cell]] = [
        [
            name,
            _speed(bench.median(name, DECODE_AGAIN)),
            f"{bench.ratio(name, MEMCPY, DECODE_AGAIN):.2f}",
        ]
        for name in (MEMCPY, *(row.name for row in rows))
    ]
    header = ["", "MB/s", "speed / memcpy"]
    report.table(
        "Decoding the string into memory already in use, compared with a copy of its bytes",
        header,
        table,
    )


def thread_table(bench: Bench, report: Report) -> None:
    """Compare two threads with one by the wall clock."""
    table: list[list[Cell]] = []
    for row in OURS:
        one = next(
            r for r in OURS if r.module == row.module and r.arguments == _without_threads(row)
        )
        if row.threads == 1 or not {row.name, one.name} <= bench.results.keys():
            continue
        for case in CASES:
            speeds = (bench.median(name, case, "wall") for name in (one.name, row.name))
            gain = bench.ratio(row.name, one.name, case, "wall")
            table.append([row.name, case, *map(_speed, speeds), f"{gain:.2f}"])
    if table:
        header = ["tokenizer", "case", "one thread", "more threads", "ratio"]
        report.table("Threads: MB of text per second by the wall clock (medians)", header, table)


def _without_threads(row: Row) -> dict[str, object]:
    return {key: value for key, value in row.arguments.items() if key != "num_threads"}


def long_table(bench: Bench, report: Report, rows: Sequence[Row], repeats: int) -> None:
    """Time every row on one string of the wanted size."""
    request = {
        "task": "long",
        "text": str(bench.text),
        "string_bytes": bench.sizes.string_bytes,
    }
    for _ in range(repeats):
        for row in rows:
            if row.name not in bench.reasons:
                bench.keep(row.name, bench.run(row, request))
    table: list[list[Cell]] = []
    for name, results in bench.results.items():
        size = results[0]["string_bytes"]
        encode, decode, copy = (
            statistics.median(r["seconds"][case] for r in results) for case in LONG_CASES
        )
        table.append(
            [
                name,
                *(_speed(size / time / 1e6) for time in (encode, decode, copy)),
                f"{copy / decode:.2f}",
                f"{size / results[0]['characters']:.2f}",
                f"{size / results[0]['tokens']:.3f}",
                "yes" if all(r["lossless"] for r in results) else "no",
            ]
        )
    report.table(
        f"One string of {bench.sizes.string_bytes / 1e6:,.0f} MB of UTF-8, the text repeated: "
        "MB/s of processor time (medians)",
        [
            *("tokenizer", *LONG_CASES, "decode / copy"),
            *("bytes per character", "bytes per token", "lossless"),
        ],
        table,
    )


def bytes_per_token_table(
    bench: Bench, report: Report, rows: Sequence[Row], paths: Sequence[Path]
) -> None:
    """Count the tokens of whole files, each as one string."""
    table: list[list[Cell]] = []
    first_with: dict[str, Row] = {}
    for row in rows:
        first_with.setdefault(row.ids, row)
    for row in first_with.values():
        result = bench.run(row, {"task": "count", "files": list(map(str, paths))})
        if "reason" in result:
            bench.reasons[f"bytes per token of {row.ids}"] = result["reason"]
            continue
        counts = list(result["bytes_per_token"].values())
        cells = [f"{value:.3f}" for value in (*counts, statistics.mean(counts))]
        table.append([row.ids, result["vocabulary"], *cells])
    header = ["tokens", "ids", *(path.stem for path in paths), "mean"]
    report.table("Bytes of UTF-8 per token", header, table)


def _bytes_per_token(bench: Bench, name: str) -> float:
    results = bench.results[name]
    tokens: int = sum(r["tokens"] for r in results)
    string_bytes: int = sum(r["string_bytes"] for r in results)
    return string_bytes / tokens


def _peak(bench: Bench, name: str) -> str:
    peaks = [r["peak_bytes"] and r["peak_bytes"] / r["string_bytes"] for r in bench.results[name]]
    return "" if None in peaks else f"{statistics.median(peaks):.2f}"


def _speed(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def utf8_text(path: Path | None, sizes: Sizes, seed: int) -> bytes:
    """Read a file as UTF-8 (U+FFFD replaces invalid bytes), or generate text if there is none."""
    if path is None:
        return generate(sizes.generated_bytes, seed)
    return path.read_bytes().decode("utf-8", "replace").encode()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--text",
        type=input_file,
        metavar="FILE",
        help="text to encode, 20 MB or more (default: generated, like English only in its words)",
    )
    parser.add_argument(
        "--train",
        type=input_file,
        metavar="FILE",
        help="text on which the peers' own vocabularies are trained (default: generated)",
    )
    parser.add_argument(
        "--bytes-per-token",
        type=input_file,
        nargs="+",
        default=[],
        metavar="FILE",
        help="also report bytes per token of these files, with `world` and `world-18`, too",
    )
    parser.add_argument(
        "--megabytes",
        type=positive,
        metavar="N",
        help="only time one string: the text, repeated up to N MB (takes 4 N MB of memory)",
    )
    parser.add_argument("--repeats", type=positive, default=5)
    parser.add_argument(
        "--rows",
        nargs="+",
        default=[""],
        metavar="PREFIX",
        help="only the rows whose names start with one of these",
    )
    cores = sorted(os.sched_getaffinity(0))
    parser.add_argument("--core", type=int, choices=cores, default=cores[-1])
    parser.add_argument("--toy", action="store_true", help="200 kB, small vocabularies, one repeat")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="keep the peers' vocabularies in FOLDER, and reuse those already there",
    )
    add_json_option(parser)
    arguments = parser.parse_args()
    if arguments.toy:
        parser.set_defaults(repeats=1)
        arguments = parser.parse_args()
    if arguments.megabytes and arguments.bytes_per_token:
        parser.error("expected --megabytes or --bytes-per-token, found both")
    if not chosen(arguments):
        names = ", ".join(sorted(row.name for row in ROWS.values()))
        parser.error(f"expected --rows with which one of these names starts, found none: {names}")
    return arguments


def chosen(arguments: argparse.Namespace) -> list[Row]:
    """Return the rows to measure."""
    rows = [row for row in ROWS.values() if row.name.startswith(tuple(arguments.rows))]
    if arguments.megabytes:
        rows = [row for row in rows if row in PEERS or row.is_plain]
    return rows


def main() -> None:
    arguments = parse_arguments()
    sizes = TOY if arguments.toy else FULL
    repeats = arguments.repeats
    rows = chosen(arguments)
    report = Report(arguments.json)
    with tempfile.TemporaryDirectory() as scratch:
        text = utf8_text(arguments.text, sizes, seed=1)
        if len(text) < LEAST_BYTES:
            sys.exit(f"expected at least {LEAST_BYTES:,} bytes of --text, found {len(text):,}")
        text_path = Path(scratch, "text.txt")
        text_path.write_bytes(text)
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if any(row not in OURS for row in rows):
            train_vocabularies(arguments.train, sizes, folder)
        bench = Bench(text_path, len(text), folder, sizes, arguments.core)
        if arguments.megabytes:
            bench.sizes = replace(sizes, string_bytes=arguments.megabytes * 1_000_000)
            long_table(bench, report, rows, repeats)
        else:
            for index in range(repeats):
                present = [row for row in rows if index == 0 or not row.slow]
                bench.run_repeat(present, len(text) * index // repeats)
                print(f"repeat {index + 1} of {repeats}", file=sys.stderr)
            tables(bench, report, rows, arguments)
    if bench.reasons:
        report.table("Not measured", ["", "reason"], [*map(list, bench.reasons.items())])
    report.save()
    if failed := own_failures(bench, rows):
        sys.exit(f"eqinfo's own rows failed: {', '.join(failed)}")


def train_vocabularies(train: Path | None, sizes: Sizes, folder: Path) -> None:
    """Train the peers' own vocabularies that are not in ``folder`` yet."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "train.txt")
        path.write_bytes(utf8_text(train, sizes, seed=2))
        subprocess.run(
            [
                *(sys.executable, str(PEERS_FOLDER / "vocabularies.py"), str(path)),
                *(str(folder), "--bpe", str(sizes.bpe), "--unigram", str(sizes.unigram)),
            ],
            stdout=sys.stderr,
            check=True,
        )


def own_failures(bench: Bench, rows: Sequence[Row]) -> list[str]:
    """Return the names of our rows that did not run or did not restore the text."""
    return [
        row.name
        for row in rows
        if row.module == "peer_eqinfo"
        and not all(r["lossless"] for r in bench.results.get(row.name, [{"lossless": False}]))
    ]


def tables(
    bench: Bench, report: Report, rows: Sequence[Row], arguments: argparse.Namespace
) -> None:
    """Print everything."""
    source = arguments.text or "GENERATED text, like English only in its words"
    measured = [row for row in rows if row.name in bench.results]
    if not measured:
        return
    result = bench.results[measured[0].name][0]
    print(
        f"\nText: {source}; a string of {result['string_bytes']:,} bytes, and documents of "
        f"{bench.sizes.document_characters:,} characters from another part of the same size; "
        f"load average: {', '.join(f'{load:.1f}' for load in os.getloadavg())}."
    )
    single = [row for row in measured if row.threads == 1]
    speed_table(bench, report, single)
    ours = [row for row in single if row in OURS]
    for row in ours:
        if row.module == "peer_eqinfo" and row.arguments.keys() == {"codebook"}:
            ratio_table(bench, report, row.name, [row for row in single if row in PEERS])
    memcpy_table(bench, report, ours)
    thread_table(bench, report)
    if arguments.bytes_per_token:
        counted = [row for row in ONLY_COUNTED if row.name.startswith(tuple(arguments.rows))]
        paths = arguments.bytes_per_token
        bytes_per_token_table(bench, report, [*single, *counted], paths)


if __name__ == "__main__":
    main()
