"""A tiny M2 (`eqinfo.experiment`) learns tokens on a CPU, in as many steps for every table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import StreamRows
from eqinfo.experiment.m2.training import Settings
from eqinfo.experiment.m2.training import train as train_m2

Tokens = NDArray[np.int64]

END = 0
"""The token between documents; it is predicted, and paid for, like any other."""
MEASURED_AT_ONCE = 16


@dataclass(frozen=True)
class Point:
    """What one training run had learnt after part of its text."""

    train_bytes: int
    held_out_bits: tuple[float, ...]
    """Bits of each held-out text, all its tokens and its end counted."""


def stream(documents: Sequence[Tokens]) -> Tokens:
    """Join documents, an END before each and one after the last."""
    return np.concatenate([part for tokens in documents for part in ([END], tokens)] + [[END]])


def train(
    documents: Sequence[Tokens],
    held_out: Sequence[Tokens],
    *,
    vocabulary: int,
    train_bytes: int,
    context_bytes: int,
    settings: Settings,
    log: Callable[[Point], None],
) -> list[Point]:
    """Show a fresh model every token of the training documents once, in contexts in random order.

    All contestants make nearly the same number of steps, with the same amount of text in each.

    Args:
        documents: the training text.
        held_out: texts to measure at every one of the settings' points.
        vocabulary: number of different tokens, END among them.
        train_bytes: size of the training text.
        context_bytes: text in one context, on average: how many tokens depends on the table.
        settings: what all contestants share.
        log: told of every point as it comes.
    """
    tokens = stream(documents)
    rows = StreamRows([tokens], round(context_bytes * len(tokens) / train_bytes))
    steps = len(rows) // settings.batch
    points: list[Point] = []

    def point(model: Transformer, step: int) -> None:
        bits = tuple(measure(model, text, rows.context) for text in held_out)
        points.append(Point(round(train_bytes * step / steps), bits))
        log(points[-1])

    train_m2(rows, vocabulary, settings, point=point)
    return points


@torch.no_grad()
def measure(model: Transformer, text: Tokens, context: int) -> float:
    """Bits that the model gives to all tokens of a text, in contexts side by side."""
    tokens = torch.from_numpy(stream([text]))
    return sum(context_bits(model, piece) for piece in pieces(tokens, context))


def pieces(tokens: Tensor, context: int) -> Iterator[Tensor]:
    """Cut into rows of context + 1 tokens that overlap by one; the last rows alone may be short."""
    whole = (len(tokens) - 1) // context
    rows = tokens[torch.arange(whole)[:, None] * context + torch.arange(context + 1)]
    for begin in range(0, whole, MEASURED_AT_ONCE):
        yield rows[begin : begin + MEASURED_AT_ONCE]
    if whole * context + 1 < len(tokens):
        yield tokens[None, whole * context :]


def context_bits(model: Transformer, rows: Tensor) -> float:
    """Bits of all tokens of some rows but the first of each."""
    logits = model(rows[:, :-1]).flatten(0, 1)
    nats = functional.cross_entropy(logits, rows[:, 1:].flatten(), reduction="sum")
    return float(nats) / float(np.log(2))
