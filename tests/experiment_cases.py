"""A small text for the tests of the study, and a model trained on it."""

from __future__ import annotations

from functools import cache

from eqinfo.experiment import NgramModel

SENTENCES = (
    "It was the best of times, it was the worst of times. ",
    "Call me Ishmael. Some years ago, never mind how long, I thought I would sail about. ",
    "All happy families are alike; every unhappy family is unhappy in its own way.\n",
    "It is a truth universally acknowledged, that a single man must be in want of a wife. ",
    "The sky above the port was grey, and the clocks were striking 13.\n",
)
TRAINING = ["".join(SENTENCES[i:] + SENTENCES[:i]) * 4 for i in range(5)]
DOCUMENTS = [
    "",
    "a",
    "It was the best of families, it was the worst of clocks.\n" * 3,
    "Größe, naïve café, 北京 🙂\r\n\t\x00 end",
]


@cache
def ngram() -> NgramModel:
    """Return a fast M1."""
    return NgramModel("".join(TRAINING).encode(), 3)
