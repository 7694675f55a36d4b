"""Whether an M2 knows the letters of its tokens: words spelt after a short training (A.3)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch

from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import TaskSequences
from eqinfo.experiment.m2.training import M2Settings, batch_numbers, losses
from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization

__all__ = ["Letters", "Spelling", "SpellingPoint", "spelling"]

Letters: TypeAlias = Literal["shared", "own"]
"""Which ids stand for letters: the numbers of their bytes, which mean something else to the M2
("shared"), or those that the tokenization gives to single characters ("own")."""


@dataclass(frozen=True)
class SpellingPoint:
    """Shares of words with every letter right, after some steps, 0 to 1."""

    steps: int
    learnt: float
    held_out: float


@dataclass(frozen=True)
class Spelling:
    """How an M2 learns to spell (figure 13).

    Attributes:
        method: name of the tokenization.
        letters: which ids stand for letters.
        words: number of words learnt.
        points: in order.
    """

    method: str
    letters: Letters
    words: int
    points: list[SpellingPoint]


def spelling(
    model: Transformer,
    tokenization: Tokenization,
    words: Texts,
    held_out: Texts,
    settings: M2Settings,
    letters: Letters = "shared",
    device: str = "cpu",
) -> Spelling:
    """Train an M2 further, to spell words one letter per token (appendix A.3, figure 13).

    The M2 reads the tokens of a word and an end mark, and predicts the word's letters. A word
    counts if every letter is the M2's first guess after the right ones before it, which is the case
    if it spells the word without help. The paper's words are those of WikiSpell.

    Args:
        model: an M2 that has learnt language; it is not changed.
        tokenization: of the M2.
        words: to learn, of ASCII letters.
        held_out: to measure.
        settings: ``steps`` and ``learning_rate`` of AdamW, ``batch``, ``seed``, and ``points``.
        letters: see `Letters`.
        device: of the model.

    Raises:
        ValueError: too few words for a step, words longer than the M2's context, or characters that
            have no id of their own.
    """
    end = tokenization.vocab_size
    longest = max((2 * len(word.encode()) for word in (*words, *held_out)), default=0) + 1
    parts = [
        TaskSequences(
            tokenization.encode_batch(part),
            [_letters(tokenization, word, letters) for word in part],
            end,
            min(longest, model.context),
        )
        for part in (words, held_out)
    ]
    learnt, held = parts
    if len(learnt) < settings.batch:
        raise ValueError(
            f"expected at least {settings.batch} words, one batch, found {len(learnt)}"
        )
    model = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    due = {max(1, round(part * settings.steps)) for part in settings.points}
    points = []
    for step in range(settings.steps):
        numbers = batch_numbers(len(learnt), settings, step)
        inputs, targets = (torch.from_numpy(part).to(device) for part in learnt.batch(numbers))
        optimizer.zero_grad()
        model.loss(inputs, targets).backward()
        optimizer.step()
        if step + 1 in due:
            shares = (
                _right(model, sequences, texts, device)
                for sequences, texts in ((learnt, words), (held, held_out))
            )
            points.append(SpellingPoint(step + 1, *shares))
    return Spelling(tokenization.name, letters, len(words), points)


def _letters(tokenization: Tokenization, word: str, letters: Letters) -> Ids:
    if letters == "shared":
        return np.frombuffer(word.encode(), np.uint8).astype(np.int64)
    ids = tokenization.encode_batch(list(word))
    if any(len(part) != 1 for part in ids):
        raise ValueError(
            f"{tokenization.name}: expected an id for every letter of {word!r}, found "
            f"{[part.tolist() for part in ids]}"
        )
    return np.concatenate(ids)


def _right(
    model: Transformer, sequences: TaskSequences, words: Sequence[str], device: str
) -> float:
    """Return the share of words whose letters are all guessed right."""
    right = losses(model, sequences, device)[1]
    ends = np.cumsum([len(word.encode()) for word in words])
    return float(np.minimum.reduceat(right, [0, *ends[:-1]]).mean())
