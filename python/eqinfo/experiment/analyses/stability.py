"""How many tokens of a sentence change with the word before it (section 5.2, figure 8)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eqinfo.experiment import extras
from eqinfo.experiment.data import sample
from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization

__all__ = ["Stability", "common_words", "stability"]

PREFIXES = 500
SENTENCE = (
    "The committee will meet again on Thursday morning to hear what the engineers have "
    "found out about the bridge."
)
_WORD = re.compile(r"[A-Za-z]+")
_COUNTED_BYTES = 8_000_000
_FIRST_CHARACTER = 1 << 16  # above the surrogates, so every id maps to a valid character


@dataclass(frozen=True)
class Stability:
    """Levenshtein distances between the token sequences of one sentence after different words.

    Attributes:
        distances: entry d is the number of pairs at distance d.
        mean: mean distance of all pairs.
        tokens: mean number of tokens per sequence.
        relative: mean over pairs of distance / length of the longer sequence, from 0 (identical) to
            1 (nothing in common).
    """

    distances: tuple[int, ...]
    mean: float
    tokens: float
    relative: float


def common_words(texts: Texts, count: int = PREFIXES) -> list[str]:
    """Return the most common words in the first 8 MB of texts, most common first.

    Raises:
        ValueError: the texts have fewer different words.
    """
    words = Counter(word for text in sample(texts, _COUNTED_BYTES) for word in _WORD.findall(text))
    if len(words) < count:
        raise ValueError(
            f"expected text with at least {count} different words, found {len(words)}; give more "
            "text"
        )
    ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return [word for word, _ in ranked[:count]]


def stability(
    tokenization: Tokenization, words: Sequence[str], sentence: str = SENTENCE
) -> Stability:
    """Tokenize the sentence after each word and compare all pairs (figure 8).

    Raises:
        UnsupportedError: rapidfuzz is not installed.
    """
    compare = extras.load("rapidfuzz").process.cdist
    levenshtein = extras.load("rapidfuzz.distance").Levenshtein.distance
    documents = tokenization.encode_batch([f"{word} {sentence}" for word in words])
    sequences = [_characters(ids) for ids in documents]
    table = np.asarray(compare(sequences, sequences, scorer=levenshtein))
    pairs = np.triu_indices(len(words), 1)
    distances = table[pairs].astype(np.int64)
    lengths = np.array([len(ids) for ids in documents])
    longer = np.maximum(lengths[pairs[0]], lengths[pairs[1]])
    return Stability(
        tuple(np.bincount(distances).tolist()),
        float(distances.mean()),
        float(lengths.mean()),
        float((distances / longer).mean()),
    )


def _characters(ids: Ids) -> str:
    return "".join(chr(_FIRST_CHARACTER + id_) for id_ in ids.tolist())
