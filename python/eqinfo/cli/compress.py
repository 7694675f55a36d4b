"""``eqinfo compress``, ``decompress`` and ``verify``: compressed files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import BinaryIO

import click

from eqinfo.cli.each import (
    CountedOutput,
    each,
    for_all,
    force_option,
    inputs_argument,
    output_option,
    refuse_both,
    report_options,
)
from eqinfo.cli.io import Unread, arriving, open_input
from eqinfo.cli.options import (
    dictionary_option,
    examples,
    model_option,
    processors,
    threads_option,
)
from eqinfo.cli.outcome import Outcome, show_outcome
from eqinfo.cli.progress import progress_bar, size_of, watched
from eqinfo.common.counts import counted
from eqinfo.container.choice import Codings
from eqinfo.container.dictionary import Dictionary
from eqinfo.container.header import MAX_BLOCK_BYTES
from eqinfo.container.magic import TOKEN_MAGIC
from eqinfo.container.push_reader import PushReader
from eqinfo.container.settings import (
    CODECS,
    DEFAULT_LEVEL,
    DEFAULT_WINDOW_BITS,
    LEARNING_CODECS,
    LEVELS,
    CodecName,
    CompressOptions,
    FileModel,
    Level,
    candidates,
)
from eqinfo.container.source import Source
from eqinfo.container.token_file.stream import TokenReader
from eqinfo.container.writer import ContainerWriter
from eqinfo.errors import EqInfoError

SUFFIX = ".eqi"
_LEVELS_HELP = "; ".join(f"{level}: the codec {codec}" for level, codec in LEVELS.items())

decoding_model_option = model_option("the bundled codebook or model that the file names")
decoding_dictionary_option = dictionary_option(
    "The dictionary of the files that were compressed with one."
)
file_threads_option = threads_option(
    "Number of threads; the output does not depend on it. Default: one per processor."
)


@click.command(
    epilog=examples(
        "eqinfo compress book.txt",
        "eqinfo compress --fast *.log",
        "eqinfo compress < book.txt > all.eqi",
        "eqinfo compress -o - *.log > logs.eqi",
    )
)
@inputs_argument
@output_option
@force_option
@model_option(
    "the model en or world, whichever makes a sample smaller (with --codec windows, en), or the "
    "codebook en-dense with a --codec that takes codebooks"
)
@click.option(
    "--level", type=click.Choice(tuple(LEVELS)),
    help=f"{_LEVELS_HELP}. Default: {DEFAULT_LEVEL}.",
)  # fmt: skip
@click.option("-1", "--fast", "level", flag_value="fast", help="The same as --level fast.")
@click.option("-9", "--best", "level", flag_value="best", help="The same as --level best.")
@click.option(
    "--codec", type=click.Choice(CODECS),
    help="Instead of a level. auto is mixed for up to 32 kB, and for each block of longer data "
    "arithmetic or adaptive, whichever makes a sample smaller. Default with --model: arithmetic, "
    "or ranged if it is a codebook.",
)  # fmt: skip
@click.option(
    "--block-kib", type=click.IntRange(1, MAX_BLOCK_BYTES >> 10), default=1024, show_default=True,
    help="KiB of data per block. Blocks are coded in parallel, each by one thread.",
)  # fmt: skip
@click.option(
    "--window-bits",
    type=click.IntRange(16, 128),
    help=f"Bits per window for --codec windows, a multiple of 8. Default: {DEFAULT_WINDOW_BITS}.",
)
@click.option(
    "--solid", is_flag=True,
    help="Go on learning from block to block, with --codec mixed (the default then) or adaptive: "
    "the smallest files, but coded by one thread, and read only from the beginning on.",
)  # fmt: skip
@dictionary_option(
    "Text like that in the files, up to 1 MiB, which makes short files much smaller, with --codec "
    "mixed (the default then) or adaptive. Decompressing needs it, too."
)
@file_threads_option
@report_options
def compress(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    model: FileModel | None,
    level: Level | None,
    codec: CodecName | None,
    block_kib: int,
    window_bits: int | None,
    solid: bool,
    dictionary: Dictionary | None,
    threads: int | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Compress files to .eqi files.

    The output of NAME is NAME.eqi, and NAME is kept. Without files, compress standard input to
    standard output.
    """
    refuse_both(quiet, verbose)
    if level is not None and codec is not None:
        raise click.UsageError(
            f"expected --level or --codec, found --level {level} and --codec {codec}"
        )
    if window_bits is not None and codec != "windows":
        raise click.UsageError(
            f"expected --window-bits only with --codec windows, found --codec {codec or 'default'}"
        )
    chosen = codec if level is None else LEVELS[level]
    if solid and chosen not in (None, *LEARNING_CODECS):
        raise click.UsageError(
            f"expected --solid only with --codec {' or '.join(LEARNING_CODECS)}, or --best, found "
            f"{'--codec' if level is None else '--level'} {codec or level}"
        )
    if dictionary is not None and (solid or chosen not in (None, "auto", *LEARNING_CODECS)):
        raise click.UsageError(
            "expected --dictionary only without --solid, and with --level balanced or best, or "
            f"--codec {', '.join(LEARNING_CODECS)} or auto; found "
            f"{'--solid' if solid else f'the codec {chosen}'}"
        )
    options: CompressOptions = {
        "level": level,
        "codec": codec,
        "block_bytes": block_kib << 10,
        "solid": solid,
        "dictionary": dictionary,
    }
    if window_bits is not None:
        options["window_bits"] = window_bits
    choices = _candidates(model, options)

    def work(file: BinaryIO, out: CountedOutput, name: str) -> int:
        # By what has been coded: several blocks are read before the first one is compressed.
        with (
            progress_bar("B", total=size_of(file), hidden=quiet) as bar,
            closing(
                ContainerWriter(out, choices, threads or processors(), advance=bar.advance)
            ) as writer,
        ):

            def pass_on() -> bool:
                writer.write_done()
                out.flush()
                return writer.busy

            size = 0
            for chunk in arriving(file, pass_on, with_bar=False):
                size += len(chunk)
                writer.write(memoryview(chunk))
            writer.finish()
        return size

    def finished(outcome: Outcome) -> None:
        show_outcome(outcome, outcome.read, outcome.written, verbose=verbose)

    shown = None if quiet else finished
    each(inputs, output, force, lambda name: name + SUFFIX, work, shown, binary=True)


def _candidates(model: FileModel | None, options: CompressOptions) -> tuple[Codings, ...]:
    """Return how to code; raises UsageError for a model that the codec does not take."""
    try:
        return candidates(model, options)
    except EqInfoError:
        raise  # the model is damaged, or cannot be used here
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None


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
@decoding_dictionary_option
@click.option(
    "--max-output", type=click.IntRange(0), help="Fail if the data would exceed this many bytes."
)
@file_threads_option
@report_options
def decompress(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    model: FileModel | None,
    dictionary: Dictionary | None,
    max_output: int | None,
    threads: int | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Decompress .eqi files.

    The output of NAME.eqi is NAME, and NAME.eqi is kept. Without files, decompress standard input
    to standard output.
    """
    refuse_both(quiet, verbose)

    def work(file: BinaryIO, out: CountedOutput, name: str) -> int:
        reader = PushReader(name, model, threads or processors(), max_output, dictionary)
        return _decode(file, reader, out.write, out.flush, with_bar=not quiet)

    def finished(outcome: Outcome) -> None:
        show_outcome(outcome, outcome.written, outcome.read, verbose=True)

    shown = finished if verbose else None
    each(inputs, output, force, _without_suffix, work, shown, binary=False)


@click.command(
    epilog=examples(
        "eqinfo verify *.eqi",
    )
)
@inputs_argument
@decoding_model_option
@decoding_dictionary_option
@file_threads_option
@click.option("-q", "--quiet", is_flag=True, help="Name only the files that are not intact.")
def verify(
    inputs: tuple[str, ...],
    model: FileModel | None,
    dictionary: Dictionary | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Check that .eqi files and token files are intact.

    Decode .eqi files and compare all checksums, without writing anything. Of token files, which are
    not decoded, the checksum is compared. Without files, check standard input.
    """

    def check(name: str) -> None:
        with open_input(name) as file:
            head = _head(file)
            if head == TOKEN_MAGIC:
                result = counted(_count_tokens(file, name, quiet), "token")
            else:
                reader = PushReader(name, model, threads or processors(), dictionary=dictionary)
                size = _count_bytes(file, head, reader, quiet)
                result = f"{counted(size, 'byte')} of data"
        if not quiet:
            click.echo(f"{name}: ok, {result}")

    for_all(inputs or ("-",), check)


def _head(file: BinaryIO) -> bytes:
    """Read as many bytes of a file as a magic number has."""
    head = b""
    with watched(file, with_bar=False) as readable:
        # Not `read`, which would leave the bytes after them in a buffer that `arriving` passes by.
        while piece := readable.read1(len(TOKEN_MAGIC) - len(head)):
            head += piece
    return head


def _count_tokens(file: BinaryIO, name: str, quiet: bool) -> int:
    """Check the rest of a token file whose magic number has been read; return its tokens."""
    with watched(file, not quiet) as readable:
        reader = TokenReader(Source(Unread(TOKEN_MAGIC, readable), name))
        reader.check()
    return reader.count


def _count_bytes(file: BinaryIO, head: bytes, reader: PushReader, quiet: bool) -> int:
    """Decode a compressed file whose first bytes have been read; return the bytes of its data."""
    size = 0

    def count(block: memoryview) -> None:
        nonlocal size
        size += len(block)

    reader.add(memoryview(head))
    _decode(file, reader, count, lambda: None, with_bar=not quiet)
    return size


def _decode(
    file: BinaryIO,
    reader: PushReader,
    take: Callable[[memoryview], object],
    flush: Callable[[], object],
    *,
    with_bar: bool,
) -> int:
    """Give the data of every block away as soon as it is there, and flush before waiting.

    Return how many bytes were read.
    """

    def pass_on() -> bool:
        for block in reader.done():
            take(block)
        flush()
        return reader.busy

    size = 0
    with closing(reader):
        for chunk in arriving(file, pass_on, with_bar=with_bar):
            size += len(chunk)
            reader.add(memoryview(chunk))
            for block in reader.blocks():
                take(block)
        for block in reader.end():
            take(block)
    return size


def _without_suffix(name: str) -> str:
    if not name.endswith(SUFFIX) or name == SUFFIX:
        raise click.UsageError(
            f"expected a file name that ends in {SUFFIX}, found {name}; name the output with "
            "--output"
        )
    return name[: -len(SUFFIX)]
