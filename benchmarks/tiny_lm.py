"""A tiny M2 (`eqinfo.experiment.m2`) learns tokens on a CPU, in as many steps for every table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.experiment.m2 import Transformer
from eqinfo.experiment.m2_sizes import Size

Tokens = NDArray[np.int64]

END = 0
"""The token between documents; it is predicted, and paid for, like any other."""
WARM_UP, DECAY = 0.02, 0.25
"""Parts of the training in which the learning rate rises, and falls to a tenth of its height."""
MEASURED_AT_ONCE = 16


@dataclass(frozen=True)
class Settings:
    """What all contestants share: what could be counted in tokens is counted in bytes."""

    size: Size
    context_bytes: int
    """Text in one context, on average: how many tokens that is depends on the table."""
    batch: int
    """Contexts in a step of the optimizer."""
    learning_rate: float
    points: tuple[float, ...]
    """Parts of the training text after which the held-out text is measured; ends with 1."""


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
    settings: Settings,
    seed: int,
    log: Callable[[Point], None],
) -> list[Point]:
    """Show a fresh model every token of the training documents once, in contexts in random order.

    All contestants make nearly the same number of steps, with the same amount of text in each.

    Args:
        documents: the training text.
        held_out: texts to measure at every one of the settings' points.
        vocabulary: number of different tokens, END among them.
        train_bytes: size of the training text.
        settings: what all contestants share.
        seed: of the initial weights and of the order of contexts.
        log: told of every point as it comes.
    """
    torch.manual_seed(seed)
    tokens = stream(documents)
    context = round(settings.context_bytes * len(tokens) / train_bytes)
    starts = np.arange(0, len(tokens) - context, context)
    order = np.random.default_rng(seed).permutation(starts)
    steps = len(order) // settings.batch
    model = Transformer(vocabulary, context, settings.size)
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate(step / steps)
    )
    points: list[Point] = []
    for step in range(steps):
        chosen = order[step * settings.batch : (step + 1) * settings.batch]
        rows = torch.from_numpy(tokens[chosen[:, None] + np.arange(context + 1)])
        logits = model(rows[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step + 1 == round(settings.points[len(points)] * steps):
            bits = tuple(measure(model, text, context) for text in held_out)
            points.append(Point(round(train_bytes * (step + 1) / steps), bits))
            log(points[-1])
    return points


def learning_rate(progress: float) -> float:
    """Part of the full learning rate after part of the training: up, level, down."""
    return min(1.0, (progress + 0.001) / WARM_UP, 1 - 0.9 * (progress - 1 + DECAY) / DECAY)


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
