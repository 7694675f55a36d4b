"""Command line: ``eqinfo compress | decompress | verify``, and ``inspect`` of compressed files."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
from tqdm import tqdm

import eqinfo
from eqinfo.cli.io import chunks_of, open_input
from eqinfo.codebook.table import BUNDLED
from eqinfo.common.files import atomic_output
from eqinfo.container.api import FileModel
from eqinfo.container.header import MAGIC, MAX_BLOCK_BYTES
from eqinfo.container.identity import load_file
from eqinfo.container.index import Index
from eqinfo.container.reader import ContainerReader
from eqinfo.container.settings import CODECS, CompressOptions
from eqinfo.container.source import Source
from eqinfo.container.summary import summary
from eqinfo.errors import EqInfoError
from eqinfo.models.native_model import BUNDLED_MODELS

SUFFIX = ".eqi"


def _model(context: click.Context, parameter: click.Parameter, value: str | None) -> object:
    if value is None or value in {*BUNDLED, *BUNDLED_MODELS}:
        return value
    if not Path(value).exists():
        names = sorted({*BUNDLED, *BUNDLED_MODELS})
        raise click.BadParameter(f"no such file, and no bundled model: {', '.join(names)}")
    return load_file(value)


inputs_argument = click.argument(
    "inputs", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
output_option = click.option(
    "-o", "--output", type=click.Path(dir_okay=False, allow_dash=True),
    help="Output of a single input, written whole or not at all; - for standard output.",
)  # fmt: skip
force_option = click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
model_option = click.option(
    "-m", "--model", callback=_model, metavar="NAME|FILE",
    help="A bundled model or codebook, or a file. Default: en; en-dense for codebooks.",
)  # fmt: skip
threads_option = click.option(
    "--threads", type=click.IntRange(1, 256),
    help="The bytes do not depend on it. Default: as many as there are processors.",
)  # fmt: skip


@click.command()
@inputs_argument
@output_option
@force_option
@model_option
@click.option(
    "--codec", type=click.Choice(CODECS),
    help="arithmetic is smallest, ranged and codebook are fast. Default: arithmetic; ranged where "
    "the model is a codebook.",
)  # fmt: skip
@click.option(
    "--block-kib", type=click.IntRange(1, MAX_BLOCK_BYTES >> 10), default=1024, show_default=True,
    help="Of data in a block, which one thread codes.",
)  # fmt: skip
@click.option("--window-bits", type=click.IntRange(16, 128), help="Of --codec windows.")
@threads_option
def compress(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    model: FileModel | None,
    codec: str | None,
    block_kib: int,
    window_bits: int | None,
    threads: int | None,
) -> None:
    """Compress files, each to its name with .eqi; without files, standard input to output."""
    options: dict[str, Any] = {"codec": codec, "block_bytes": block_kib << 10}
    if window_bits is not None:
        options["window_bits"] = window_bits
    options["num_threads"] = threads or _processors()

    def work(file: BinaryIO, out: BinaryIO, name: str) -> None:
        with eqinfo.open(out, "wb", model, **cast(CompressOptions, options)) as target:
            for chunk in chunks_of(file):
                target.write(chunk)

    _each(inputs, output, force, lambda name: name + SUFFIX, work, binary=True)


@click.command()
@inputs_argument
@output_option
@force_option
@model_option
@click.option("--max-output", type=click.IntRange(0), help="Bytes of data that are allowed.")
@threads_option
def decompress(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    model: FileModel | None,
    max_output: int | None,
    threads: int | None,
) -> None:
    """Decompress files, each to its name without .eqi; without files, standard input to output."""

    def work(file: BinaryIO, out: BinaryIO, name: str) -> None:
        for block in _decoded(file, name, model, threads, max_output):
            out.write(block)

    _each(inputs, output, force, _without_suffix, work, binary=False)


@click.command()
@inputs_argument
@model_option
@threads_option
def verify(inputs: tuple[str, ...], model: FileModel | None, threads: int | None) -> None:
    """Decode files and check everything, without writing; default: standard input."""
    failed = False
    for name in inputs or ("-",):
        with open_input(name) as file:
            try:
                size = sum(map(len, _decoded(file, name, model, threads, None)))
            except (EqInfoError, OSError) as error:
                click.echo(f"eqinfo: {error}", err=True)
                failed = True
                continue
        click.echo(f"{name}: ok, {size:,} bytes of data")
    if failed:
        raise click.exceptions.Exit(1)


def print_container(name: str, file: BinaryIO) -> None:
    """Print what a compressed file is, whose magic has been read."""
    whole = file if file.seekable() else io.BytesIO(MAGIC + file.read())
    for line in summary(Index(whole, name), os.fspath(name)):
        click.echo(line)


def _decoded(
    file: BinaryIO,
    name: str,
    model: FileModel | None,
    threads: int | None,
    max_output: int | None,
) -> Iterator[memoryview]:
    with _watched(file) as watched:
        reader = ContainerReader(Source(watched, name), model, threads or _processors(), max_output)
        yield from reader.blocks()


class _Watched:
    """A file whose reading moves a progress bar."""

    def __init__(self, file: BinaryIO, bar: tqdm[Any]) -> None:
        self._file = file
        self._bar = bar

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self._bar.update(len(data))
        return data


@contextmanager
def _watched(file: BinaryIO) -> Iterator[_Watched]:
    size = os.fstat(file.fileno()).st_size or None
    with tqdm(total=size, unit="B", unit_scale=True, disable=None, delay=1, leave=False) as bar:
        yield _Watched(file, bar)


def _each(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    named: Callable[[str], str],
    work: Callable[[BinaryIO, BinaryIO, str], None],
    *,
    binary: bool,
) -> None:
    """Do the work from every input to its output; ``binary``: not for a terminal."""
    inputs = inputs or ("-",)
    if output is not None and len(inputs) > 1:
        raise click.UsageError(f"expected one input for --output, found {len(inputs)}")
    outputs = [
        output if output is not None else "-" if name == "-" else named(name) for name in inputs
    ]
    for name, target in zip(inputs, outputs, strict=True):
        with open_input(name) as file, _output(target, file, force, binary) as out:
            work(file, out, name)


@contextmanager
def _output(path: str, source: BinaryIO, force: bool, binary: bool) -> Iterator[BinaryIO]:
    if path == "-":
        if binary and not force and sys.stdout.isatty():
            raise click.UsageError(
                "compressed data are not for a terminal; use --output or --force"
            )
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not force and os.path.exists(path):
        raise FileExistsError(f"{path}: exists already; replace it with --force")
    status = os.fstat(source.fileno())
    regular = stat.S_ISREG(status.st_mode)
    with atomic_output(path, status.st_mode & 0o777 if regular else None) as file:
        yield file


def _without_suffix(name: str) -> str:
    if not name.endswith(SUFFIX) or name == SUFFIX:
        raise click.UsageError(f"expected a name that ends in {SUFFIX}, or --output, found {name}")
    return name[: -len(SUFFIX)]


def _processors() -> int:
    return min(256, os.cpu_count() or 1)
