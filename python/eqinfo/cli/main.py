"""Command line: ``eqinfo encode | decode | compress | decompress | verify | inspect | fit | ...``.

Exit codes: 0 ok, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, get_args

import click
import numpy as np
from tqdm import tqdm

import eqinfo
from eqinfo.cli.files import compress, decompress, print_container, verify
from eqinfo.cli.io import CHUNK_BYTES, chunks_of, open_input, open_output
from eqinfo.cli.options import codebook_option
from eqinfo.cli.report import report
from eqinfo.cli.tokenize import tokenize
from eqinfo.cli.train import train
from eqinfo.codebook.file import Align
from eqinfo.codebook.table import Codebook, Parse
from eqinfo.common.corpus import read_corpus
from eqinfo.common.files import require_folder
from eqinfo.container.header import MAGIC
from eqinfo.errors import EqInfoError, FormatError

# Windows take these backgrounds in turn; 256-colour codes that black text is readable on.
COLOURS = (153, 223, 151, 219, 187, 117)


class Group(click.Group):
    """Turns a user's mistakes into one line on standard error."""

    def invoke(self, context: click.Context) -> object:
        """Run a command; see the module for the exit codes."""
        try:
            return super().invoke(context)
        except BrokenPipeError:
            # Whoever read our output has gone; nothing more can be said to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(1) from None
        except (EqInfoError, OSError, ValueError) as error:
            click.echo(f"eqinfo: {error}", err=True)
            raise click.exceptions.Exit(1) from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(eqinfo.__version__)
def main() -> None:
    """Text to equal-info windows and back."""


main.add_command(compress)
main.add_command(decompress)
main.add_command(verify)
main.add_command(tokenize)
main.add_command(train)
main.add_command(report)


input_argument = click.argument(
    "source", type=click.Path(exists=True, dir_okay=False, allow_dash=True), default="-"
)
output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    default="-",
    help="Output file, written whole or not at all; default: standard output.",
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["binary", "text"]),
    default="binary",
    show_default=True,
    help="Tokens as little-endian integers (uint16; uint32 above 16 bits), or as decimal text.",
)


@main.command()
@input_argument
@output_option
@codebook_option
@format_option
@click.option(
    "--parse",
    type=click.Choice(get_args(Parse)),
    default="greedy",
    show_default=True,
    help="Windows of the longest match, or the fewest windows, for which the input is read whole.",
)
@click.option(
    "--threads", type=click.IntRange(1, 256), default=1, show_default=True,
    help="The tokens do not depend on it.",
)  # fmt: skip
def encode(
    source: str, output: str, codebook: Codebook, form: str, parse: Parse, threads: int
) -> None:
    """Turn a file (default: standard input) into tokens."""
    dtype = codebook.dtype.newbyteorder("<")
    with open_input(source) as file, open_output(output) as out:
        chunks = chunks_of(file, threads * CHUNK_BYTES)
        if parse == "shortest":
            parts = iter([codebook.encode(b"".join(chunks), parse=parse, num_threads=threads)])
        else:
            parts = codebook.encode_stream(chunks, num_threads=threads)
        for ids in parts:
            if form == "text":
                out.write(b"".join(b"%d\n" % token for token in ids.tolist()))
            else:
                out.write(ids.astype(dtype).tobytes())


@main.command()
@input_argument
@output_option
@codebook_option
@format_option
def decode(source: str, output: str, codebook: Codebook, form: str) -> None:
    """Turn tokens back into the file they were made of."""
    with open_input(source) as file, open_output(output) as out:
        done = 0
        for tokens in _text_tokens(file) if form == "text" else _binary_tokens(file, codebook):
            bad = np.flatnonzero((tokens < 0) | (tokens >= len(codebook)))
            if len(bad):
                raise ValueError(
                    f"token {done + bad[0]}: expected 0 to {len(codebook) - 1}, "
                    f"found {tokens[bad[0]]}"
                )
            out.write(codebook.decode_bytes(tokens.astype(codebook.dtype)))
            done += len(tokens)


def _binary_tokens(file: BinaryIO, codebook: Codebook) -> Iterator[np.ndarray]:
    dtype = codebook.dtype.newbyteorder("<")
    rest, done = b"", 0
    for chunk in chunks_of(file):
        data = rest + chunk
        whole = len(data) - len(data) % dtype.itemsize
        rest = data[whole:]
        done += len(chunk)
        yield np.frombuffer(data[:whole], dtype).astype(np.int64)
    if rest:
        raise FormatError(
            f"expected a multiple of {dtype.itemsize} bytes of tokens, found {done}: truncated?"
        )


def _text_tokens(file: BinaryIO) -> Iterator[np.ndarray]:
    for number, line in enumerate(file, 1):
        words = line.split()
        # 7 digits hold every token, and no line can ask for a number that does not fit.
        if not all(word.isdigit() and len(word) <= 7 for word in words):
            raise FormatError(f"line {number}: expected tokens, found {line[:40]!r}")
        yield np.array([int(word) for word in words], np.int64)


@main.command()
@input_argument
@codebook_option
@click.option("--text", help="Look at this text instead of a file.")
@click.option("--table", is_flag=True, help="One line a window: id, bytes, spare bits, text.")
@click.option("--colour/--no-colour", default=None, help="Default: where the output is a terminal.")
def inspect(
    source: str, codebook: Codebook, text: str | None, table: bool, colour: bool | None
) -> None:
    """Print the windows of a text, side by side in colour, and what they come to.

    Of a compressed file (.eqi), its parameters, model and sizes.
    """
    if text is not None:
        data = text.encode("utf-8", "surrogateescape")
    else:
        with open_input(source) as file:
            data = file.read(len(MAGIC))
            if data == MAGIC:
                print_container(source, file)
                return
            data += file.read()
    ids = codebook.encode(data)
    subtree = codebook.spare_bits[ids]
    position = 0
    for number, (token, spare) in enumerate(zip(ids.tolist(), subtree.tolist(), strict=True)):
        length = int(codebook.lengths[token])
        shown = _shown(data[position : position + length], table)
        background = COLOURS[number % len(COLOURS)]
        styled = click.style(shown, fg=16, bg=background)
        if table:
            click.echo(f"{token:>7} {length:>4} B {spare:6.2f} bits spare  {styled}", color=colour)
        else:
            # Without colours a bar shows where a window ends.
            plain = not (sys.stdout.isatty() if colour is None else colour)
            click.echo(shown + "|" if plain else styled, nl=False, color=colour)
        position += length
    if not table:
        click.echo()
    bits = len(ids) * codebook.window_bits
    per_window = len(data) / max(1, len(ids))
    per_byte = bits / max(1, len(data))
    click.echo(
        f"{len(data):,} bytes, {len(ids):,} windows of {codebook.window_bits} bits: "
        f"{per_window:.3f} bytes a window, {per_byte:.3f} bits a byte",
        err=True,
    )


def _shown(window: bytes, visible: bool) -> str:
    """Return bytes as text; what is not text as escapes, and control characters too where asked."""
    shown = window.decode("utf-8", "backslashreplace")
    keep = "" if visible else "\n\t"
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in shown)


def _show(bar: tqdm[Any], done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


@main.command()
@click.argument("corpus", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="Codebook file."
)
@click.option("--window-bits", type=click.IntRange(9, 20), default=16, show_default=True)
@click.option(
    "--max-length", type=click.IntRange(3, 255), default=32, show_default=True,
    help="Bytes of the longest string.",
)  # fmt: skip
@click.option(
    "--align", type=click.Choice(["none", "word"]), default="none", show_default=True,
    help="word: no string crosses the end of a word.",
)  # fmt: skip
@click.option(
    "--rounds", type=click.IntRange(0), default=1, show_default=True,
    help="Counts at windows' starts, after a first one; not with --align word.",
)  # fmt: skip
@click.option("--prefixes", is_flag=True, help="Every prefix of a string has an id too.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
def fit(
    corpus: tuple[str, ...],
    output: str,
    window_bits: int,
    max_length: int,
    align: Align,
    rounds: int,
    prefixes: bool,
    threads: int,
) -> None:
    """Make a codebook from text files (plain or .xz), each one document."""
    if prefixes and align == "word":
        raise click.UsageError("expected --prefixes or --align word, found both")
    require_folder(output)  # before the work, not after it
    documents = [read_corpus(path) for path in corpus]
    with tqdm(unit="step", disable=None, delay=1, leave=False) as bar:
        codebook = Codebook.fit(
            documents,
            window_bits,
            align=align,
            max_length=max_length,
            rounds=rounds,
            prefixes=prefixes,
            num_threads=threads,
            progress=lambda done, total: _show(bar, done, total),
        )
    codebook.save(output)
    size = sum(map(len, documents))
    tokens = sum(len(codebook.encode(document)) for document in documents)
    click.echo(
        f"{output}: {len(codebook):,} strings, {size / max(1, tokens):.3f} bytes a window "
        "on the corpus itself",
        err=True,
    )
