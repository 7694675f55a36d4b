"""``eqinfo inspect``: the windows of a text in colour, or a summary of a file of this package."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import click

from eqinfo.api import DEFAULT_CODEBOOK, window_codec
from eqinfo.cli.descriptions import description_of, print_description
from eqinfo.cli.io import Unread, chunks_of, open_input, require_standard_output
from eqinfo.cli.options import examples, model_option, refuse_without_effect
from eqinfo.cli.overwriting import ReadPath
from eqinfo.cli.progress import watched
from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.window_view import WindowViews, windows_page
from eqinfo.common.counts import counted
from eqinfo.common.named import read_some
from eqinfo.container.identity import CodecModel
from eqinfo.container.index import Index
from eqinfo.container.magic import MAGIC_BYTES, TOKEN_MAGIC, is_container
from eqinfo.container.source import Source
from eqinfo.container.summary import summary
from eqinfo.container.token_file.stream import TokenReader
from eqinfo.container.token_file.summary import token_summary
from eqinfo.models.native_model import BUNDLED_MODELS, load
from eqinfo.window.steps import MAX_WINDOW_BITS

if TYPE_CHECKING:
    from eqinfo.codecs.windows import WindowCodec

# Consecutive windows take these backgrounds in turn: 256-colour codes on which black is readable.
COLOURS = (153, 223, 151, 219, 187, 117)


@click.command(
    epilog=examples(
        "eqinfo inspect book.txt | less -R",
        "eqinfo inspect --text 'The same words' --table",
        "eqinfo inspect --text 'The same words' --window-bits 32",
        "eqinfo inspect book.txt --html > windows.html",
        "eqinfo inspect book.txt.eqi",
    )
)
@click.argument("source", type=ReadPath(exists=True, allow_dash=True), default="-")
@model_option("the codebook en, or the model en with --window-bits")
@click.option(
    "--window-bits",
    type=click.IntRange(12, MAX_WINDOW_BITS),
    help="Bits per window of a model. Those of a codebook are fixed.",
)
@click.option("--text", help="Use this text instead of a file.")
@click.option(
    "--table", is_flag=True, help="Print one line per window: codeword, bytes, spare bits and text."
)
@click.option("--html", is_flag=True, help="Print a page that shows the windows in a browser.")
@click.option(
    "--colour/--no-colour", default=None, help="Default: colours if the output is a terminal."
)
def inspect(
    source: str,
    model: str | CodecModel | None,
    window_bits: int | None,
    text: str | None,
    table: bool,
    html: bool,
    colour: bool | None,
) -> None:
    """Show the windows of a text, or what a file of eqinfo holds.

    The windows of a text are printed side by side in alternating colours, followed by their number
    and average size. A character that windows cut is shown where it begins, and a dot stands for
    the rest of it. Of .eqi files and token files, the parameters, the model and the sizes are
    printed; of codebooks, models, string columns, checkpoints and folders of shards, what they say
    about themselves. These need no --model.
    """
    require_standard_output()
    if html:
        refuse_without_effect(("table", "colour"), "--html")
    if text is not None:
        refuse_without_effect(("source",), "--text")
        data = text.encode("utf-8", "surrogateescape")
    else:
        options = ("model", "window_bits", "table", "html", "colour")
        if (description := description_of(source)) is not None:
            refuse_without_effect(options, f"a file of the format {description['format']}")
            print_description(source, description)
            return
        with open_input(source) as file:
            data = read_some(file, MAGIC_BYTES, source)
            if is_container(data):
                refuse_without_effect(options, "a compressed file")
                _print_container(source, data, file)
                return
            if data == TOKEN_MAGIC:
                refuse_without_effect(options, "a token file")
                _print_token_file(source, file)
                return
            data += b"".join(chunks_of(file))
    if not data:
        advice = "; name a file, or use --text" if source == "-" and text is None else ""
        raise ValueError(f"expected a text to show, found an empty one{advice}")
    windows = _codec(model, window_bits).windows(data)
    if html:
        click.echo(windows_page(windows))
    elif table:
        _print_table(windows, colour)
    else:
        _print_text(windows, colour)
    click.echo(
        f"{counted(len(data), 'byte')}, {counted(len(windows), 'window')} "
        f"of {windows.window_bits} bits: "
        f"{len(data) / len(windows):.3f} bytes per window, "
        f"{len(windows) * windows.window_bits / len(data):.3f} bits per byte",
        err=True,
    )


def _codec(model: str | CodecModel | None, window_bits: int | None) -> CodebookCodec | WindowCodec:
    name = DEFAULT_CODEBOOK if model is None else model
    if window_bits is None:
        return window_codec(name)
    if isinstance(name, str) and name in BUNDLED_MODELS:  # and not the codebook of this name
        name = load(name)
    elif isinstance(name, Codebook) or name in BUNDLED:
        refuse_without_effect(("window_bits",), "a codebook")
    return window_codec(name, window_bits=window_bits)


def _print_container(name: str, magic: bytes, file: BinaryIO) -> None:
    """Print a summary of a compressed file, of which the magic number has been read."""
    whole = file if file.seekable() else io.BytesIO(magic + b"".join(chunks_of(file)))
    for line in summary(Index(whole, name), os.fspath(name)):
        click.echo(line)


def _print_token_file(name: str, file: BinaryIO) -> None:
    """Print what a token file says, of which the magic number has been read; check all of it."""
    with watched(file) as readable:
        reader = TokenReader(Source(Unread(TOKEN_MAGIC, readable), name))
        reader.check()
    for line in token_summary(reader.header, reader.count, os.fspath(name)):
        click.echo(line)


def _print_table(windows: WindowViews, colour: bool | None) -> None:
    digits = len(str((1 << windows.window_bits) - 1))
    shown = zip(windows, _styled(windows.shown()), strict=True)
    for window, piece in shown:
        click.echo(
            f"{window.codeword:>{digits}} {len(window.text):>4} B {window.spare_bits:6.2f} bits "
            f"spare  {piece}",
            color=colour,
        )


def _print_text(windows: WindowViews, colour: bool | None) -> None:
    pieces = windows.shown(keep="\n\t")
    # Without colours, a bar shows where a window ends.
    plain = not (sys.stdout.isatty() if colour is None else colour)
    for piece in (f"{piece}|" for piece in pieces) if plain else _styled(pieces):
        click.echo(piece, nl=False, color=colour)
    click.echo()


def _styled(pieces: Iterable[str]) -> Iterator[str]:
    for number, piece in enumerate(pieces):
        yield click.style(piece, fg=16, bg=COLOURS[number % len(COLOURS)])
