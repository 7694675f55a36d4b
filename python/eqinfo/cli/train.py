"""Command line: ``eqinfo train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from tqdm import tqdm

from eqinfo.common.corpus import read_corpus
from eqinfo.common.files import require_folder

if TYPE_CHECKING:
    from eqinfo.train import PaperParameters, TrainParameters
    from eqinfo.train.curve import Point

_file = click.Path(exists=True, dir_okay=False)


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=_file)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False),
    help="Model file. Beside it: .csv and .png, the learning curve; .checkpoint, for --resume.",
)  # fmt: skip
@click.option(
    "--held-out", multiple=True, type=_file,
    help="Measured on, not learnt. Default: the last twentieth of the text, at most 1 MiB.",
)  # fmt: skip
@click.option("--steps", type=click.IntRange(1), help="How long to train.")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), help="How long to train, instead."
)
@click.option(
    "--arch", type=click.Choice(["native", "paper"]), default="native", show_default=True,
    help="paper: the 3M Transformer of arXiv 2404.03626, in float32, for models.paper.load.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on at the checkpoint, if there is one.")
@click.option("--state", type=int, help="Gated averages; native, 192.")
@click.option("--units", type=int, help="Of the hidden layer; native, 256.")
@click.option("--streams", type=int, help="Lanes that read on with context, 64; paper: lanes, 128.")
@click.option(
    "--fresh", type=int, help="Lanes that begin without context, as windows do; native, 32."
)
@click.option("--length", type=int, help="Bytes of a lane in a step: 128; paper: context, 1024.")
@click.option("--rate", type=float, help="Of the layers: 0.006; paper: 0.01.")
@click.option("--row-rate", type=float, help="Of the rows; native, 0.2.")
@click.option("--seed", type=int, help="0 by default.")
@click.option("--interval", type=int, help="Steps from checkpoint to checkpoint: 500.")
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True)
def train(
    corpus: tuple[str, ...],
    output: str,
    held_out: tuple[str, ...],
    steps: int | None,
    seconds: float | None,
    arch: str,
    resume: bool,
    threads: int,
    **options: Any,
) -> None:
    """Train a model on text files (plain or .xz), read as one text; needs eqinfo[train].

    Several processes: torchrun --nproc-per-node N -m eqinfo train ...
    """
    from eqinfo import train as training
    from eqinfo.train.held_out import split
    from eqinfo.train.processes import process_group, rank

    if (steps is None) == (seconds is None):
        raise click.UsageError("expected --steps or --seconds")
    require_folder(output)  # before the work, not after it
    given = {name: value for name, value in options.items() if value is not None}
    parameters = _parameters(arch, {"steps": steps or 0, "seconds": seconds or 0.0, **given})
    text = _read(corpus)
    text, held = (text, _read(held_out)) if held_out else split(text)
    metadata = {
        "name": Path(output).name.partition(".")[0],
        "training": f"{len(text)} bytes, {parameters}",
    }
    with process_group():
        quiet = True if rank() else None
        with tqdm(unit="step" if steps else "s", disable=quiet, leave=False) as bar:
            shared: dict[str, Any] = {
                "resume": resume,
                "num_threads": threads,
                "metadata": metadata,
                "progress": lambda done, total: _show(bar, done, total),
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
        for name in ("state", "units", "fresh", "row_rate"):
            if name in options:
                raise ValueError(f"--{name.replace('_', '-')} is of --arch native")
        sizes = Sizes(context=options.pop("length")) if "length" in options else Sizes()
        return training.PaperParameters(sizes=sizes, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _read(paths: tuple[str, ...]) -> np.ndarray:
    return np.frombuffer(b"".join(map(read_corpus, paths)), np.uint8)


def _show(bar: tqdm[Any], done: int, total: int | None) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _show_point(bar: tqdm[Any], point: Point) -> None:
    bar.set_postfix_str(f"step {point.step:,}: {point.held_out:.3f} bits per byte held out")
