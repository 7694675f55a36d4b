"""``eqinfo compress``, ``decompress`` and ``verify``: compressed files."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import BinaryIO

import click

from eqinfo.cli.io import (
    Unread,
    arriving,
    open_input,
    open_output,
    refuse_existing,
    refuse_terminal,
    status_of,
)
from eqinfo.cli.options import examples, model_option, output_path, processors, threads_option
from eqinfo.cli.outcome import show_compression
from eqinfo.cli.progress import progress_bar, size_of, watched
from eqinfo.container.header import MAX_BLOCK_BYTES
from eqinfo.container.magic import TOKEN_MAGIC
from eqinfo.container.push_reader import PushReader
from eqinfo.container.settings import CODECS, CodecName, CompressOptions, FileModel, settings
from eqinfo.container.source import Source
from eqinfo.container.token_file.stream import TokenReader
from eqinfo.container.writer import ContainerWriter
from eqinfo.errors import EqInfoError

SUFFIX = ".eqi"

inputs_argument = click.argument(
    # Whether they exist is found out one by one: others are worked on in any case.
    "inputs",
    nargs=-1,
    type=click.Path(readable=False, allow_dash=True),
)
output_option = click.option(
    "-o", "--output", type=output_path,
    help="Output file for a single input, written completely or not at all; - for standard output.",
)  # fmt: skip
decoding_model_option = model_option("the bundled codebook or model that the file names")
force_option = click.option("-f", "--force", is_flag=True, help="Replace existing files.")
file_threads_option = threads_option(
    "Number of threads; the output does not depend on it. Default: one per processor."
)


@click.command(
    epilog=examples(
        "eqinfo compress book.txt",
        "eqinfo compress --codec ranged *.log",
        "eqinfo compress < book.txt > all.eqi",
    )
)
@inputs_argument
@output_option
@force_option
@model_option("the model en, or the codebook en-dense with a --codec that takes codebooks")
@click.option(
    "--codec", type=click.Choice(CODECS),
    help="arithmetic gives the smallest files; ranged and codebook are fast. Default: arithmetic, "
    "or ranged if --model is a codebook.",
)  # fmt: skip
@click.option(
    "--block-kib", type=click.IntRange(1, MAX_BLOCK_BYTES >> 10), default=1024, show_default=True,
    help="KiB of data per block. Blocks are coded in parallel, each by one thread.",
)  # fmt: skip
@click.option(
    "--window-bits", type=click.IntRange(16, 128), help="Bits per window for --codec windows."
)
@file_threads_option
@click.option(
    "-q", "--quiet", is_flag=True,
    help="Do not say what came of it. Sizes and speed of files are shown on a terminal only.",
)  # fmt: skip
def compress(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    model: FileModel | None,
    codec: CodecName | None,
    block_kib: int,
    window_bits: int | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Compress files to .eqi files.

    The output of NAME is NAME.eqi. Without files, compress standard input to standard output.
    """
    if window_bits is not None and codec != "windows":
        raise click.UsageError(
            f"expected --window-bits only with --codec windows, found --codec {codec or 'default'}"
        )
    if model is not None and codec == "stored":
        raise click.UsageError("expected no --model with --codec stored, found one")
    options: CompressOptions = {"codec": codec, "block_bytes": block_kib << 10}
    if window_bits is not None:
        options["window_bits"] = window_bits

    def work(file: BinaryIO, out: BinaryIO, name: str) -> None:
        header, block_codec = settings(model, options)
        # By blocks that were written: several are read before the first one is compressed.
        with (
            progress_bar("B", total=size_of(file)) as bar,
            closing(
                ContainerWriter(
                    out, header, block_codec, threads or processors(), advance=bar.advance
                )
            ) as writer,
        ):

            def pass_on() -> bool:
                writer.write_done()
                out.flush()
                return writer.busy

            for chunk in arriving(file, pass_on, with_bar=False):
                writer.write(memoryview(chunk))
            writer.finish()

    finished = None if quiet else show_compression
    _each(inputs, output, force, lambda name: name + SUFFIX, work, finished, binary=True)


@click.command(
    epilog=examples(
        "eqinfo decompress book.txt.eqi -o copy.txt",
        "eqinfo decompress book.txt.eqi -o - | head -n 5",
    )
)
@inputs_argument
@output_option
@force_option
@decoding_model_option
@click.option(
    "--max-output", type=click.IntRange(0), help="Fail if the data would exceed this many bytes."
)
@file_threads_option
def decompress(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    model: FileModel | None,
    max_output: int | None,
    threads: int | None,
) -> None:
    """Decompress .eqi files.

    The output of NAME.eqi is NAME. Without files, decompress standard input to standard output.
    """

    def work(file: BinaryIO, out: BinaryIO, name: str) -> None:
        reader = PushReader(name, model, threads or processors(), max_output)
        _decode(file, reader, out.write, out.flush)

    _each(inputs, output, force, _without_suffix, work, binary=False)


@click.command(
    epilog=examples(
        "eqinfo verify *.eqi",
    )
)
@inputs_argument
@decoding_model_option
@file_threads_option
def verify(inputs: tuple[str, ...], model: FileModel | None, threads: int | None) -> None:
    """Check that .eqi files and token files are intact.

    Decode .eqi files and compare all checksums, without writing anything. Of token files, which are
    not decoded, the checksum is compared. Without files, check standard input.
    """

    def check(name: str) -> None:
        with open_input(name) as file:
            head = _head(file)
            if head == TOKEN_MAGIC:
                result = f"{_count_tokens(file, name):,} tokens"
            else:
                size = _count_bytes(file, head, PushReader(name, model, threads or processors()))
                result = f"{size:,} bytes of data"
        click.echo(f"{name}: ok, {result}")

    _for_all(inputs or ("-",), check)


def _head(file: BinaryIO) -> bytes:
    """Read as many bytes of a file as a magic number has."""
    head = b""
    with watched(file) as readable:
        # Not `read`, which would leave the bytes after them in a buffer that `arriving` passes by.
        while piece := readable.read1(len(TOKEN_MAGIC) - len(head)):
            head += piece
    return head


def _count_tokens(file: BinaryIO, name: str) -> int:
    """Check the rest of a token file whose magic number has been read; return its tokens."""
    with watched(file) as readable:
        reader = TokenReader(Source(Unread(TOKEN_MAGIC, readable), name))
        reader.check()
    return reader.count


def _count_bytes(file: BinaryIO, head: bytes, reader: PushReader) -> int:
    """Decode a compressed file whose first bytes have been read; return the bytes of its data."""
    size = 0

    def count(block: memoryview) -> None:
        nonlocal size
        size += len(block)

    reader.add(memoryview(head))
    _decode(file, reader, count, lambda: None)
    return size


def _decode(
    file: BinaryIO,
    reader: PushReader,
    take: Callable[[memoryview], object],
    flush: Callable[[], object],
) -> None:
    """Give the data of every block away as soon as it is there, and flush before waiting."""

    def pass_on() -> bool:
        for block in reader.done():
            take(block)
        flush()
        return reader.busy

    with closing(reader):
        for chunk in arriving(file, pass_on):
            reader.add(memoryview(chunk))
            for block in reader.blocks():
                take(block)
        for block in reader.end():
            take(block)


def _each(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    output_name: Callable[[str], str],
    work: Callable[[BinaryIO, BinaryIO, str], None],
    finished: Callable[[str, str, float], None] | None = None,
    *,
    binary: bool,
) -> None:
    """Call ``work(input, output, name of the input)`` for every input.

    Args:
        inputs: file names; none means standard input.
        output: file name for a single input; None: see ``output_name``.
        force: whether existing files are replaced, and terminals get binary data.
        output_name: gives the name of the output for that of an input.
        work: reads the input and writes the output.
        finished: called after each with the names of input and output, and the seconds it took.
        binary: whether the output must not go to a terminal.
    """
    inputs = inputs or ("-",)
    if output is not None and len(inputs) > 1:
        raise click.UsageError(f"expected one input for --output, found {len(inputs)}")
    # All names first: a wrong one is reported before any work is done.
    outputs = {
        name: output if output is not None else "-" if name == "-" else output_name(name)
        for name in inputs
    }

    def work_on(name: str) -> None:
        target = outputs[name]
        with open_input(name) as file:
            if not force:
                refuse_existing(target)
                if binary:
                    refuse_terminal(target, "compressed data", "use --force to print them anyway")
            begin = time.monotonic()
            with open_output(target, status_of(file)) as out:
                work(file, out, name)
        if finished is not None:
            finished(name, target, time.monotonic() - begin)

    _for_all(inputs, work_on)


def _for_all(inputs: tuple[str, ...], work: Callable[[str], None]) -> None:
    """Call ``work`` for every input; go on after a failure, which fails the command at the end."""
    failed = False
    for name in inputs:
        try:
            work(name)
        except BrokenPipeError:  # noqa: PERF203 - nobody reads the other results either
            raise
        except (EqInfoError, OSError, ValueError) as error:
            click.echo(f"eqinfo: {error}", err=True)
            failed = True
    if failed:
        raise click.exceptions.Exit(1)


def _without_suffix(name: str) -> str:
    if not name.endswith(SUFFIX) or name == SUFFIX:
        raise click.UsageError(
            f"expected a file name that ends in {SUFFIX}, found {name}; name the output with "
            "--output"
        )
    return name[: -len(SUFFIX)]
