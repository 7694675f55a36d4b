"""Command line: ``eqinfo train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from tqdm import tqdm

from eqinfo.corpus import read_corpus
from eqinfo.files import require_folder

if TYPE_CHECKING:
    from eqinfo.train import Training

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
@click.option("--resume", is_flag=True, help="Go on at the checkpoint, if there is one.")
@click.option("--state", type=int, default=192, show_default=True, help="Gated averages.")
@click.option("--units", type=int, default=256, show_default=True, help="Of the hidden layer.")
@click.option(
    "--streams", type=int, default=64, show_default=True, help="Lanes that read on with context."
)
@click.option(
    "--fresh", type=int, default=32, show_default=True,
    help="Lanes that begin without context in each step, as windows do.",
)  # fmt: skip
@click.option(
    "--length", type=int, default=128, show_default=True, help="Bytes of a lane in a step."
)
@click.option("--rate", type=float, default=6e-3, show_default=True, help="Of the layers.")
@click.option("--row-rate", type=float, default=0.2, show_default=True, help="Of the rows.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--interval", type=int, default=500, show_default=True,
    help="Steps from checkpoint to checkpoint.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True)
def train(
    corpus: tuple[str, ...],
    output: str,
    held_out: tuple[str, ...],
    steps: int | None,
    seconds: float | None,
    resume: bool,
    threads: int,
    **options: Any,
) -> None:
    """Train a native model on text files (plain or .xz), read as one text; needs eqinfo[train].

    Several processes: torchrun --nproc-per-node N -m eqinfo train ...
    """
    from eqinfo import train as training
    from eqinfo.train.held_out import split
    from eqinfo.train.processes import process_group, rank

    if (steps is None) == (seconds is None):
        raise click.UsageError("expected --steps or --seconds")
    require_folder(output)  # before the work, not after it
    try:
        parameters = training.Parameters(steps=steps or 0, seconds=seconds or 0.0, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    text = _read(corpus)
    text, held = (text, _read(held_out)) if held_out else split(text)
    metadata = {
        "name": Path(output).name.partition(".")[0],
        "training": f"{len(text)} bytes, {parameters}",
    }
    with process_group():
        quiet = True if rank() else None
        with tqdm(total=100, unit="%", disable=quiet, leave=False) as bar:
            trained = training.train(
                text,
                held,
                output,
                parameters,
                resume=resume,
                num_threads=threads,
                metadata=metadata,
                progress=lambda run: _show(bar, run),
            )
        if rank():
            return
    click.echo(
        f"{output}: {trained.integer_bits:.4f} bits a byte of the held-out text, "
        f"{trained.float_bits:.4f} before weights were rounded",
        err=True,
    )


def _read(paths: tuple[str, ...]) -> np.ndarray:
    return np.frombuffer(b"".join(map(read_corpus, paths)), np.uint8)


def _show(bar: tqdm[Any], run: Training) -> None:
    bar.set_postfix_str(f"step {run.done_steps:,}, {run.bits:.3f} bits a byte", refresh=False)
    bar.update(round(100 * run.progress, 1) - bar.n)
