"""Command line: ``eqinfo report``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from eqinfo.common.files import require_folder
from eqinfo.common.progress import Progress
from eqinfo.experiment import NgramModel, data
from eqinfo.experiment.report import checks
from eqinfo.experiment.report.presets import PRESETS
from eqinfo.experiment.report.study import Study, StudyParameters
from eqinfo.models.native_model import BUNDLED_MODELS, NativeModel, load
from eqinfo.models.protocol import Model

_file = click.Path(exists=True, dir_okay=False)


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=_file)
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False),
    help="Folder for report.html, manifest.json and figures/.",
)  # fmt: skip
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), default="laptop", show_default=True,
    help="How large: toy, seconds; laptop, within an hour on two cores; small, a day; paper, GPUs.",
)  # fmt: skip
@click.option("--only", type=click.Choice(["tables"]), help="tables: no M2 is trained.")
@click.option(
    "--held-out", multiple=True, type=_file,
    help="Measured on, not learnt. Default: every twentieth 64 KiB of the corpus.",
)  # fmt: skip
@click.option(
    "--m1", "model_name", default="en", show_default=True, metavar="en|ngram|FILE",
    help="The bundled model, an order-6 n-gram of the corpus, or a file of eqinfo train.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Of PyTorch, for the M2s.")
def report(
    corpus: tuple[str, ...],
    output: str,
    preset: str,
    only: str | None,
    held_out: tuple[str, ...],
    model_name: str,
    seed: int,
    device: str,
) -> None:
    """Run the paper's study on text files (plain or .xz); needs eqinfo[experiment,torch].

    Interrupted, the same command goes on where it was.
    """
    require_folder(output)
    size, tables_only = PRESETS[preset], only == "tables"
    checks.check_packages(size, tables_only)
    checks.check_memory(size, tables_only)
    text = data.read(corpus, held_out, size.train_bytes, size.held_out_bytes)
    checks.check_text(size, text, tables_only)
    parameters = StudyParameters(preset, size, seed, device)
    study = Study(Path(output), text, _model(model_name, text), parameters, sys.argv[1:])

    from eqinfo.experiment.report.page import write_page
    from eqinfo.experiment.report.steps import m2_steps, table_steps

    steps = [*table_steps(study), *(() if tables_only else m2_steps(study))]
    figures = {}
    with tqdm(total=len(steps), unit="figure", disable=None) as bar:
        for number, step in enumerate(steps):
            bar.set_description(step.name)
            figures[step.name] = study.figure(step.name, partial(step.make, _part(bar, number)))
            bar.update(number + 1 - bar.n)
    click.echo(write_page(study.folder, study.manifest, figures), err=True)


def _part(bar: tqdm[Any], number: int) -> Progress:
    def show(done: int, total: int | None) -> None:
        bar.n = round(number + (done / total if total else 0), 2)
        bar.refresh()

    return show


def _model(name: str, text: data.StudyText) -> Model:
    if name == "ngram":
        return NgramModel("".join(text.train).encode())
    if name in BUNDLED_MODELS:
        return load(name)
    if not Path(name).exists():
        raise click.BadParameter(f"--m1: no such file, and not ngram or {BUNDLED_MODELS[0]}")
    return NativeModel.load(name)
