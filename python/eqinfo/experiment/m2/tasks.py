"""What an M2 learns of one tokenization from another: sequence-to-sequence tasks (table 5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eqinfo.experiment.m2.sequences import RowSource, TaskRows
from eqinfo.experiment.m2.training import Progress, Settings, losses, train
from eqinfo.experiment.tokenizations.base import Texts, Tokenization


@dataclass(frozen=True)
class Task:
    """A sequence-to-sequence task (table 5).

    Attributes:
        source, target: names of tokenizations; "" for none, a language model of the target.
        accuracy: share of the held-out target's tokens guessed right, those before them given.
    """

    source: str
    target: str
    accuracy: float


def task(
    source: Tokenization | None,
    target: Tokenization,
    texts: Texts,
    held_out: Texts,
    settings: Settings,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Task:
    """Train an M2 to turn one tokenization of short texts into another (table 5).

    Decompression has bytes as its target, compression as its source; no source gives what the
    target's own context says.
    """
    vocab_size = max(tokenization.vocab_size for tokenization in (source or target, target))
    pairs = [_pairs(source, target, part) for part in (texts, held_out)]
    lengths = [
        len(before) + len(behind)
        for sources, targets in pairs
        for before, behind in zip(sources, targets, strict=True)
    ]
    context = max(lengths, default=0) + 1
    rows: list[RowSource] = [TaskRows(*pair, vocab_size, context) for pair in pairs]
    trained = train(
        rows[0],
        vocab_size + 1,
        settings,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
    )
    right = losses(trained.model, rows[1], device)[1]
    return Task(source.name if source else "", target.name, float(right.mean()))


def _pairs(
    source: Tokenization | None, target: Tokenization, texts: Texts
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    targets = target.encode_batch(texts)
    if source is None:
        return [np.empty(0, np.int64) for _ in targets], targets
    return source.encode_batch(texts), targets
