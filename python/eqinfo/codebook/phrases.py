"""Phrases in `Codebook.fit`: strings of several whole words, beside strings within words.

The strings within words are given. Phrases are counted, more of them than are wanted, and
`eqinfo.codebook.prune` keeps those that the greedy parse needs most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

import eqinfo._core as _core
from eqinfo.codebook.documents import TextDocuments
from eqinfo.codebook.prune import prune
from eqinfo.codebook.trie import strings_of, trie_arrays

DEFAULT_SHARE = 0.5
"""Of the ids, how many are phrases."""
DEFAULT_MOST_WORDS = 5
SURPLUS = 8
"""Candidates per wanted phrase."""


def phrase_count(window_bits: int, share: float) -> int:
    """Return how many of 2^window_bits strings are phrases.

    Raises:
        ValueError: none, or no room for the empty string and all bytes.
    """
    count = int(share * (1 << window_bits)) if math.isfinite(share) else 0
    if not 1 <= count <= (1 << window_bits) - 257:
        raise ValueError(
            f"expected a phrase_share that gives 1 to {(1 << window_bits) - 257} of "
            f"{1 << window_bits} ids to phrases, found {share}"
        )
    return count


def with_phrases(
    documents: TextDocuments,
    parts: TextDocuments,
    words: list[bytes],
    wanted: int,
    *,
    most_words: int,
    max_length: int,
    num_threads: int,
    measured: Callable[[], None],
) -> list[bytes]:
    """Return ``words`` and ``wanted`` phrases, in lexicographic order.

    Args:
        documents: the corpus.
        parts: the same, cut into parts that pruning parses.
        words: distinct strings within words, among them all bytes but not the empty string.
        wanted: number of phrases.
        most_words: words of a phrase, at least 2.
        max_length: bytes of a phrase.
        num_threads: threads for pruning.
        measured: called after every step.

    Raises:
        ValueError: the corpus has fewer phrases.
    """
    text, offsets, _ = _core.count_phrases(
        documents.text, documents.offsets, most_words, max_length, wanted * SURPLUS
    )
    measured()
    joined = text.tobytes()
    phrases = {joined[begin:end] for begin, end in pairwise(offsets.tolist())}
    if len(phrases) < wanted:
        raise ValueError(
            f"expected a corpus with {wanted:,} phrases of 2 to {most_words} words that occur "
            f"twice, found {len(phrases):,}; give more text, a smaller phrase_share, "
            "or align='word'"
        )
    strings = sorted([*words, *phrases])
    depth, symbol, end = trie_arrays(strings)
    is_phrase = np.zeros(len(depth), np.bool_)
    is_phrase[np.flatnonzero(end)[1:]] = [string in phrases for string in strings]
    pruner = _core.CodebookPruner(*parts, depth, symbol, is_phrase, num_threads)
    has_id = prune(pruner, depth, is_phrase, wanted, measured, always=end & ~is_phrase)
    return list(strings_of(depth, symbol, has_id))[1:]
