"""``eqinfo encode`` and ``decode``: files to tokens and back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Literal, get_args

import click
import numpy as np

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.cli.io import CHUNK_BYTES, chunks_of, open_input, open_output, refuse_terminal
from eqinfo.cli.options import (
    codebook_option,
    decoding_codebook_option,
    examples,
    input_argument,
    output_option,
    refuse_without_effect,
    threads_option,
)
from eqinfo.cli.overwriting import refuse_overwriting
from eqinfo.cli.progress import watched
from eqinfo.codebook.table import Codebook, Parse
from eqinfo.common.inputs import refuse_foreign
from eqinfo.common.locations import name_of
from eqinfo.common.named import named
from eqinfo.container.api import decompress
from eqinfo.container.header import read_header
from eqinfo.container.magic import COMPACT_MAGIC, MAGIC, TOKEN_MAGIC
from eqinfo.container.source import Source
from eqinfo.container.token_file.codec import codec_of, header_of
from eqinfo.container.token_file.header import read_token_header
from eqinfo.container.token_file.stream import TokenReader, TokenWriter
from eqinfo.errors import EqInfoError, FormatError, OutputLimitError

# Of a token; the bound keeps every number within int64.
_MAX_DIGITS = 7

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["binary", "text"]),
    default="binary",
    show_default=True,
    help="How tokens are stored: in a token file, which says which codebook they belong to and has "
    "a checksum, or as decimal text.",
)
raw_option = click.option(
    "--raw", is_flag=True,
    help="Binary tokens alone: little-endian integers (uint16, or uint32 for windows of more than "
    "16 bits), with nothing before or after.",
)  # fmt: skip


@click.command(
    epilog=examples(
        "eqinfo encode book.txt -o book.eqt",
        "eqinfo encode book.txt --format text | head -n 5",
    )
)
@input_argument
@output_option
@codebook_option
@click.option(
    "--input-format", type=click.Choice(["text"]),
    help="text takes files of any bytes as they are.",
)  # fmt: skip
@format_option
@raw_option
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
    source: str,
    output: str,
    codebook: Codebook,
    input_format: Literal["text"] | None,
    form: str,
    raw: bool,
    parse: Parse,
    threads: int,
) -> None:
    """Turn a file into tokens.

    Without a file, encode standard input. What begins like compressed data, UTF-16 or another
    binary format (PDF, PNG, Parquet, ...) is refused, because its tokens are hardly what is meant:
    decompress or convert it first, or give --input-format text.
    """
    if form == "text":
        refuse_without_effect(("raw",), "--format text")
    else:
        refuse_terminal(output, "binary tokens", "use --format text")
    refuse_overwriting([output])
    with open_input(source) as file, open_output(output) as out:
        chunks = chunks_of(file, threads * CHUNK_BYTES)
        if input_format is None:
            chunks = refuse_foreign(chunks, name_of(source))  # before anything is written
        if parse == "shortest":
            parts = iter([codebook.encode(b"".join(chunks), parse=parse, num_threads=threads)])
        else:
            parts = codebook.encode_stream(chunks, num_threads=threads)
        if form == "text":
            for ids in parts:
                out.write(b"".join(b"%d\n" % token for token in ids.tolist()))
        elif raw:
            for ids in parts:
                out.write(ids.astype(codebook.dtype.newbyteorder("<")).tobytes())
        else:
            writer = TokenWriter(out, header_of(codebook))
            for ids in parts:
                writer.write(ids)
            writer.finish()


@click.command(
    epilog=examples(
        "eqinfo decode book.eqt -o copy.txt",
        "eqinfo encode < book.txt | eqinfo decode | cmp - book.txt",
    )
)
@input_argument
@output_option
@decoding_codebook_option
@format_option
@raw_option
@click.option(
    "--max-output", type=click.IntRange(0), help="Fail if the data would exceed this many bytes."
)
def decode(
    source: str,
    output: str,
    codebook: Codebook | None,
    form: str,
    raw: bool,
    max_output: int | None,
) -> None:
    """Turn tokens back into the file they came from.

    Without a file, decode standard input. A token file is checked: that it is complete and
    unaltered, and that the codebook is that of encoding. For --raw and --format text, the codebook
    and the format must be those of encoding, and nothing checks that.
    """
    if form == "text":
        refuse_without_effect(("raw",), "--format text")
    refuse_overwriting([output])
    with open_input(source) as file, open_output(output) as out:
        left = max_output
        for data in _decoded(file, source, codebook, form, raw):
            if left is not None:
                left -= len(data)
                if left < 0:
                    raise OutputLimitError(
                        f"{source}: expected at most {max_output} bytes of data, found more"
                    )
            out.write(data)


def _decoded(
    file: BinaryIO, name: str, codebook: Codebook | None, form: str, raw: bool
) -> Iterator[bytes]:
    if form == "binary" and not raw:
        yield from _decoded_token_file(file, name, codebook)
        return
    codebook = codebook or Codebook.bundled(DEFAULT_CODEBOOK)
    done = 0
    parts = _text_tokens(file, name) if form == "text" else _binary_tokens(file, name, codebook)
    for tokens in parts:
        bad = np.flatnonzero(tokens >= len(codebook))
        if len(bad):
            raise ValueError(
                f"token {done + bad[0]}: expected 0 to {len(codebook) - 1}, "
                f"found {tokens[bad[0]]}; check that --model is the codebook of encoding"
            )
        yield codebook.decode_bytes(tokens.astype(codebook.dtype))
        done += len(tokens)


def _decoded_token_file(file: BinaryIO, name: str, given: Codebook | None) -> Iterator[bytes]:
    if file.seekable():
        # Nothing of a damaged file is written, and no codebook is loaded for it.
        begin = file.tell()
        with watched(file) as readable:
            TokenReader(Source(readable, name)).check()
        file.seek(begin)
    with watched(file) as readable:
        reader = TokenReader(Source(readable, name))
        codec = codec_of(reader.header, given, reader.place)
        if isinstance(codec, Codebook):
            yield from map(codec.decode_bytes, reader.chunks())
        else:
            # Other tokens decode only together.
            empty = np.empty(0, np.uint16)
            yield codec.decode_bytes(np.concatenate([empty, *reader.chunks()]))


def _refuse_files(begin: bytes, name: str) -> None:
    """Raise FormatError if bare tokens begin as a file does, which would decode to text, too.

    Tokens may begin with the same few bytes, so a whole header counts, or a whole compact member.
    """
    kinds = (
        (TOKEN_MAGIC, _token_header, "a token file; leave out --raw"),
        (MAGIC, _header, "a compressed file; use `eqinfo decompress`"),
        (COMPACT_MAGIC, decompress, "a compressed file; use `eqinfo decompress`"),
    )
    for magic, read, found in kinds:
        if not begin.startswith(magic):
            continue
        try:
            read(begin)
        except EqInfoError:
            continue
        raise FormatError(f"{name}: expected tokens alone, found {found}")


def _token_header(begin: bytes) -> None:
    read_token_header(Source(io.BytesIO(begin), ""))


def _header(begin: bytes) -> None:
    source = Source(io.BytesIO(begin), "")
    read_header(source, source.exactly(len(MAGIC), "magic number"))


def _binary_tokens(file: BinaryIO, name: str, codebook: Codebook) -> Iterator[np.ndarray]:
    dtype = codebook.dtype.newbyteorder("<")
    rest, done = b"", 0
    for chunk in chunks_of(file):
        data = rest + chunk
        whole = len(data) - len(data) % dtype.itemsize
        rest = data[whole:]
        if not done:
            _refuse_files(chunk, name)
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
        rest = words.pop() if more and not piece[-1:].isspace() else b""
        for word in [*words, rest] if rest else words:
            if not word.isdigit() or len(word) > _MAX_DIGITS:
                raise FormatError(
                    f"line {number}: expected tokens as decimal numbers, found {word[:40]!r}"
                )
        number += piece.endswith(b"\n")
        yield np.array([int(word) for word in words], np.int64)
