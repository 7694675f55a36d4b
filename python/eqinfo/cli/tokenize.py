"""``eqinfo tokenize``: text files to training shards."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import click

from eqinfo.cli.options import (
    SeveralFiles,
    codebook_option,
    processors,
    refuse_without_effect,
    threads_option,
)
from eqinfo.cli.progress import stage_bars
from eqinfo.codebook.table import Codebook
from eqinfo.common.files import require_folder

if TYPE_CHECKING:
    from eqinfo.common.inputs import InputFormat
    from eqinfo.shards.parameters import OutputFormat


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


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "-o",
    "--output",
    required=True,
    type=SeveralFiles(file_okay=False),
    help="Folder to write the shards to; it is made if it does not exist.",
)
@codebook_option
@click.option(
    "--input-format",
    type=click.Choice(["text", "jsonl", "parquet"]),
    help="Format of all input files. Default: that of each file by its name (.jsonl, .ndjson, "
    ".json and .parquet; otherwise text). All can be compressed (gzip, bz2, xz, zstd).",
)
@click.option(
    "--include", multiple=True, metavar="PATTERN",
    help="Take only files that match, such as '*.jsonl.gz'; can be repeated.",
)  # fmt: skip
@click.option(
    "--exclude", multiple=True, metavar="PATTERN",
    help="Leave out files that match, such as 'README*'; can be repeated.",
)  # fmt: skip
@click.option(
    "--text-field",
    default="text",
    show_default=True,
    help="JSON field or Parquet column that holds the text.",
)
@click.option(
    "--separator",
    callback=_unescaped,
    metavar="TEXT",
    help=r"What separates the documents of a text file, such as '\n'. Default: each file is one "
    "document.",
)
@click.option(
    "--output-format",
    type=click.Choice(["bin", "parquet"]),
    default="bin",
    show_default=True,
    help="bin writes flat files of tokens and offsets; parquet writes one row per document.",
)
@click.option(
    "--shard-mib", type=click.FloatRange(0, min_open=True), default=256, show_default=True,
    help="Approximate MiB of input per shard; documents are never cut.",
)  # fmt: skip
@click.option(
    "--end/--no-end",
    "end_of_document",
    default=True,
    help="Whether id 0 follows each document. Default: --end.",
)
@threads_option(
    "Number of threads that encode. Default: one per processor, or one per worker with --ray."
)
@click.option(
    "--ray", is_flag=True, help="Run on the Ray cluster of RAY_ADDRESS, or start Ray here."
)
def tokenize(
    inputs: tuple[str, ...],
    output: str,
    codebook: Codebook,
    input_format: InputFormat | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    text_field: str,
    separator: str | None,
    output_format: OutputFormat,
    shard_mib: float,
    end_of_document: bool,
    threads: int | None,
    ray: bool,
) -> None:
    """Turn files into shards of tokens for training.

    Folders stand for all files in them. After an interruption, run the same command again to
    resume.
    """
    from eqinfo.shards.job import tokenize as make_shards
    from eqinfo.shards.parameters import ShardParameters

    if input_format == "text":
        refuse_without_effect(("text_field",), "--input-format text")
    elif input_format is not None:
        refuse_without_effect(("separator",), f"--input-format {input_format}")
    require_folder(output)
    parameters = ShardParameters(
        input_format=input_format,
        text_field=text_field,
        separator=separator,
        output_format=output_format,
        shard_bytes=max(1, round(shard_mib * (1 << 20))),
        end_of_document=end_of_document,
    )
    with stage_bars() as progress:
        manifest = make_shards(
            inputs,
            output,
            codebook,
            parameters,
            include=include,
            exclude=exclude,
            num_threads=threads or (1 if ray else processors()),
            ray=ray,
            progress=progress,
        )
    click.echo(
        f"{output}: {manifest['documents']:,} documents, {manifest['bytes']:,} bytes, "
        f"{manifest['tokens']:,} tokens, {manifest['bytes_per_token']:.3f} bytes per token, "
        f"{len(manifest['shards']):,} shards",
        err=True,
    )
