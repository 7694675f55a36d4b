"""``eqinfo import-model``: a language model in integers."""

from __future__ import annotations

import click

from eqinfo.cli.options import examples, output_path
from eqinfo.cli.overwriting import ReadPath, refuse_overwriting
from eqinfo.cli.progress import progress_bar
from eqinfo.common.files import require_folder
from eqinfo.models.transformer.importing import import_model as import_source


@click.command(
    "import-model",
    epilog=examples(
        "eqinfo import-model SmolLM2-135M-Instruct.Q4_1.gguf -o smollm2.model",
    ),
)
@click.argument("source", type=ReadPath(exists=True))
@click.option(
    "-o", "--output", required=True, type=output_path, help="Where to write the model's file."
)
@click.option(
    "--input-bits", type=click.Choice(["8", "15"]), default="8", show_default=True,
    help="Bits of the rows that matrices take; 15 is closer to the float model, and slower where "
    "processors multiply bytes.",
)  # fmt: skip
@click.option(
    "--begin", type=click.IntRange(0),
    help="The id before the first symbol. By default the begin-of-text id, or else the end-of-text "
    "id.",
)  # fmt: skip
def import_model(source: str, output: str, input_bits: str, begin: int | None) -> None:
    """Convert a language model to integers.

    SOURCE is a GGUF file, or a Hugging Face folder with safetensors, of a model of Llama's kind:
    Llama, SmolLM2, Mistral, Qwen2.
    """
    if output == "-":
        raise click.UsageError("expected a file for the model, found standard output")
    require_folder(output)  # before the work, not after it
    refuse_overwriting([output])
    with progress_bar("layer") as progress:
        model = import_source(source, input_bits=int(input_bits), begin=begin, progress=progress)
    model.save(output)
    click.echo(f"{output}: {model.vocab_size:,} symbols, fingerprint {model.fingerprint}", err=True)
