"""What the commands that work on one file after the other share: options, and the loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from eqinfo.cli.io import (
    open_input,
    open_output,
    refuse_existing,
    refuse_terminal,
    show_error,
    status_of,
)
from eqinfo.cli.options import output_path
from eqinfo.cli.outcome import Outcome
from eqinfo.cli.overwriting import refuse_overwriting
from eqinfo.errors import EqInfoError

if TYPE_CHECKING:
    from typing_extensions import Buffer

inputs_argument = click.argument(
    # Whether they exist is found out one by one: others are worked on in any case.
    "inputs",
    nargs=-1,
    type=click.Path(readable=False, allow_dash=True),
)
output_option = click.option(
    "-o", "--output", type=output_path,
    help="Output file for a single input, written completely or not at all; - for standard "
    "output, where those of several inputs follow one another.",
)  # fmt: skip
force_option = click.option("-f", "--force", is_flag=True, help="Replace existing files.")

_REPORT_OPTIONS = [
    click.option(
        "-k", "--keep", is_flag=True, expose_value=False,
        help="Keep the input files. They are kept in any case: this is for those who know gzip.",
    ),
    click.option(
        "-q", "--quiet", is_flag=True, help="Say nothing but errors, and show no progress."
    ),
    click.option(
        "-v", "--verbose", is_flag=True,
        help="Say what came of every file: sizes, ratio and speed. Default: compress does, on a "
        "terminal, for files.",
    ),
]  # fmt: skip


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --keep, which is for the habit only, --quiet and --verbose to a command."""
    for option in reversed(_REPORT_OPTIONS):
        command = option(command)
    return command


def refuse_both(quiet: bool, verbose: bool) -> None:
    """Raise UsageError if a command is to be both quiet and verbose."""
    if quiet and verbose:
        raise click.UsageError("expected --quiet or --verbose, found both")


class CountedOutput:
    """A binary file, and how many bytes were written to it.

    Attributes:
        written: how many.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.written = 0

    def write(self, data: Buffer, /) -> int:
        """Write bytes; return how many."""
        count = self._file.write(data)
        self.written += count
        return count

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()


def each(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    output_name: Callable[[str], str],
    work: Callable[[BinaryIO, CountedOutput, str], int],
    finished: Callable[[Outcome], None] | None,
    *,
    binary: bool,
) -> None:
    """Call ``work(input, output, name of the input)`` for every input.

    Args:
        inputs: file names; none means standard input.
        output: file name for a single input, or "-" for standard output, which takes the outputs
            of several inputs one after the other; None: see ``output_name``.
        force: whether existing files are replaced, and terminals get binary data.
        output_name: gives the name of the output for that of an input.
        work: reads the input, writes the output, and returns how many bytes it read.
        finished: called after each with what came of it.
        binary: whether the output must not go to a terminal.
    """
    inputs = inputs or ("-",)
    if output not in (None, "-") and len(inputs) > 1:
        raise click.UsageError(
            f"expected one input for --output {output}, found {len(inputs)}; only standard output "
            "(-o -) takes several"
        )
    # All names first: a wrong one is reported before any work is done.
    outputs = {
        name: output if output is not None else "-" if name == "-" else output_name(name)
        for name in inputs
    }
    if force:  # without it, no file that exists is replaced
        refuse_overwriting(outputs.values(), inputs)

    def work_on(name: str) -> None:
        target = outputs[name]
        with open_input(name) as file:
            if not force:
                refuse_existing(target)
                if binary:
                    refuse_terminal(target, "compressed data", "use --force to print them anyway")
            begin = time.monotonic()
            with open_output(target, status_of(file)) as out:
                counted = CountedOutput(out)
                size = work(file, counted, name)
        if finished is not None:
            seconds = time.monotonic() - begin
            finished(Outcome(name, target, size, counted.written, seconds))

    for_all(inputs, work_on)


def for_all(inputs: tuple[str, ...], work: Callable[[str], None]) -> None:
    """Call ``work`` for every input; go on after a failure, which fails the command at the end."""
    failed = False
    for name in inputs:
        try:
            work(name)
        except BrokenPipeError:  # noqa: PERF203 - nobody reads the other results either
            raise
        except (EqInfoError, OSError, ValueError) as error:
            show_error(error)
            failed = True
    if failed:
        raise click.exceptions.Exit(1)
