"""The command ``eqinfo`` and its exit codes.

0 for success, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C, 143 after SIGTERM and 129 after
SIGHUP.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

import eqinfo
from eqinfo.cli.bench import bench
from eqinfo.cli.compress import compress, decompress, verify
from eqinfo.cli.fit import fit
from eqinfo.cli.import_model import import_model
from eqinfo.cli.inspect import inspect
from eqinfo.cli.io import prepare_streams, show_error
from eqinfo.cli.options import examples
from eqinfo.cli.report import report
from eqinfo.cli.tokenize import tokenize
from eqinfo.cli.tokens import decode, encode
from eqinfo.cli.train import train
from eqinfo.errors import EqInfoError


class Group(click.Group):
    """Reports expected errors as one line on standard error, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        """Run a command; the module lists the exit codes."""
        prepare_streams()
        try:
            with ended_by_signals():
                return super().invoke(context)
        except BrokenPipeError:
            discard_unwritten_output()  # its reader has gone
            raise click.exceptions.Exit(1) from None
        except click.exceptions.Exit:
            discard_unwritten_output()  # a command has shown its errors itself
            raise
        except KeyboardInterrupt:
            click.echo("eqinfo: interrupted", err=True)
            raise click.exceptions.Exit(128 + signal.SIGINT) from None
        except MemoryError as error:
            click.echo(f"eqinfo: not enough memory {error}".rstrip(), err=True)
            raise click.exceptions.Exit(1) from None
        except (EqInfoError, OSError, ValueError) as error:
            show_error(error)
            discard_unwritten_output()
            raise click.exceptions.Exit(1) from None


def discard_unwritten_output() -> None:
    """Discard what standard output cannot take, or Python fails at exit when it tries again."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn signals that would kill the process into SystemExit, so that temporary files go."""

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one kills
        raise SystemExit(128 + number)

    changed = []
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # What is ignored, as SIGHUP under nohup, stays ignored.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, end)
                changed.append(number)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "eqinfo inspect --text 'Each window becomes the same number of bits.'",
        "eqinfo tokenize corpus/ -o shards",
        "eqinfo compress book.txt",
    ),
)
@click.version_option(eqinfo.__version__)
def main() -> None:
    """Turn text into equal-info windows and back.

    `eqinfo COMMAND --help` explains a command.
    """


for command in (
    encode,
    decode,
    compress,
    decompress,
    verify,
    bench,
    inspect,
    fit,
    tokenize,
    train,
    import_model,
    report,
):
    main.add_command(command)
