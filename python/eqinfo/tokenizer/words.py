"""Encodings of the backend with the words that their tokens belong to.

In the backend every token is its own word, because its pre-tokenizer cuts a text into tokens.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from eqinfo.tokenizer.encoded_text import word_numbers
from eqinfo.tokenizer.fields import encoding_of
from tokenizers import Encoding


def number_words(
    encodings: Sequence[Encoding],
    texts: Sequence[Any],
    added: Collection[int],
    *,
    with_overflow: bool,
) -> list[Encoding]:
    """Return encodings whose ``word_ids`` number words, where those of the backend number tokens.

    Args:
        encodings: for each text the one that is kept, which holds its overflow.
        texts: for each text a str, or two of them for a pair.
        added: ids of added tokens.
        with_overflow: whether the overflow of each text follows in ``encodings``.
    """
    states: list[dict[str, Any]] = [json.loads(e.__getstate__()) for e in encodings]
    begin = 0
    for text in texts:
        overflow = states[begin]["overflowing"]
        end = begin + 1 + (len(overflow) if with_overflow else 0)
        parts = [text] if isinstance(text, str) else text
        for sequence, part in enumerate(parts):
            _renumber([*overflow, *states[begin:end]], sequence, part, added)
        begin = end
    return [encoding_of(state) for state in states]


def _renumber(
    states: Sequence[dict[str, Any]], sequence: int, text: str, added: Collection[int]
) -> None:
    tokens: dict[int, tuple[int, bool]] = {}
    for state in states:
        for place in _places(state, sequence):
            begin, _ = state["offsets"][place]
            tokens[state["words"][place]] = (begin, state["ids"][place] in added)
    order = sorted(tokens)
    begins = np.array([tokens[token][0] for token in order], np.int64)
    is_added = np.array([tokens[token][1] for token in order], np.bool_)
    words = dict(zip(order, word_numbers(text, begins, is_added).tolist(), strict=True))
    for state in states:
        for place in _places(state, sequence):
            state["words"][place] = words[state["words"][place]]


def _places(state: Mapping[str, Any], sequence: int) -> Iterator[int]:
    """Yield where the tokens of a sequence are among those of an encoding."""
    span = state["sequence_ranges"].get(str(sequence), {"start": 0, "end": 0})
    yield from range(span["start"], span["end"])
