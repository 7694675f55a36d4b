"""``eqinfo bench``: this package's codecs and other compressors, compared on files of the user."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

import eqinfo
from eqinfo.cli.contestants import Contestant, Measured, contestants, measure
from eqinfo.cli.io import open_input, require_standard_output
from eqinfo.cli.options import examples
from eqinfo.cli.progress import progress_bar
from eqinfo.common.named import read_some

DEFAULT_BYTES = 4_000_000
SECONDS = 1.0


@dataclass(frozen=True)
class Sample:
    """The beginning of a file.

    Attributes:
        name: the file's name, "-" for standard input.
        data: the bytes that are compressed.
        whole: whether the file ends with them.
    """

    name: str
    data: bytes
    whole: bool


@click.command(
    epilog=examples(
        "eqinfo bench book.txt",
        "eqinfo bench *.log --only ranged --only lzma",
        "eqinfo bench --bytes 100000 --json < book.txt",
    )
)
@click.argument("inputs", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--bytes", "size", type=click.IntRange(1), default=DEFAULT_BYTES, show_default=True,
    help="Take only so many bytes from the beginning of each file.",
)  # fmt: skip
@click.option(
    "--only", multiple=True, metavar="TEXT",
    help="Compare only codecs whose name, as in the table, holds this; can be repeated.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the results as a JSON object.")
def bench(inputs: tuple[str, ...], size: int, only: tuple[str, ...], as_json: bool) -> None:
    """Compare levels with zlib, bz2, lzma and zstd on your files.

    Every file is compressed by itself, decompressed again and compared, with each codec: the
    levels and codecs of eqinfo with their default models, those of Python's standard library, and
    zstd if zstandard is installed. Sizes and times are those of all files together. All work is
    done on one thread, in memory. The time is that of the processor, the shortest of up to five
    runs, which are not repeated after a second. Without files, take standard input.
    """
    require_standard_output()
    every = contestants()
    chosen = _chosen(every, only)
    samples = [_sample(name, size) for name in inputs or ("-",)]
    if not any(sample.data for sample in samples):
        raise ValueError(f"{samples[0].name}: expected data to compress, found none")
    _warn(samples, every)
    results = sorted(
        _results(chosen, [sample.data for sample in samples]),
        key=lambda result: result.compressed_bytes,
    )
    click.echo(_json(samples, results) if as_json else _table(results))


def _chosen(every: Sequence[Contestant], only: tuple[str, ...]) -> list[Contestant]:
    for text in only:
        if not any(text in contestant.name for contestant in every):
            raise click.UsageError(
                f"expected --only with a part of a name among "
                f"{', '.join(contestant.name for contestant in every)}, found {text!r}"
            )
    return [one for one in every if not only or any(text in one.name for text in only)]


def _sample(name: str, size: int) -> Sample:
    with open_input(name) as file:
        parts = []
        left = size
        while left and (part := read_some(file, left, name)):
            parts.append(part)
            left -= len(part)
        return Sample(name, b"".join(parts), whole=bool(left) or not read_some(file, 1, name))


def _warn(samples: Sequence[Sample], every: Sequence[Contestant]) -> None:
    """Say on standard error what the results are not of."""
    for sample in samples:
        if not sample.whole:
            click.echo(
                f"eqinfo: {sample.name}: only the first {len(sample.data):,} bytes; for more, use "
                "--bytes",
                err=True,
            )
    if not any(contestant.name.startswith("zstd") for contestant in every):
        click.echo("eqinfo: zstd is left out: pip install zstandard", err=True)


def _results(chosen: Sequence[Contestant], files: Sequence[bytes]) -> Iterator[Measured]:
    with progress_bar("codec", total=len(chosen)) as bar:
        for contestant in chosen:
            bar.note(contestant.name)
            yield measure(contestant, files, SECONDS)
            bar.advance(1)


def _table(results: Sequence[Measured]) -> str:
    rows = [
        ("", "", "bits per", "compress", "decompress"),
        ("codec", "ratio", "byte", "MB/s", "MB/s"),
        *(
            (
                result.name,
                f"{result.ratio:.2f}",
                f"{result.bits_per_byte:.3f}",
                _speed(result.compress_speed),
                _speed(result.decompress_speed),
            )
            for result in results
        ),
    ]
    return "\n".join(
        f"{name:22} {ratio:>9} {bits:>8} {packing:>9} {unpacking:>10}"
        for name, ratio, bits, packing, unpacking in rows
    )


def _speed(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _json(samples: Sequence[Sample], results: Sequence[Measured]) -> str:
    return json.dumps(
        {
            "version": eqinfo.__version__,
            "files": [
                {"name": os.fspath(sample.name), "bytes": len(sample.data), "whole": sample.whole}
                for sample in samples
            ],
            "results": [
                {
                    "codec": result.name,
                    "compressed_bytes": result.compressed_bytes,
                    "ratio": result.ratio,
                    "bits_per_byte": result.bits_per_byte,
                    "compress_mb_per_s": result.compress_speed,
                    "decompress_mb_per_s": result.decompress_speed,
                }
                for result in results
            ],
        },
        indent=1,
    )
