"""Codebook stage: `Codebook.fit` (docs/pipeline.md, "Codebook", on `fit` and on words)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, pairwise, product
from typing import NamedTuple

from eqinfo.codebook import fit as codebook_fit
from eqinfo.codebook import prune as codebook_prune
from eqinfo.reference import word as reference_word
from eqinfo.reference.codebook import BYTES, encode


def fit(
    documents: Sequence[bytes], window_bits: int, max_length: int, rounds: int, stride: int = 5
) -> list[bytes]:
    """Return the codebook of ``prefixes=True``: strings that are frequent where windows begin.

    At first, strings are counted at every ``stride``-th byte; then, ``rounds`` times, where the
    windows of the last codebook begin.

    Args:
        documents: the corpus.
        window_bits: the codebook gets 2^window_bits strings.
        max_length: the longest string, in bytes.
        rounds: how often to parse the corpus and count again.
        stride: distance of the first counts, in bytes.
    """
    starts: list[Sequence[int]] = [range(0, len(document), stride) for document in documents]
    strings = _most_frequent(documents, starts, window_bits, max_length)
    for _ in range(rounds):
        starts = [_window_starts(strings, document) for document in documents]
        strings = _most_frequent(documents, starts, window_bits, max_length)
    return strings


def _window_starts(strings: Sequence[bytes], document: bytes) -> Sequence[int]:
    starts = [0]
    for index in encode(strings, document):
        starts.append(starts[-1] + len(strings[index]))
    return starts[:-1]


def _most_frequent(
    documents: Sequence[bytes],
    starts: Sequence[Sequence[int]],
    window_bits: int,
    max_length: int,
) -> list[bytes]:
    counts: Counter[bytes] = Counter()
    for document, places in zip(documents, starts, strict=True):
        for start in places:
            longest = min(max_length, len(document) - start)
            counts.update(document[start : start + n] for n in range(2, longest + 1))
    wanted = 2**window_bits - 257
    best = sorted(counts, key=lambda string: (-counts[string], len(string), string))[:wanted]
    present = set(best)
    missing = (string for string in _all_strings() if string not in present)
    return sorted([b"", *BYTES, *best, *islice(missing, wanted - len(best))])


def _all_strings(symbols: int = 256) -> Iterator[bytes]:
    """Yield all strings of two bytes or more, shorter ones first, then in lexicographic order."""
    length = 2
    while True:
        yield from map(bytes, product(range(symbols), repeat=length))
        length += 1


def fit_pruned(
    documents: Sequence[bytes], window_bits: int, max_length: int, rounds: int
) -> list[bytes]:
    """Return the codebook of ``prefixes=False``.

    Fits more strings than wanted, then keeps those without which the parse would lose most.
    """
    bits = min(window_bits + codebook_fit.SURPLUS_BITS["none"], 20)
    candidates = set(fit(documents, bits, max_length, rounds)) - {b"", *BYTES}
    text = b"".join(documents)
    ends = {sum(map(len, documents[:i])) for i in range(len(documents) + 1)}
    ends.update(range(0, len(text), codebook_fit.PART_BYTES))
    parts = [text[begin:end] for begin, end in pairwise(sorted(ends))]
    return _pruned(parts, candidates, candidates, 2**window_bits - 257)


def fit_words(documents: Sequence[bytes], window_bits: int, max_length: int) -> list[bytes]:
    """Return the codebook of ``align="word"``.

    Each word of the corpus is a document, and only strings within a word may be chosen.
    """
    words = []
    for document in documents:
        ends = [0, *reference_word.split(document)]
        words += [document[begin:end] for begin, end in pairwise(ends)]
    bits = min(window_bits + codebook_fit.SURPLUS_BITS["word"], 20)
    candidates = set(fit(words, bits, max_length, 0, stride=1)) - {b"", *BYTES}
    allowed = {string for string in candidates if reference_word.within_a_word(string)}
    wanted = 2**window_bits - 257
    strings = _pruned(words, candidates, allowed, wanted)
    ascii_only = (s for s in _all_strings(128) if len(reference_word.split(s)) == 1)
    missing = (string for string in ascii_only if string not in strings)
    return sorted([*strings, *islice(missing, 2**window_bits - len(strings))])


class _Measure(NamedTuple):
    """A parse: its windows, what each string loses if left out, what each gains if added."""

    windows: int
    losses: Counter[bytes]
    gains: Counter[bytes]


def _measure(
    documents: Sequence[bytes], candidates: Collection[bytes], strings: Collection[bytes]
) -> _Measure:
    """Parse the documents greedily with ``strings`` and all bytes; measure ``candidates``."""
    result = _Measure(0, Counter(), Counter())
    windows = 0
    longest = max(map(len, candidates), default=1)
    for document in documents:
        size = len(document)
        left = [0] * (size + 1)  # w(t): windows from each place to the end
        fits: list[list[int]] = [[] for _ in document]  # lengths of the strings that match there
        for at in reversed(range(size)):
            lengths = range(2, min(longest, size - at) + 1)
            fits[at] = [1] + [n for n in lengths if document[at : at + n] in strings]
            left[at] = 1 + left[at + fits[at][-1]]
        windows += left[0]
        at = 0
        while at < size:
            window = fits[at][-1]
            for n in range(window + 1, min(longest, size - at) + 1):
                if (string := document[at : at + n]) in candidates:
                    result.gains[string] += left[at] - 1 - left[at + n]
            if window > 1:
                shorter = fits[at][-2]
                result.losses[document[at : at + window]] += 1 + left[at + shorter] - left[at]
            at += window
    return result._replace(windows=windows)


def _pruned(
    documents: Sequence[bytes], candidates: Collection[bytes], allowed: set[bytes], wanted: int
) -> list[bytes]:
    """Drop strings of least loss until ``wanted`` are left, then swap some for better ones."""
    strings = set(allowed)
    while (excess := len(strings) - wanted) > 0:
        count = min(excess, len(strings) // codebook_prune.DROPPED + 1)
        losses = _measure(documents, candidates, strings).losses
        strings -= set(_least(strings, losses, count))
    best = _measure(documents, candidates, strings)
    count = wanted // codebook_prune.SWAPPED + 1
    for _ in range(codebook_prune.SWAPS):
        outside = [string for string in allowed - strings if best.gains[string] > 0]
        outside.sort(key=lambda string: (-best.gains[string], len(string), string))
        more = strings.union(outside[:count])
        if len(more) <= wanted:
            break
        losses = _measure(documents, candidates, more).losses
        other = more.difference(_least(more, losses, len(more) - wanted))
        measured = _measure(documents, candidates, other)
        if measured.windows < best.windows:
            strings, best = other, measured
        else:
            count = count // 2 + 1
    return sorted([b"", *BYTES, *strings])


def _least(strings: Collection[bytes], losses: Counter[bytes], count: int) -> list[bytes]:
    """Return the ``count`` strings of least loss; of equals, longer ones, then greater ones."""
    order = sorted(strings, reverse=True)
    order.sort(key=lambda string: (losses[string], -len(string)))
    return order[:count]
