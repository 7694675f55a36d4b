"""Options and arguments that several commands share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.cli.overwriting import ReadPath, note_read
from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.common.files import open_descriptor
from eqinfo.container.dictionary import Dictionary
from eqinfo.container.identity import CodecModel, load_file
from eqinfo.mixer import MAX_DICTIONARY_BYTES
from eqinfo.models.loading import MODELS

MAX_THREADS = 256
MODEL_HELP = "What the text is coded with, a codebook or a model: a bundled name or a file."


class SeveralFiles(click.Path):
    """The path of a command's output of several files, which standard output cannot take."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse "-" and descriptors such as /dev/stdout, and check the rest as a path."""
        if value == "-" or open_descriptor(value) is not None:
            self.fail(
                f"expected a name for several files, found {value}, which takes one; a file that "
                "is really called - is ./-",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class FiniteRange(click.FloatRange):
    """A number within bounds that is neither NaN, which passes every bound, nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse NaN and infinity, and check the rest as a `click.FloatRange`."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"expected a finite number, found {value}", param, ctx)
        return number


existing_file = ReadPath(exists=True, dir_okay=False)
# Whether it can be written to is found out by writing; a file need not be readable for that.
output_path = click.Path(dir_okay=False, readable=False, allow_dash=True)


def bundled_or_loaded(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | CodecModel | None:
    """Return the name of a codebook or model as it is, and the codebook or model of a file.

    Names stay names because the codebook `en` and the model `en` share one: the codec decides.
    """
    if value is None or value in (*BUNDLED, *MODELS):
        return value
    if not Path(value).exists() or Path(value).is_dir():
        raise click.BadParameter(
            f"{value!r} is neither a file nor the name of a bundled codebook "
            f"({', '.join(BUNDLED)}) or of a model ({', '.join(MODELS)})",
            context,
            parameter,
        )
    note_read(value)
    return load_file(value)


def codebook_of(context: click.Context, parameter: click.Parameter, value: str) -> Codebook:
    """Return the codebook of a name or file; raises BadParameter if it is of a model."""
    found = bundled_or_loaded(context, parameter, value)
    if isinstance(found, Codebook):
        return found
    if isinstance(found, str) and found in BUNDLED:
        return Codebook.bundled(found)
    raise click.BadParameter(
        f"{value!r}: expected a codebook, found a model; `eqinfo {context.info_name}` takes only "
        f"codebooks: a file of `eqinfo fit`, or one of {', '.join(BUNDLED)}",
        context,
        parameter,
    )


def _codebook_or_none(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Codebook | None:
    return None if value is None else codebook_of(context, parameter, value)


def model_option(default: str) -> Callable[[Any], Any]:
    """Return the option --model of a command that takes codebooks and models.

    ``default`` says what is taken without the option, for the help text.
    """
    return click.option(
        "-m", "--model", callback=bundled_or_loaded, metavar="NAME|FILE",
        help=f"{MODEL_HELP} Default: {default}.",
    )  # fmt: skip


def _dictionary(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Dictionary | None:
    if value is None:
        return None
    with open(value, "rb") as file:
        data = file.read(MAX_DICTIONARY_BYTES + 1)
    if not 1 <= len(data) <= MAX_DICTIONARY_BYTES:
        size = "none" if not data else "more"
        raise click.BadParameter(
            f"{value}: expected 1 to {MAX_DICTIONARY_BYTES:,} bytes, found {size}"
        )
    return Dictionary(data)


def dictionary_option(text: str) -> Callable[[Any], Any]:
    """Return the option --dictionary with a help text."""
    return click.option(
        "-D", "--dictionary", type=existing_file, callback=_dictionary, metavar="FILE", help=text
    )


codebook_option = click.option(
    "-m", "--model", "codebook", default=DEFAULT_CODEBOOK, show_default=True, callback=codebook_of,
    metavar="NAME|FILE", help=f"{MODEL_HELP} This command takes only codebooks.",
)  # fmt: skip

decoding_codebook_option = click.option(
    "-m", "--model", "codebook", callback=_codebook_or_none, metavar="NAME|FILE",
    help=f"{MODEL_HELP} This command takes only codebooks. Default: the bundled one that the token "
    f"file asks for; {DEFAULT_CODEBOOK} with --raw and --format text.",
)  # fmt: skip

input_argument = click.argument(
    "source", type=ReadPath(exists=True, dir_okay=False, allow_dash=True), default="-"
)
output_option = click.option(
    "-o", "--output", type=output_path, default="-",
    help="Output file, written completely or not at all. Default: standard output.",
)  # fmt: skip


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines that can be typed as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def given(*names: str) -> list[str]:
    """Return those of some parameters of the running command that the user gave, as options.

    Defaults cannot be told from the same values given explicitly in any other way.
    """
    context = click.get_current_context()
    return [
        parameter.opts[-1] if isinstance(parameter, click.Option) else parameter.human_readable_name
        for parameter in context.command.params
        if parameter.name in names
        and context.get_parameter_source(parameter.name) not in (None, ParameterSource.DEFAULT)
    ]


def refuse_without_effect(names: tuple[str, ...], where: str) -> None:
    """Raise UsageError if the user gave any of some options.

    Args:
        names: parameters of the command.
        where: what they have no effect with, for the message.
    """
    found = given(*names)
    if found:
        raise click.UsageError(f"{', '.join(found)} has no effect with {where}; leave it out")


def threads_option(text: str, default: int | None = None) -> Callable[[Any], Any]:
    """Return the option --threads with a help text; without a default, the command has one."""
    return click.option(
        "--threads", type=click.IntRange(1, MAX_THREADS), default=default,
        show_default=default is not None, help=text,
    )  # fmt: skip


def processors() -> int:
    """Return the number of processors, as far as they can be used as threads."""
    return min(MAX_THREADS, os.cpu_count() or 1)
