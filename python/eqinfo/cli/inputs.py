"""Arguments and options of the commands that read documents: tokenize, fit, train, report."""

from __future__ import annotations

import codecs
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from eqinfo.cli.options import output_path, refuse_without_effect
from eqinfo.cli.overwriting import refuse_overwriting
from eqinfo.common.counts import counted
from eqinfo.common.files import atomic_output, require_folder
from eqinfo.common.locations import exists, is_pattern, is_url

if TYPE_CHECKING:
    from eqinfo.common.inputs import InputFormat
    from eqinfo.shards.bad_input import OnError
    from eqinfo.shards.corpus import Corpus

_FILES_SHOWN = 5


def _inputs(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Any:
    for path in value:
        if path != "-" and not is_url(path) and not is_pattern(path) and not exists(path):
            raise click.BadParameter(f"{path!r} does not exist")
    return value


def _unescaped(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not value:
        raise click.BadParameter("expected at least one character, found none")
    try:
        return codecs.decode(value.encode("latin-1", "backslashreplace"), "unicode_escape")
    except UnicodeDecodeError as error:
        raise click.BadParameter(
            f"expected text with escapes such as \\n, found {value!r}: {error.reason}"
        ) from None


_OPTIONS = [
    click.argument("inputs", nargs=-1, required=True, callback=_inputs),
    click.option(
        "--input-format",
        type=click.Choice(["text", "jsonl", "parquet", "csv"]),
        help="Format of all input files. Default: that of each file by its name (.jsonl, .ndjson, "
        ".json, .parquet, .csv and .tsv; otherwise text). All but Parquet can be compressed (gzip, "
        "bz2, xz, zstd). With text, the files may hold any bytes; by default, what looks binary is "
        "refused.",
    ),
    click.option(
        "--include", multiple=True, metavar="PATTERN",
        help="Take only files that match, such as '*.jsonl.gz'; can be repeated.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="PATTERN",
        help="Leave out files that match, such as 'README*'; can be repeated.",
    ),
    click.option(
        "--text-field", default="text", show_default=True,
        help="JSON field, or column of a table, that holds the text.",
    ),
    click.option(
        "--separator", callback=_unescaped, metavar="TEXT",
        help=r"What separates the documents of a text file, such as '\n'. Default: each file is "
        "one document.",
    ),
    click.option(
        "--on-error", type=click.Choice(["stop", "skip"]), default="stop", show_default=True,
        help="skip goes on without documents that cannot be read, says how many of which files at "
        "the end, and exits with 0.",
    ),
    click.option(
        "--error-report", type=output_path, metavar="FILE",
        help="With --on-error skip, write a line of JSON for each skipped document: its file, line "
        "and offset, or row, and what was wrong.",
    ),
]  # fmt: skip


def input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an argument and options to a command, which gets them as `InputOptions`."""

    @wraps(command)
    def with_options(**given: Any) -> Any:
        names = InputOptions.__dataclass_fields__
        options = InputOptions(**{name: given.pop(name) for name in names})
        options.check()
        return command(options, **given)

    added: Callable[..., Any] = with_options
    for option in reversed(_OPTIONS):
        added = option(added)
    return added


@dataclass(frozen=True)
class InputOptions:
    """What the user gave; the names are those of the options."""

    inputs: tuple[str, ...]
    input_format: InputFormat | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    text_field: str
    separator: str | None
    on_error: OnError
    error_report: str | None

    def check(self) -> None:
        """Raise UsageError for options that have no effect, and for a report that is no file."""
        if self.input_format == "text":
            refuse_without_effect(("text_field",), "--input-format text")
        elif self.input_format is not None:
            refuse_without_effect(("separator",), f"--input-format {self.input_format}")
        if self.on_error == "stop" and self.error_report is not None:
            raise click.UsageError("--error-report needs --on-error skip; add it")
        if self.error_report == "-":
            raise click.UsageError("expected --error-report with a file, found standard output")

    def refuse_overwriting(self, *outputs: str) -> None:
        """Raise UsageError if an output, or the report of errors, would replace an input.

        Nor may the report be one of the outputs.
        """
        report = () if self.error_report is None else (self.error_report,)
        for path in report:
            if os.path.realpath(path) in map(os.path.realpath, outputs):
                raise click.UsageError(
                    f"expected --error-report with a file of its own, found {path}, which is an "
                    "output, too; name another file"
                )
        refuse_overwriting((*outputs, *report), self._files())

    def _files(self) -> Iterator[str]:
        from eqinfo.shards.inputs import Selection, find_files

        yield from find_files(self.inputs, selection=Selection(self.include, self.exclude))

    def read(self, *further: str) -> tuple[Corpus, Corpus]:
        """Read the input, and further files in the same way; write the report of what is skipped.

        ``--include`` and ``--exclude`` are about the input only.
        """
        from eqinfo.shards.corpus import Corpus, read_corpus
        from eqinfo.shards.inputs import Selection
        from eqinfo.shards.parameters import ShardParameters

        if self.error_report is not None:
            require_folder(self.error_report)  # before the work, not after it
        parameters = ShardParameters(
            input_format=self.input_format, text_field=self.text_field, separator=self.separator
        )
        skip = self.on_error == "skip"
        selection = Selection(self.include, self.exclude)
        corpus = read_corpus(self.inputs, parameters, selection, skip=skip)
        more = read_corpus(further, parameters, skip=skip) if further else Corpus()
        skipped = [*corpus.skipped, *more.skipped]
        if self.error_report is not None:
            with atomic_output(self.error_report) as file:
                file.writelines(json.dumps(bad.record()).encode() + b"\n" for bad in skipped)
        show_skipped(Counter(bad.file for bad in skipped))
        return corpus, more


def show_skipped(counts: Mapping[str, int]) -> None:
    """Say on standard error how many documents were skipped, by file."""
    if not counts:
        return
    parts = [f"{file} {count:,}" for file, count in list(counts.items())[:_FILES_SHOWN]]
    if len(counts) > _FILES_SHOWN:
        parts.append(counted(len(counts) - _FILES_SHOWN, "more file"))
    documents = counted(sum(counts.values()), "document")
    click.echo(f"eqinfo: skipped {documents}: {', '.join(parts)}", err=True)
