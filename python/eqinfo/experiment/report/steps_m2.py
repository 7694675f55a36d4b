"""The steps of a study that train M2s, each of which makes one figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eqinfo.common.progress import Progress
from eqinfo.experiment.analyses.stability import common_words
from eqinfo.experiment.data import documents_of, sample
from eqinfo.experiment.m2.dataset import TokenDataset
from eqinfo.experiment.report.presets import scaled_share
from eqinfo.experiment.report.steps import Step
from eqinfo.experiment.report.study import Study
from eqinfo.experiment.tokenizations.base import Texts, text_bytes

if TYPE_CHECKING:
    from eqinfo.experiment.m2.spelling import Letters

TASKS = (
    ("", "Bytes"),
    ("AC[8]", "Bytes"),
    ("EqualInfo[16, 8] padded", "Bytes"),
    ("EqualInfo[16, 8]", "Bytes"),
    ("Bytes", "AC[8]"),
    ("Bytes", "EqualInfo[16, 8]"),
)
"""Source and target, by name; the source "" stands for none (table 5)."""
SPELLING_HELD_OUT = 10  # one word in so many
SPELLING_STEPS, SPELLING_EPOCHS = 200, 5  # the paper's (A.3)
SPELLING_POINTS = (0.125, 0.25, 0.5, 0.75, 1.0)
_FLOAT_BYTES = 400  # of held-out text; a float M1 is slow


def m2_steps(study: Study) -> Iterator[Step]:
    """Yield the steps that need PyTorch.

    Tables 5, 6, 9, 10, 13 and 15 to 17; figures 3, 10, 12, 13 and 15; section 3.7.
    """
    plan, first = study.preset.plan, study.parameters.seed
    for size in plan.sizes:
        for seed in range(first, first + plan.seeds):
            names = (*plan.claims, *plan.others) if seed == first else plan.claims
            for name in names:
                run = partial(_learning, study, name, size, seed)
                yield Step(f"learning {name} {size} seed {seed}", f"learning {size}", run)
    for name in plan.scaled:
        for size in plan.scaled_sizes:
            run = partial(_scaled, study, name, size)
            yield Step(f"scaled {name} {size}", f"scaled {size}", run)
    for name in plan.spelling:
        own = name.startswith("SentencePiece")
        for letters in ("shared", "own") if own else ("shared",):
            run = partial(_spelling, study, name, letters)
            yield Step(f"spelling {name} {letters}", "spelling", run)
    yield Step("float", "float", partial(_float, study))
    for source, target in TASKS:
        name = f"task {source or 'nothing'} to {target}"
        yield Step(name, "task", partial(_task, study, source, target, name))


def _learning(study: Study, name: str, size: str, seed: int, progress: Progress) -> dict[str, Any]:
    checkpoint = _checkpoint(study, f"learning {name} {size} seed {seed}")
    return _learnt(study, study.dataset(name), size, seed, checkpoint, progress)


def _scaled(study: Study, name: str, size: str, progress: Progress) -> dict[str, Any]:
    plan = study.preset.plan
    available = min(plan.train_bytes, text_bytes(study.text.train))
    train_bytes = round(available * scaled_share(plan, size))
    checkpoint = _checkpoint(study, f"scaled {name} {size}")
    dataset = study.dataset(name, train_bytes)
    return _learnt(study, dataset, size, study.parameters.seed, checkpoint, progress)


def _learnt(
    study: Study,
    dataset: TokenDataset,
    size: str,
    seed: int,
    checkpoint: Path,
    progress: Progress,
) -> dict[str, Any]:
    from eqinfo.experiment.m2.learning import learn
    from eqinfo.experiment.m2.training import M2Settings

    plan = study.preset.plan
    curve = learn(
        dataset,
        M2Settings(size, plan.batch, learning_rate=plan.learning_rate, seed=seed),
        plan.context_bytes,
        device=study.parameters.device,
        checkpoint=checkpoint,
        progress=progress,
    )
    return asdict(curve)


def _checkpoint(study: Study, name: str) -> Path:
    return study.path(name).with_suffix(".checkpoint")


def _spelling(study: Study, name: str, letters: Letters, progress: Progress) -> dict[str, Any]:
    from eqinfo.experiment.m2.checkpoints import load_m2
    from eqinfo.experiment.m2.spelling import spelling
    from eqinfo.experiment.m2.training import M2Settings

    plan, seed = study.preset.plan, study.parameters.seed
    learning = f"learning {name} {plan.sizes[0]} seed {seed}"
    checkpoint = _checkpoint(study, learning)
    if not checkpoint.exists():
        raise ValueError(
            f"{checkpoint}: expected the M2 of {name}, found no file; delete "
            f"{study.path(learning).name} to train it again"
        )
    words = common_words(study.text.train, plan.spelling_words)
    held_out = words[::SPELLING_HELD_OUT]
    learnt = [word for number, word in enumerate(words) if number % SPELLING_HELD_OUT]
    found = spelling(
        load_m2(checkpoint, study.parameters.device)[0],
        study.tokenization(name),
        learnt,
        held_out,
        M2Settings(
            plan.sizes[0],
            max(1, SPELLING_EPOCHS * len(learnt) // SPELLING_STEPS),
            SPELLING_STEPS,
            plan.learning_rate / 10,  # where that of the M2 ended
            seed,
            SPELLING_POINTS,
        ),
        letters,
        study.parameters.device,
    )
    return asdict(found)


def _float(study: Study, progress: Progress) -> dict[str, Any]:
    from eqinfo.experiment.analyses.float_models import float_breaks, train_float_model

    plan, seed = study.preset.plan, study.parameters.seed
    network = train_float_model(sample(study.text.train, plan.train_bytes), seed=seed)
    size = min(_FLOAT_BYTES, study.preset.decoded_bytes // 10)
    text = sample(study.text.held_out, size)[0]
    found = float_breaks(network, text)
    return {
        "text_bytes": text_bytes([text]),
        "window_bits": 16,
        "changes": {change: [asdict(each) for each in broken] for change, broken in found.items()},
    }


def _task(study: Study, source: str, target: str, name: str, progress: Progress) -> dict[str, Any]:
    from eqinfo.experiment.m2.tasks import task
    from eqinfo.experiment.m2.training import M2Settings

    plan = study.preset.plan

    def short(texts: Texts, size: int) -> list[str]:
        taken = sample(texts, size)
        return [part for text in taken for part in documents_of(text, plan.task_text_bytes)]

    train = short(study.text.train, plan.task_bytes)
    held_out = short(study.text.held_out, plan.task_bytes // 10)
    size = plan.sizes[0]
    found = task(
        study.tokenization(source) if source else None,
        study.tokenization(target),
        train,
        held_out,
        M2Settings(
            size,
            4 * plan.batch,
            learning_rate=plan.learning_rate,
            seed=study.parameters.seed,
            points=(1.0,),
        ),
        device=study.parameters.device,
        checkpoint=_checkpoint(study, name),
        progress=progress,
    )
    return {**asdict(found), "size": size}
