"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.errors import EqInfoError


def _codebook(context: click.Context, parameter: click.Parameter, value: str) -> Codebook:
    if value in BUNDLED:
        return Codebook.bundled(value)
    if not Path(value).exists():
        raise click.BadParameter(f"no such file, and no bundled codebook: {', '.join(BUNDLED)}")
    try:
        return Codebook.load(value)
    except (EqInfoError, OSError) as error:
        # The file is there but cannot be used: a failure, not wrong usage.
        click.echo(f"eqinfo: {error}", err=True)
        raise click.exceptions.Exit(1) from None


codebook_option = click.option(
    "-m",
    "--model",
    "codebook",
    default=DEFAULT_CODEBOOK,
    show_default=True,
    callback=_codebook,
    metavar="NAME|FILE",
    help="A bundled codebook or a codebook file.",
)

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
