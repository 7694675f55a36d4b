"""``eqinfo inspect``: windows in colour, or what a compressed file holds."""

from __future__ import annotations

import sys

import click

from eqinfo.cli.compress import print_container
from eqinfo.cli.io import open_input
from eqinfo.cli.options import codebook_option, input_argument
from eqinfo.codebook.table import Codebook
from eqinfo.container.header import MAGIC

# Windows take these backgrounds in turn; 256-colour codes that black text is readable on.
COLOURS = (153, 223, 151, 219, 187, 117)


@click.command()
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
