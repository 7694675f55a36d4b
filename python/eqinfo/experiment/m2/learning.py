"""How well an M2 learns tokens: bits per byte, and accuracy by position in the window.

Tables 6 and 15 to 17, figures 3 and 10.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eqinfo.common.progress import Progress
from eqinfo.experiment.analyses.ratios import bits_per_byte, flops_per_byte
from eqinfo.experiment.m2.dataset import TokenDataset
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import document_sequences
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import M2Settings, losses, train

__all__ = ["LearningCurve", "Point", "learn"]


@dataclass(frozen=True)
class Point:
    """The state of a training run after a part of its steps.

    Attributes:
        tokens, text_bytes: that M2 has seen.
        flops: of M2's forward passes so far.
        bits_per_byte: of the held-out text.
        accuracy: share of its tokens guessed right, by position in the window (figure 10); one
            number unless windows have several tokens.
    """

    tokens: int
    text_bytes: int
    flops: float
    bits_per_byte: float
    accuracy: tuple[float, ...]


@dataclass(frozen=True)
class LearningCurve:
    """How an M2 learned over one training run.

    Attributes:
        method: name of the tokenization.
        size, seed: of the M2.
        vocab_size: number of different ids.
        bytes_per_token: of the training text.
        uniform, unigram: bits per byte of the held-out text under the trivial models of
            `TokenDataset`.
        flops_per_byte: as the paper counts them, without M1.
        points: in order.
    """

    method: str
    size: str
    seed: int
    vocab_size: int
    bytes_per_token: float
    uniform: float
    unigram: float
    flops_per_byte: float
    points: list[Point]


def learn(
    dataset: TokenDataset,
    settings: M2Settings,
    context_bytes: int,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: Progress = lambda *_: None,
) -> LearningCurve:
    """Train an M2 for one pass over texts (tables 6 and 15 to 17, figures 3 and 10).

    Sequences hold the same amount of text for every method, in whole windows, and every step takes
    the same number of sequences, so runs match in bytes seen. No sequence crosses the end of a
    document; the end of a document is not predicted.

    Args:
        dataset: to train on, and to measure at every point.
        settings: of the training.
        context_bytes: mean bytes of text per sequence.
        device: PyTorch's name of it.
        checkpoint: a file to resume from; see `training.train`.
        progress: called after every step with the steps done and their total.

    Raises:
        ValueError: too little text for a sequence or a step.
    """
    tokenization, size = dataset.tokenization, SIZES[settings.size]
    begin = tokenization.vocab_size  # an id that is never predicted
    bytes_per_token = dataset.bytes_per_token
    windows = max(1, tokenization.window_tokens)
    context = max(2, max(1, round(context_bytes / bytes_per_token / windows)) * windows)
    sequences = document_sequences(dataset.train, begin, context)
    held = document_sequences(dataset.held_out, begin, context)
    positions = np.arange(len(held) * context) % context % windows

    def measure(model: Transformer, steps: int) -> dict[str, Any]:
        nats, right = losses(model, held, device)
        seen = steps * settings.batch * context
        found = Point(
            seen,
            round(seen * bytes_per_token),
            2.0 * size.parameters * seen,
            bits_per_byte(float(nats.mean()), dataset.held_out_bytes_per_token),
            tuple(float(right[positions == position].mean()) for position in range(windows)),
        )
        return asdict(found)

    trained = train(
        sequences,
        begin + 1,
        settings,
        device=device,
        checkpoint=checkpoint,
        measure=measure,
        progress=progress,
    )
    return LearningCurve(
        tokenization.name,
        settings.size,
        settings.seed,
        begin,
        bytes_per_token,
        dataset.uniform,
        dataset.unigram,
        flops_per_byte(size.parameters, bytes_per_token),
        [Point(**found) for found in trained.points],
    )
