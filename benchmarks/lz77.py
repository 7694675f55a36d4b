"""LZ77 on texts of any kind: bits per byte and speed, with literals as bytes and as ids, and zstd.

Finding, coding and parsing literals are also timed alone. Every result is decoded and compared.

python benchmarks/lz77.py FILE... [--bytes 1048576]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

from common import Report, add_json_option, input_file, positive
from compressors import Compressor, others
from eqinfo.codebook import Codebook
from eqinfo.container import lz77
from round_trips import compare

NOTES = """
Times are processor time, the best of {repeats} repeats in turns; those of lz77 are of one block,
without a container. Ids are those of the bundled codebook en-dense."""


def blocks(size: int, codebook: Codebook) -> list[Compressor]:
    """Return LZ77 with literals as bytes and as ids, for blocks of a size."""

    def compress(book: Codebook | None, parts: Sequence[bytes]) -> list[bytes]:
        return [lz77.encode(part, book) for part in parts]

    def decompress(book: Codebook | None, parts: Sequence[bytes]) -> list[bytes]:
        return [lz77.decode(part, size=size, codebook=book) for part in parts]

    return [
        Compressor(f"lz77, {name}", partial(compress, book), partial(decompress, book))
        for name, book in (("bytes", None), ("ids", codebook))
    ]


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
    parser.add_argument("files", nargs="+", type=input_file, metavar="FILE")
    parser.add_argument("--bytes", type=positive, default=1 << 20, help="of each file, at most")
    parser.add_argument("--repeats", type=positive, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    codebook = Codebook.bundled("en-dense")
    codebook.encode(bytes(1 << 19))  # builds its trie
    for path in arguments.files:
        data = path.read_bytes()[: arguments.bytes]
        compressors = [*blocks(len(data), codebook), *others("zstd -1", "zstd -3", "zstd -19")]
        steps = parts(data, codebook)
        compare(report, path.name, data, compressors, arguments.repeats, alone=steps)
    print(NOTES.format(repeats=arguments.repeats))
    report.save()


if __name__ == "__main__":
    main()
