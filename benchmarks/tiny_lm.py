"""Train a tiny M2 (`eqinfo.experiment`) on a CPU, with the same number of steps for every table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eqinfo.experiment.m2.network import MakeEmbedding, Transformer
from eqinfo.experiment.m2.sequences import StreamSequences
from eqinfo.experiment.m2.training import M2Settings
from eqinfo.experiment.m2.training import train as train_m2

Tokens = NDArray[np.int64]

END = 0
"""The token between documents; it is predicted and counted like any other token."""
MEASURED_AT_ONCE = 16


@dataclass(frozen=True)
class Point:
    """Results of a training run after part of its text."""

    train_bytes: int
    held_out_bits: tuple[float, ...]
    """Bits of each held-out text, including all its tokens and its end."""


def stream(documents: Sequence[Tokens], window_tokens: int = 1) -> Tokens:
    """Join documents, with a window of END before each and one after the last."""
    end = [END] * window_tokens
    return np.concatenate([part for tokens in documents for part in (end, tokens)] + [end])


def train(
    documents: Sequence[Tokens],
    held_out: Sequence[Tokens],
    *,
    vocabulary: int,
    train_bytes: int,
    context_bytes: int,
    settings: M2Settings,
    log: Callable[[Point], None],
    make_embedding: MakeEmbedding = nn.Embedding,
    window_tokens: int = 1,
    checkpoint: Path | None = None,
    device: str = "cpu",
) -> list[Point]:
    """Train a new model on one pass over the documents, in contexts in random order.

    For every table the number of steps is nearly the same, and so is the text in each step.

    Args:
        documents: the training text.
        held_out: texts to measure at every point of the settings.
        vocabulary: number of different tokens, including END.
        train_bytes: size of the training text.
        context_bytes: mean bytes of text per context; the number of tokens depends on the table.
        settings: the same for all tables.
        log: called with every point when it is measured.
        make_embedding: makes M2's embedding; see `Transformer`.
        window_tokens: tokens per window; a context is whole windows.
        checkpoint: a file from which training goes on if there is one; see `train_m2`.
        device: PyTorch's name of it.
    """
    tokens = stream(documents, window_tokens)
    windows = round(context_bytes * len(tokens) / train_bytes / window_tokens)
    sequences = StreamSequences([tokens], windows * window_tokens)
    steps = len(sequences) // settings.batch

    def measure_point(model: Transformer, step: int) -> list[float]:
        bits = [measure(model, text, sequences.context, window_tokens) for text in held_out]
        seen = round(train_bytes * step / steps)
        log(Point(seen, tuple(bits)))
        return [seen, *bits]

    trained = train_m2(
        sequences,
        vocabulary,
        settings,
        make_embedding=make_embedding,
        checkpoint=checkpoint,
        device=device,
        measure=measure_point,
    )
    return [Point(round(seen), tuple(bits)) for seen, *bits in trained.points]


@torch.no_grad()
def measure(model: Transformer, text: Tokens, context: int, window_tokens: int = 1) -> float:
    """Return the bits of all tokens of a text under the model, in adjacent contexts."""
    device = model.norm.weight.device
    tokens = torch.from_numpy(stream([text], window_tokens)).to(device)
    return sum(context_bits(model, piece) for piece in pieces(tokens, context))


def pieces(tokens: Tensor, context: int) -> Iterator[Tensor]:
    """Yield batches of context + 1 tokens that overlap by one; only the last may be shorter."""
    whole = (len(tokens) - 1) // context
    contexts = tokens[torch.arange(whole)[:, None] * context + torch.arange(context + 1)]
    for begin in range(0, whole, MEASURED_AT_ONCE):
        yield contexts[begin : begin + MEASURED_AT_ONCE]
    if whole * context + 1 < len(tokens):
        yield tokens[None, whole * context :]


def context_bits(model: Transformer, contexts: Tensor) -> float:
    """Return the bits of all tokens but the first of each context."""
    targets = contexts[:, 1:]
    nats = float(model.loss(contexts[:, :-1], targets)) * targets.numel()
    return nats / math.log(2)
