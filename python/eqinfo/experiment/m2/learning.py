"""What an M2 learns of tokens: bits a byte, accuracy by place, tasks.

Tables 5, 6 and 15 to 17, figures 3 and 10.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eqinfo.experiment.analyses.ratios import bits_per_byte, flops_per_byte
from eqinfo.experiment.m2.dataset import Tokenized
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import document_rows
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import Progress, Settings, losses, train


@dataclass(frozen=True)
class Point:
    """What was learnt after part of the training.

    Attributes:
        tokens, text_bytes, flops: that M2 has seen, forward passes only, M1 not counted.
        bits_per_byte: of the held-out text.
        accuracy: share of its tokens guessed right, by place in the window (figure 10); one number
            where there are no windows of several tokens.
    """

    tokens: int
    text_bytes: int
    flops: float
    bits_per_byte: float
    accuracy: tuple[float, ...]


@dataclass(frozen=True)
class Learning:
    """A training run.

    Attributes:
        method: name of the tokenization.
        size, seed: of the M2.
        vocab_size: number of different ids.
        bytes_per_token: of the training text.
        uniform, unigram: bits a byte of the held-out text by the trivial models of `Tokenized`.
        flops_per_byte: as the paper counts them, M1 left out.
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
    tokenized: Tokenized,
    settings: Settings,
    context_bytes: int,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Learning:
    """Train an M2 on one pass over texts (tables 6 and 15 to 17, figures 3 and 10).

    Rows hold as much text for every method, in whole windows, and steps as many rows, so that runs
    match in bytes seen. A row does not cross the end of a document, which costs nothing.

    Args:
        tokenized: to train on, and to measure at every point.
        settings: of the training.
        context_bytes: of text in a row, on average.
        device: of PyTorch.
        checkpoint: a file to go on from.
        progress: called with steps done and steps in all.

    Raises:
        ValueError: too little text for a row or a step.
    """
    tokenization, size = tokenized.tokenization, SIZES[settings.size]
    begin = tokenization.vocab_size  # an id that nothing predicts
    bytes_per_token = tokenized.bytes_per_token
    windows = max(1, tokenization.window_tokens)
    context = max(2, round(context_bytes / bytes_per_token / windows) * windows)
    rows = document_rows(tokenized.train, begin, context)
    held = document_rows(tokenized.held_out, begin, context)
    places = np.arange(len(held) * context) % context % windows

    def point(model: Transformer, steps: int) -> dict[str, Any]:
        nats, right = losses(model, held, device)
        seen = steps * settings.batch * context
        found = Point(
            seen,
            round(seen * bytes_per_token),
            2.0 * size.parameters * seen,
            bits_per_byte(float(nats.mean()), tokenized.held_out_bytes_per_token),
            tuple(float(right[places == place].mean()) for place in range(windows)),
        )
        return asdict(found)

    trained = train(
        rows,
        begin + 1,
        settings,
        device=device,
        checkpoint=checkpoint,
        point=point,
        progress=progress,
    )
    return Learning(
        tokenization.name,
        settings.size,
        settings.seed,
        begin,
        bytes_per_token,
        tokenized.uniform,
        tokenized.unigram,
        flops_per_byte(size.parameters, bytes_per_token),
        [Point(**found) for found in trained.points],
    )
