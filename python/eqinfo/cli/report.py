"""``eqinfo report``: the paper's study on text files."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from eqinfo.cli.inputs import InputOptions, input_options
from eqinfo.cli.options import SeveralFiles, examples, existing_file, refuse_without_effect
from eqinfo.cli.overwriting import note_read
from eqinfo.cli.progress import bar_size
from eqinfo.common.files import require_folder
from eqinfo.common.progress import Progress
from eqinfo.experiment import NgramModel, data
from eqinfo.experiment.report import checks
from eqinfo.experiment.report.presets import PRESETS
from eqinfo.experiment.report.remaining import RemainingTime
from eqinfo.experiment.report.study import Study, StudyParameters
from eqinfo.models.loading import load_file
from eqinfo.models.native_model import BUNDLED_MODELS, load
from eqinfo.models.protocol import Model

# Without tqdm's own remaining time, which takes all figures for equally long.
_BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


@click.command(
    epilog=examples(
        "eqinfo report *.txt -o study --preset toy --only tables",
    )
)
@input_options
@click.option(
    "-o", "--output", required=True, type=SeveralFiles(file_okay=False),
    help="Folder for report.html, manifest.json and figures/.",
)  # fmt: skip
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), default="laptop", show_default=True,
    help="Size of the study: toy takes seconds, laptop two to three hours of a core, small a day "
    "or more; paper needs GPUs.",
)  # fmt: skip
@click.option(
    "--only", type=click.Choice(["tables"]), help="tables leaves out everything that trains an M2."
)
@click.option(
    "--held-out", multiple=True, type=existing_file,
    help="Text to measure on, which is not trained on. Default: every twentieth chunk of 64 KiB of "
    "the corpus.",
)  # fmt: skip
@click.option(
    "--m1", "model_name", default="en", show_default=True, metavar="en|ngram|FILE",
    help="M1, the model that predicts the text: the bundled model en, an order-6 n-gram model of "
    "the corpus, or a file of `eqinfo train`; one of --arch paper takes far longer.",
)  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(0, (1 << 63) - 1),
    default=0,
    show_default=True,
    help="First seed; larger studies use several.",
)
@click.option("--device", default="cpu", show_default=True, help="PyTorch device for the M2s.")
def report(
    options: InputOptions,
    output: str,
    preset: str,
    only: str | None,
    held_out: tuple[str, ...],
    model_name: str,
    seed: int,
    device: str,
) -> None:
    """Repeat the paper's study on text files.

    INPUTS are as for `eqinfo tokenize`: files, folders, quoted patterns, URLs, or - for standard
    input. Needs two extras: pip install eqinfo[experiment,torch]. After an interruption, run the
    same command again to resume.
    """
    if only == "tables":
        refuse_without_effect(("device",), "--only tables, which trains no M2")
    require_folder(output)
    folder = Path(output)
    written = [folder / "report.html", folder / "manifest.json", *folder.glob("figures/*")]
    if model_name not in ("ngram", *BUNDLED_MODELS):
        note_read(model_name)
    options.refuse_overwriting(*map(str, written))
    size, tables_only = PRESETS[preset], only == "tables"
    checks.check_packages(size, tables_only)
    checks.check_memory(size, tables_only)
    if not tables_only:
        checks.check_device(device)
    corpus, further = (
        [(file.name, file.text) for file in part.files] for part in options.read(*held_out)
    )
    text = data.study_text(corpus, further, size.train_bytes, size.held_out_bytes)
    checks.check_text(size, text, tables_only)
    parameters = StudyParameters(preset, size, seed, device)
    study = Study(folder, text, _model(model_name, text), parameters, sys.argv[1:])

    from eqinfo.experiment.report.page import write_page
    from eqinfo.experiment.report.steps import table_steps
    from eqinfo.experiment.report.steps_m2 import m2_steps

    steps = [*table_steps(study), *(() if tables_only else m2_steps(study))]
    figures = {}
    remaining = RemainingTime(step.kind for step in steps)
    ncols, nrows = bar_size()
    with tqdm(
        total=len(steps), disable=None, ncols=ncols, nrows=nrows, bar_format=_BAR_FORMAT
    ) as bar:
        for number, step in enumerate(steps):
            bar.set_description(step.name)
            show = _shown(bar, number, step.kind, remaining)
            show(0, None)
            figures[step.name] = study.figure(step.name, partial(step.make, show))
            remaining.add(step.kind, study.seconds(step.name))
            bar.update(number + 1 - bar.n)
    click.echo(write_page(study.folder, study.manifest, figures), err=True)


def _shown(bar: tqdm[Any], number: int, kind: str, remaining: RemainingTime) -> Progress:
    """Return what shows the progress of the figure of that number, and of the whole study."""
    begin = time.monotonic()

    def show(done: int, total: int | None) -> None:
        part = done / total if total else 0.0
        seconds, complete = remaining.seconds(kind, part, time.monotonic() - begin)
        bar.n = round(number + part, 2)
        bound = "about" if complete else "at least"
        known = complete or seconds >= 1
        left = f"{bound} {tqdm.format_interval(seconds)} left" if known else ""
        bar.set_postfix_str(left)

    return show


def _model(name: str, text: data.StudyText) -> Model:
    if name == "ngram":
        return NgramModel("".join(text.train).encode())
    if name in BUNDLED_MODELS:
        return load(name)
    if not Path(name).exists():
        raise click.BadParameter(
            f"--m1: {name!r} is neither a file nor ngram nor a bundled model "
            f"({', '.join(BUNDLED_MODELS)})"
        )
    model = load_file(name)
    if model.vocab_size != 256:
        raise click.BadParameter(
            f"--m1: {name}: expected a model over the 256 bytes, found {model.vocab_size:,} "
            "symbols; make one with `eqinfo train`"
        )
    return model
