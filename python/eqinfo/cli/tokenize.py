"""Command line: ``eqinfo tokenize``."""

from __future__ import annotations

import codecs
import os
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from eqinfo.cli.options import codebook_option
from eqinfo.codebook.table import Codebook
from eqinfo.common.files import require_folder

if TYPE_CHECKING:
    from eqinfo.shards.parameters import InputFormat, OutputFormat


def _unescaped(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not value:
        raise click.BadParameter("expected at least one character")
    try:
        return codecs.decode(value.encode("latin-1", "backslashreplace"), "unicode_escape")
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{value!r}: {error.reason}") from None


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False), help="Folder of the shards."
)
@codebook_option
@click.option(
    "--input-format",
    type=click.Choice(["text", "jsonl", "parquet"]),
    help="Default: by the names of the files (.jsonl .ndjson .json .parquet, else text; .gz .zst).",
)
@click.option(
    "--text-field", default="text", show_default=True, help="JSON field or Parquet column."
)
@click.option(
    "--separator",
    callback=_unescaped,
    metavar="TEXT",
    help=r"Between documents of a text file, e.g. '\n'. Default: a file is a document.",
)
@click.option(
    "--output-format", type=click.Choice(["bin", "parquet"]), default="bin", show_default=True
)
@click.option(
    "--shard-mib", type=click.FloatRange(0, min_open=True), default=256, show_default=True,
    help="Input of a shard, about; no document is cut.",
)  # fmt: skip
@click.option(
    "--end/--no-end", "end_of_document", default=True, help="Id 0 after each document (default)."
)
@click.option(
    "--threads", type=click.IntRange(1, 256),
    help="That encode. Default: as many as there are processors; with --ray 1 in each worker.",
)  # fmt: skip
@click.option("--ray", is_flag=True, help="Work on a Ray cluster (RAY_ADDRESS, or this machine).")
def tokenize(
    inputs: tuple[str, ...],
    output: str,
    codebook: Codebook,
    input_format: InputFormat | None,
    text_field: str,
    separator: str | None,
    output_format: OutputFormat,
    shard_mib: float,
    end_of_document: bool,
    threads: int | None,
    ray: bool,
) -> None:
    """Turn files and folders into shards of tokens for training.

    After an interruption the same command goes on where it was.
    """
    from eqinfo import shards

    require_folder(output)
    parameters = shards.Parameters(
        input_format=input_format,
        text_field=text_field,
        separator=separator,
        output_format=output_format,
        shard_bytes=max(1, round(shard_mib * (1 << 20))),
        end_of_document=end_of_document,
    )
    with _Bars() as bars:
        manifest = shards.tokenize(
            inputs,
            output,
            codebook,
            parameters,
            num_threads=threads or (1 if ray else min(256, os.cpu_count() or 1)),
            ray=ray,
            progress=bars.show,
        )
    click.echo(
        f"{output}: {manifest['documents']:,} documents, {manifest['bytes']:,} bytes, "
        f"{manifest['tokens']:,} tokens, {manifest['bytes_per_token']:.3f} bytes a token, "
        f"{len(manifest['shards']):,} shards",
        err=True,
    )


class _Bars:
    """One progress bar after the other, where somebody is looking and it takes a while."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._what = ""

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, what: str, done: int, total: int) -> None:
        if self._bar is None or what != self._what:
            self.__exit__()
            self._what = what
            self._bar = tqdm(
                total=total,
                desc=what,
                unit="B",
                unit_scale=True,
                disable=None,
                delay=1,
                leave=False,
            )
        self._bar.update(done - self._bar.n)
