"""``eqinfo train``: a model from text files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from eqinfo.cli.inputs import InputOptions, input_options
from eqinfo.cli.options import (
    FiniteRange,
    SeveralFiles,
    examples,
    existing_file,
    threads_option,
)
from eqinfo.cli.progress import ProgressBar, progress_bar
from eqinfo.common.files import require_folder

if TYPE_CHECKING:
    from eqinfo.shards.corpus import Corpus
    from eqinfo.train import PaperParameters, TrainParameters
    from eqinfo.train.curve import Point


@click.command(
    epilog=examples(
        "eqinfo train *.txt -o own.model --steps 2000",
        "eqinfo inspect book.txt -m own.model --window-bits 32",
    )
)
@input_options
@click.option(
    "-o", "--output", required=True, type=SeveralFiles(dir_okay=False, readable=False),
    help="Model file. Its name with .csv and .png is the learning curve; with .checkpoint, what "
    "--resume continues from.",
)  # fmt: skip
@click.option(
    "--held-out", multiple=True, type=existing_file,
    help="Text to measure on, which is not trained on. Default: the last twentieth of the corpus, "
    "at most 1 MiB.",
)  # fmt: skip
@click.option("--steps", type=click.IntRange(1), help="Train for this many steps.")
@click.option(
    "--seconds",
    type=FiniteRange(0, min_open=True),
    help="Train for this many seconds instead.",
)
@click.option(
    "--arch", type=click.Choice(["native", "paper"]), default="native", show_default=True,
    help="native is the small integer model of this package; paper is the 3M Transformer of arXiv "
    "2404.03626 in float32, which models.paper.load reads.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Continue from the checkpoint, if there is one.")
@click.option("--state", type=int, help="Number of gated averages; native only. Default: 192.")
@click.option("--units", type=int, help="Units of the hidden layer; native only. Default: 256.")
@click.option(
    "--streams", type=int,
    help="Lanes that keep their context between steps. Default: 64. With paper, all lanes: 128.",
)  # fmt: skip
@click.option(
    "--fresh", type=int,
    help="Lanes that start without context, as windows do; native only. Default: 32.",
)  # fmt: skip
@click.option(
    "--length", type=int,
    help="Bytes per lane and step. Default: 128. With paper, the context: 1024.",
)  # fmt: skip
@click.option(
    "--rate", type=FiniteRange(0, min_open=True),
    help="Learning rate of the layers. Default: 0.006; 0.01 with paper.",
)  # fmt: skip
@click.option(
    "--row-rate", type=FiniteRange(0, min_open=True),
    help="Learning rate of the embeddings; native only. Default: 0.2.",
)  # fmt: skip
@click.option(
    "--decay", type=FiniteRange(0, 1, min_open=True),
    help="The last part of the run over which the learning rates fall to 0, up to 1; native only. "
    "Default: 1, from the start.",
)  # fmt: skip
@click.option(
    "--seed", type=int, help="Seed of the initial weights and of the batches. Default: 0."
)
@click.option("--interval", type=int, help="Steps between checkpoints. Default: 500.")
@threads_option("Number of threads.", default=1)
def train(
    options: InputOptions,
    output: str,
    held_out: tuple[str, ...],
    steps: int | None,
    seconds: float | None,
    arch: str,
    resume: bool,
    threads: int,
    **settings: Any,
) -> None:
    """Train a model on text files.

    INPUTS are as for `eqinfo tokenize`: files, folders, quoted patterns, URLs, or - for standard
    input. They are read as one text, with a line feed after each document of JSON lines and tables.
    Needs the extra train: pip install eqinfo[train].

    In several processes: torchrun --nproc-per-node N -m eqinfo train ...
    """
    from eqinfo import train as training
    from eqinfo.train.held_out import split
    from eqinfo.train.processes import process_group, rank
    from eqinfo.train.run import files_beside

    if (steps is None) == (seconds is None):
        found = "neither" if steps is None else "both"
        raise click.UsageError(f"expected either --steps or --seconds, found {found}")
    require_folder(output)  # before the work, not after it
    options.refuse_overwriting(output, *files_beside(output))
    given = {name: value for name, value in settings.items() if value is not None}
    parameters = _parameters(arch, {"steps": steps or 0, "seconds": seconds or 0.0, **given})
    corpus, further = options.read(*held_out)
    text = _symbols(corpus)
    text, held = (text, _symbols(further)) if held_out else split(text)
    metadata = {
        "name": Path(output).name.partition(".")[0],
        "training": f"{len(text)} bytes, {parameters}",
    }
    with process_group():
        with progress_bar("step" if steps else "s", hidden=rank() > 0) as bar:
            shared: dict[str, Any] = {
                "resume": resume,
                "num_threads": threads,
                "metadata": metadata,
                "progress": bar,
                "on_point": lambda point: _show_point(bar, point),
            }
            if isinstance(parameters, training.PaperParameters):
                paper = training.train_paper(text, held, output, parameters, **shared)
                result = f"{paper.points[-1].held_out:.4f} bits per byte of the held-out text"
            else:
                trained = training.train(text, held, output, parameters, **shared)
                result = (
                    f"{trained.integer_bits:.4f} bits per byte of the held-out text, "
                    f"{trained.float_bits:.4f} before weights were rounded"
                )
        if rank():
            return
    click.echo(f"{output}: {result}", err=True)


def _parameters(arch: str, options: dict[str, Any]) -> TrainParameters | PaperParameters:
    from eqinfo import train as training
    from eqinfo.models.paper import Sizes

    try:
        if arch == "native":
            return training.TrainParameters(**options)
        for name in ("state", "units", "fresh", "row_rate", "decay"):
            if name in options:
                option = f"--{name.replace('_', '-')}"
                raise ValueError(f"expected {option} only with --arch native, found --arch paper")
        sizes = Sizes(context=options.pop("length")) if "length" in options else Sizes()
        return training.PaperParameters(sizes=sizes, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _symbols(corpus: Corpus) -> np.ndarray:
    return np.frombuffer(corpus.text, np.uint8)


def _show_point(bar: ProgressBar, point: Point) -> None:
    bar.note(f"step {point.step:,}: {point.held_out:.3f} bits per byte held out")
