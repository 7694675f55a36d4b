"""``eqinfo encode`` and ``decode``: files to the tokens of a codebook and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO, get_args

import click
import numpy as np

from eqinfo.cli.io import CHUNK_BYTES, chunks_of, open_input, open_output
from eqinfo.cli.options import codebook_option, input_argument, output_option, threads_option
from eqinfo.codebook.table import Codebook, Parse
from eqinfo.common.named import named
from eqinfo.errors import FormatError

# Of a token; the bound keeps every number within int64.
_MAX_DIGITS = 7

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["binary", "text"]),
    default="binary",
    show_default=True,
    help="How tokens are stored: as little-endian integers (uint16, or uint32 for windows of more "
    "than 16 bits), or as decimal text.",
)


@click.command()
@input_argument
@output_option
@codebook_option
@format_option
@click.option(
    "--parse",
    type=click.Choice(get_args(Parse)),
    default="greedy",
    show_default=True,
    help="greedy takes the longest match for each window; shortest finds the fewest windows, and "
    "holds the whole input in memory.",
)
@threads_option("Number of threads; the tokens do not depend on it.", default=1)
def encode(
    source: str, output: str, codebook: Codebook, form: str, parse: Parse, threads: int
) -> None:
    """Turn a file into tokens.

    Without a file, encode standard input.
    """
    if form == "binary" and output == "-" and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError(
            "binary tokens are not for a terminal; use --format text, or name a file with --output"
        )
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


@click.command()
@input_argument
@output_option
@codebook_option
@format_option
def decode(source: str, output: str, codebook: Codebook, form: str) -> None:
    """Turn tokens back into the file they came from.

    The codebook and the format must be those of encoding. Without a file, decode standard input.
    """
    with open_input(source) as file, open_output(output) as out:
        text = form == "text"
        done = 0
        for tokens in _text_tokens(file, source) if text else _binary_tokens(file, codebook):
            bad = np.flatnonzero((tokens < 0) | (tokens >= len(codebook)))
            if len(bad):
                raise ValueError(
                    f"token {done + bad[0]}: expected 0 to {len(codebook) - 1}, "
                    f"found {tokens[bad[0]]}; check that --model is the codebook of encoding"
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
            f"expected a multiple of {dtype.itemsize} bytes of tokens, found {done}; the input "
            "may be truncated, or its tokens may be of another size"
        )


def _text_tokens(file: BinaryIO, name: str) -> Iterator[np.ndarray]:
    number, rest, more = 1, b"", True
    while more:
        with named(name):
            piece = file.readline(CHUNK_BYTES)  # a line may be long
        more = bool(piece)
        words = (rest + piece).split()
        # A word may go on in the next piece.
        rest = words.pop() if words and not piece[-1:].isspace() and more else b""
        for word in [*words, rest] if rest else words:
            if not word.isdigit() or len(word) > _MAX_DIGITS:
                raise FormatError(
                    f"line {number}: expected tokens as decimal numbers, found {word[:40]!r}"
                )
        number += piece.endswith(b"\n")
        yield np.array([int(word) for word in words], np.int64)
