"""`Codebook.fit`: the trie of a codebook from text alone.

First, more candidate strings are counted than are wanted. If every prefix of a string is to have an
id, the count alone selects the strings; if not, `eqinfo.codebook.prune` keeps those that the greedy
parse needs most. `eqinfo.codebook.phrases` adds phrases. `eqinfo.reference.codebook_fit` does the
same in plain Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codebook import phrases
from eqinfo.codebook.documents import TextDocuments, concatenate
from eqinfo.codebook.file import Align, as_align
from eqinfo.codebook.prune import measurements, prune
from eqinfo.codebook.sizes import MAX_CODEBOOK_BITS, check_window_bits
from eqinfo.codebook.trie import TrieArrays, strings_of, trie_arrays
from eqinfo.common.batch import Documents
from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.common.progress import Progress

FIRST_STRIDE = 5
"""Bytes between the positions that are counted first: about the length of a window."""
DEFAULT_ROUNDS = 1
"""Recounts at the starts of windows."""
SURPLUS_BITS: dict[Align, int] = {"none": 3, "word": 4, "phrase": 4}
"""By align: log2 of the number of candidates per wanted string, phrases not counted. More change
little."""
PART_BYTES = 1 << 15
"""Pruning parses longer documents in parts of this many bytes, which fit in the cache."""
PRUNED_BYTES = 1 << 25
"""Phrases of a longer corpus are pruned on one in so many parts that about as many bytes remain."""

_BYTES = 256


def fit(
    corpus: Documents | str | bytes,
    window_bits: int,
    align: Align,
    *,
    max_length: int,
    rounds: int | None,
    prefixes: bool,
    phrase_share: float | None,
    phrase_words: int | None,
    num_threads: int,
    progress: Progress | None,
) -> TrieArrays:
    """See `Codebook.fit`."""
    window_bits = check_window_bits(window_bits)
    max_length, num_threads = check_integers(max_length=max_length, num_threads=num_threads)
    rounds, phrase_words = check_optional_integers(rounds=rounds, phrase_words=phrase_words)
    _check(window_bits, align, max_length, rounds, prefixes, num_threads)
    wanted_phrases, most_words = _phrases(window_bits, align, phrase_share, phrase_words)
    documents = concatenated = concatenate(corpus)
    stride, recounts = FIRST_STRIDE, DEFAULT_ROUNDS if rounds is None else rounds
    if align != "none":
        documents = TextDocuments(*_core.count_words(documents.text, documents.offsets))
        stride, recounts = 1, 0
    surplus_bits = 0 if prefixes else SURPLUS_BITS[align]
    candidate_bits = min(window_bits + surplus_bits, MAX_CODEBOOK_BITS)
    wanted = (1 << window_bits) - 1 - _BYTES - wanted_phrases
    steps = _Steps(progress, recounts + 1)
    if not prefixes:
        steps.total += measurements((1 << candidate_bits) - 1 - _BYTES, wanted)
    if wanted_phrases > 0:
        steps.total += 1 + measurements(wanted_phrases * phrases.SURPLUS, wanted_phrases)
    steps.report(0)
    nodes = None
    for _ in range(recounts + 1):
        nodes = _core.codebook_fit(*documents, nodes, stride, candidate_bits, max_length)
        steps.report(1)
    assert nodes is not None
    if prefixes:
        return TrieArrays(*nodes, np.ones(1 << window_bits, np.bool_))
    depth, symbol = nodes
    if align == "none":
        allowed = np.ones(len(depth), np.bool_)
        documents = _in_parts(documents)
    else:
        allowed = _core.strings_within_words(depth, symbol)
    pruner = _core.CodebookPruner(*documents, depth, symbol, None, num_threads)
    has_id = prune(pruner, depth, allowed, wanted, lambda: steps.report(1))
    strings = list(strings_of(depth, symbol, has_id))
    if wanted_phrases > 0:
        strings[1:] = phrases.with_phrases(
            concatenated,
            _some_parts(concatenated),
            strings[1:],
            wanted_phrases,
            most_words=most_words,
            max_length=max_length,
            num_threads=num_threads,
            measured=lambda: steps.report(1),
        )
    steps.finish()
    return trie_arrays(_filled(strings, 1 << window_bits))


def _in_parts(documents: TextDocuments) -> TextDocuments:
    cuts = np.arange(0, len(documents.text), PART_BYTES)
    return documents._replace(offsets=np.union1d(documents.offsets, cuts))


def _some_parts(documents: TextDocuments) -> TextDocuments:
    """Return parts of the documents, evenly spaced if there are more than `PRUNED_BYTES`."""
    offsets = _in_parts(documents).offsets
    step = max(1, -(-len(documents.text) // PRUNED_BYTES))
    parts = [documents.text[begin:end] for begin, end in list(pairwise(offsets.tolist()))[::step]]
    bounds = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return TextDocuments(np.concatenate([documents.text[:0], *parts]), bounds)


def _phrases(
    window_bits: int, align: Align, share: float | None, most_words: int | None
) -> tuple[int, int]:
    """Return the number of phrases and their most words; 0 and 0 without phrases."""
    if align != "phrase":
        for name, value in (("phrase_share", share), ("phrase_words", most_words)):
            if value is not None:
                raise ValueError(f'expected no {name} without align="phrase", found {value}')
        return 0, 0
    most_words = phrases.DEFAULT_MOST_WORDS if most_words is None else most_words
    if most_words < 2:
        raise ValueError(f"expected phrase_words of at least 2, found {most_words}")
    share = phrases.DEFAULT_SHARE if share is None else share
    return phrases.phrase_count(window_bits, share), most_words


def _check(
    window_bits: int,
    align: str,
    max_length: int,
    rounds: int | None,
    prefixes: bool,
    num_threads: int,
) -> None:
    if as_align(align) != "none" and prefixes:
        raise ValueError(f'expected prefixes=False with align="{align}", found True')
    if align != "none" and rounds is not None:
        raise ValueError(
            f'expected no rounds with align="{align}", where words are counted once, found {rounds}'
        )
    least = 2 if window_bits <= 16 else 3
    if not least <= max_length <= 255:
        raise ValueError(f"expected max_length of {least} to 255, found {max_length}")
    if rounds is not None and rounds < 0:
        raise ValueError(f"expected rounds of at least 0, found {rounds}")
    if num_threads < 1:
        raise ValueError(f"expected num_threads of at least 1, found {num_threads}")


class _Steps:
    """Reports the steps done and their total, which is an upper bound until all are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._done = 0
        self.total = total

    def report(self, steps: int) -> None:
        self._done += steps
        if self._progress is not None:
            self._progress(self._done, self.total)

    def finish(self) -> None:
        if self._done < self.total:
            self.report(self.total - self._done)


def _filled(strings: list[bytes], count: int) -> list[bytes]:
    """Return ``count`` strings in lexicographic order.

    These are ``strings`` and, if there are too few, the first others of ASCII characters that lie
    within a word, shorter ones first.
    """
    present = set(strings)
    missing = (string for string in _ascii_strings() if string not in present)
    return sorted([*strings, *islice(missing, count - len(strings))])


def _ascii_strings() -> Iterator[bytes]:
    characters = [bytes([byte]) for byte in range(128)]
    pairs = {a + b for a in characters for b in characters if len(_word_ends(a + b)) == 1}
    level = characters
    while True:
        longer = []
        for string in level:
            for character in characters:
                if string[-1:] + character in pairs:
                    yield string + character
                    longer.append(string + character)
        level = longer


def _word_ends(text: bytes) -> NDArray[np.int64]:
    return _core.word_ends(np.frombuffer(text, np.uint8))
