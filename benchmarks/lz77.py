"""LZ77 on texts of any kind: bits per byte and speed, with literals as bytes and as ids, and zstd.

Finding, coding and parsing literals are also timed alone. Every result is decoded and compared.

python benchmarks/lz77.py FILE... [--bytes 1048576]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import Cell, Report, add_json_option, noise, peer, time_in_turns
from eqinfo.codebook import Codebook
from eqinfo.container import lz77

NOTES = """
Times are processor time, the best of {repeats} repeats in turns; those of lz77 are of one block,
without a container. Ids are those of the bundled codebook en-dense."""

Contestants = dict[str, tuple[Callable[[], bytes], Callable[[bytes], bytes]]]


def contestants(data: bytes, codebook: Codebook) -> Contestants:
    """Return what compresses the data and what decompresses the result."""
    found: Contestants = {}
    for name, book in (("bytes", None), ("ids", codebook)):
        found[f"lz77, {name}"] = (
            partial(lz77.encode, data, book),
            partial(lz77.decode, size=len(data), codebook=book),
        )
    zstandard = peer("zstandard")
    if zstandard is not None:
        for level in (1, 3, 19):
            compressor = zstandard.ZstdCompressor(level=level)
            found[f"zstd -{level}"] = (
                partial(compressor.compress, data),
                zstandard.ZstdDecompressor().decompress,
            )
    return found


def parts(data: bytes, codebook: Codebook) -> dict[str, Callable[[], object]]:
    """Return the steps of encoding that can be run alone."""
    literals = lz77.find(data, long_only=True).literals.data
    return {
        "find matches": partial(lz77.find, data),
        "find long matches": partial(lz77.find, data, long_only=True),
        "parse their literals": partial(codebook.encode, literals),
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--bytes", type=int, default=1 << 20, help="of each file, at most")
    parser.add_argument("--repeats", type=int, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    codebook = Codebook.bundled("en-dense")
    codebook.encode(bytes(1 << 19))  # builds its trie
    for path in arguments.files:
        data = path.read_bytes()[: arguments.bytes]
        runs = contestants(data, codebook)
        coded = {name: compress() for name, (compress, _) in runs.items()}
        decompress = {name: partial(run[1], coded[name]) for name, run in runs.items()}
        assert all(run() == data for run in decompress.values())
        alone = parts(data, codebook)
        writing = time_in_turns({**{n: r[0] for n, r in runs.items()}, **alone}, arguments.repeats)
        reading = time_in_turns(decompress, arguments.repeats)
        rows: list[list[Cell]] = [
            [
                name,
                f"{8 * len(coded[name]) / len(data):.3f}" if name in runs else "",
                f"{len(data) / 1e6 / time.best:.0f}",
                f"{len(data) / 1e6 / reading[name].best:.0f}" if name in runs else "",
            ]
            for name, time in writing.items()
        ]
        header = ["", "bits per byte", "compress, MB/s", "decompress, MB/s"]
        report.table(f"{path.name}, {len(data)} bytes; {noise(writing)}", header, rows)
    print(NOTES.format(repeats=arguments.repeats))
    report.save()


if __name__ == "__main__":
    main()
