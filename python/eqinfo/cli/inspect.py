"""``eqinfo inspect``: the windows of a text in colour, or a summary of a compressed file."""

from __future__ import annotations

import io
import os
import sys
from typing import BinaryIO

import click

from eqinfo.cli.io import chunks_of, open_input, require_standard_output
from eqinfo.cli.options import codebook_option, input_argument, refuse_without_effect
from eqinfo.codebook.table import Codebook
from eqinfo.common.named import read_some
from eqinfo.container.header import MAGIC
from eqinfo.container.index import Index
from eqinfo.container.summary import summary

# Consecutive windows take these backgrounds in turn: 256-colour codes on which black is readable.
COLOURS = (153, 223, 151, 219, 187, 117)


@click.command()
@input_argument
@codebook_option
@click.option("--text", help="Use this text instead of a file.")
@click.option(
    "--table", is_flag=True, help="Print one line per window: id, bytes, spare bits and text."
)
@click.option(
    "--colour/--no-colour", default=None, help="Default: colours if the output is a terminal."
)
def inspect(
    source: str, codebook: Codebook, text: str | None, table: bool, colour: bool | None
) -> None:
    """Show the windows of a text, or what an .eqi file holds.

    The windows of a text are printed side by side in alternating colours, followed by their number
    and average size. Of a compressed file, the parameters, the model and the sizes are printed; it
    needs no --model.
    """
    require_standard_output()
    if text is not None:
        refuse_without_effect(("source",), "--text")
        data = text.encode("utf-8", "surrogateescape")
    else:
        with open_input(source) as file:
            data = read_some(file, len(MAGIC), file.name)
            if data == MAGIC:
                refuse_without_effect(("codebook", "table", "colour"), "a compressed file")
                _print_container(source, file)
                return
            data += b"".join(chunks_of(file))
    _print_windows(codebook, data, table, colour)


def _print_container(name: str, file: BinaryIO) -> None:
    """Print a summary of a compressed file, of which the magic number has been read."""
    whole = file if file.seekable() else io.BytesIO(MAGIC + b"".join(chunks_of(file)))
    for line in summary(Index(whole, name), os.fspath(name)):
        click.echo(line)


def _print_windows(codebook: Codebook, data: bytes, table: bool, colour: bool | None) -> None:
    ids = codebook.encode(data)
    spare_bits = codebook.spare_bits[ids]
    position = 0
    for number, (token, spare) in enumerate(zip(ids.tolist(), spare_bits.tolist(), strict=True)):
        length = int(codebook.lengths[token])
        shown = _shown(data[position : position + length], table)
        background = COLOURS[number % len(COLOURS)]
        styled = click.style(shown, fg=16, bg=background)
        if table:
            click.echo(f"{token:>7} {length:>4} B {spare:6.2f} bits spare  {styled}", color=colour)
        else:
            # Without colours, a bar shows where a window ends.
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
        f"{per_window:.3f} bytes per window, {per_byte:.3f} bits per byte",
        err=True,
    )


def _shown(window: bytes, control: bool) -> str:
    """Return bytes as printable text.

    Bytes that are not UTF-8 and unprintable characters become escapes; line feeds and tabs only
    where ``control`` is set.
    """
    shown = window.decode("utf-8", "backslashreplace")
    keep = "" if control else "\n\t"
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in shown)
