"""``eqinfo tokenize``: text files to training shards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.cli.inputs import InputOptions, input_options, show_skipped
from eqinfo.cli.method import MethodOptions, encoder_of, method_options
from eqinfo.cli.options import (
    MODEL_HELP,
    FiniteRange,
    SeveralFiles,
    examples,
    processors,
    threads_option,
)
from eqinfo.cli.progress import stage_bars
from eqinfo.common.counts import counted
from eqinfo.common.files import require_folder

if TYPE_CHECKING:
    from eqinfo.shards.parameters import OutputFormat


_FEW_BYTES_PER_TOKEN = 1.2


@click.command(
    epilog=examples(
        "eqinfo tokenize corpus/ -o shards",
        "gzip -dc more.jsonl.gz | eqinfo tokenize - --input-format jsonl -o more-shards",
        "eqinfo tokenize corpus/ -o windows -m en --method windows --window-bits 32",
        "eqinfo tokenize corpus/ -o static --method static --fit-on book.txt",
    )
)
@input_options
@click.option(
    "-o",
    "--output",
    required=True,
    type=SeveralFiles(file_okay=False),
    help="Folder to write the shards to; it is made if it does not exist.",
)
@click.option(
    "-m", "--model", default=DEFAULT_CODEBOOK, show_default=True, metavar="NAME|FILE",
    help=f"{MODEL_HELP} With --method, the model (M1); without it, the codebook.",
)  # fmt: skip
@method_options
@click.option(
    "--output-format",
    type=click.Choice(["bin", "parquet"]),
    default="bin",
    show_default=True,
    help="bin writes flat files of tokens and offsets; parquet writes one row per document.",
)
@click.option(
    "--shard-mib", type=FiniteRange(0, min_open=True), default=256, show_default=True,
    help="Approximate MiB of input per shard; documents are never cut.",
)  # fmt: skip
@click.option(
    "--end/--no-end",
    "end_of_document",
    default=True,
    help="Whether an id of its own, 0 of a codebook, follows each document. Default: --end.",
)
@threads_option(
    "Number of threads that encode; with --method, of processes that each make other shards. "
    "Default: one per processor, or one per worker with --ray."
)
@click.option(
    "--ray", is_flag=True, help="Run on the Ray cluster of RAY_ADDRESS, or start Ray here."
)
def tokenize(
    options: InputOptions,
    output: str,
    model: str,
    method: MethodOptions,
    output_format: OutputFormat,
    shard_mib: float,
    end_of_document: bool,
    threads: int | None,
    ray: bool,
) -> None:
    """Turn files into shards of tokens for training.

    Without --method, tokens are ids of a codebook.

    INPUTS are files, folders (all files in them), quoted patterns such as 'data/**/*.jsonl', URLs
    such as s3://bucket/folder, or - for standard input. After an interruption, run the same command
    again to resume.
    """
    from eqinfo.shards.job import tokenize as make_shards
    from eqinfo.shards.parameters import ShardParameters

    require_folder(output)
    if options.error_report is not None:
        _refuse_inside(options.error_report, output)
    encoder = encoder_of(model, method)
    options.refuse_overwriting()
    parameters = ShardParameters(
        input_format=options.input_format,
        text_field=options.text_field,
        separator=options.separator,
        output_format=output_format,
        shard_bytes=max(1, round(shard_mib * (1 << 20))),
        end_of_document=end_of_document,
    )
    with stage_bars() as progress:
        manifest = make_shards(
            options.inputs,
            output,
            encoder,
            parameters,
            include=options.include,
            exclude=options.exclude,
            on_error=options.on_error,
            error_report=options.error_report,
            num_threads=threads or (1 if ray else processors()),
            ray=ray,
            progress=progress,
        )
    click.echo(
        f"{output}: {counted(manifest['documents'], 'document')}, "
        f"{counted(manifest['bytes'], 'byte')}, {counted(manifest['tokens'], 'token')}"
        f"{', ends included' if end_of_document else ''}; "
        f"{manifest['bytes_per_token']:.3f} bytes per token of text, "
        f"{counted(len(manifest['shards']), 'shard')}",
        err=True,
    )
    show_skipped(manifest.get("skipped", {}))
    few = 0 < manifest["bytes_per_token"] < _FEW_BYTES_PER_TOKEN
    if few and "codebook" in manifest:
        click.echo(
            f"eqinfo: warning: expected at least {_FEW_BYTES_PER_TOKEN} bytes per token, found "
            f"{manifest['bytes_per_token']:.3f}: the codebook does not fit this text; make one "
            "that does with `eqinfo fit`, and give it with --model",
            err=True,
        )


def _refuse_inside(report: str, folder: str) -> None:
    from eqinfo.shards.report import require_outside

    try:
        require_outside(report, Path(folder))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
