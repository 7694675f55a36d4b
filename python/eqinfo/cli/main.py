"""The command ``eqinfo`` and its exit codes: 0 for success, 1 for a failure, 2 for wrong usage."""

from __future__ import annotations

import os
import sys

import click

import eqinfo
from eqinfo.cli.compress import compress, decompress, verify
from eqinfo.cli.fit import fit
from eqinfo.cli.inspect import inspect
from eqinfo.cli.report import report
from eqinfo.cli.tokenize import tokenize
from eqinfo.cli.tokens import decode, encode
from eqinfo.cli.train import train
from eqinfo.errors import EqInfoError


class Group(click.Group):
    """Reports expected errors as one line on standard error, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        """Run a command; the module lists the exit codes."""
        try:
            return super().invoke(context)
        except BrokenPipeError:
            # The reader of our output has gone. At exit, Python must not fail to flush to it again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(1) from None
        except (EqInfoError, OSError, ValueError) as error:
            click.echo(f"eqinfo: {error}", err=True)
            raise click.exceptions.Exit(1) from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(eqinfo.__version__)
def main() -> None:
    """Turn text into equal-info windows and back."""


for command in (
    encode,
    decode,
    compress,
    decompress,
    verify,
    inspect,
    fit,
    tokenize,
    train,
    report,
):
    main.add_command(command)
