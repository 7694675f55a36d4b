"""What an M2 learns of one tokenization from another: sequence-to-sequence tasks (table 5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eqinfo.common.progress import Progress
from eqinfo.experiment.m2.sequences import TaskSequences
from eqinfo.experiment.m2.training import M2Settings, losses, train
from eqinfo.experiment.tokenizations.base import Texts, Tokenization

__all__ = ["TaskResult", "task"]


@dataclass(frozen=True)
class TaskResult:
    """The result of a sequence-to-sequence task (table 5).

    Attributes:
        source, target: names of tokenizations; the source "" stands for none, which makes M2 a
            language model of the target.
        accuracy: share of the held-out targets' tokens guessed right, given those before them.
    """

    source: str
    target: str
    accuracy: float


def task(
    source: Tokenization | None,
    target: Tokenization,
    texts: Texts,
    held_out: Texts,
    settings: M2Settings,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: Progress = lambda *_: None,
) -> TaskResult:
    """Train an M2 to translate short texts from one tokenization to another (table 5).

    To decompress is to have bytes as the target, to compress is to have them as the source. Without
    a source, the accuracy shows what the target's own context predicts.

    Raises:
        ValueError: too few texts for a step.
    """
    vocab_size = max(tokenization.vocab_size for tokenization in (source or target, target))
    pairs = [_pairs(source, target, part) for part in (texts, held_out)]
    lengths = [
        len(source_ids) + len(target_ids)
        for sources, targets in pairs
        for source_ids, target_ids in zip(sources, targets, strict=True)
    ]
    context = max(lengths, default=0) + 1
    sequences, held = (TaskSequences(*pair, vocab_size, context) for pair in pairs)
    trained = train(
        sequences,
        vocab_size + 1,
        settings,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
    )
    right = losses(trained.model, held, device)[1]
    return TaskResult(source.name if source else "", target.name, float(right.mean()))


def _pairs(
    source: Tokenization | None, target: Tokenization, texts: Texts
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    targets = target.encode_batch(texts)
    if source is None:
        return [np.empty(0, np.int64) for _ in targets], targets
    return source.encode_batch(texts), targets
