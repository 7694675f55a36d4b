"""Codebook stage: `Codebook.fit` (docs/pipeline.md, "Codebook", on `fit` and on words)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, pairwise, product
from typing import NamedTuple

from eqinfo.codebook import fit as codebook_fit
from eqinfo.codebook import phrases as codebook_phrases
from eqinfo.codebook import prune as codebook_prune
from eqinfo.reference import word as reference_word
from eqinfo.reference.codebook import BYTES, encode

CUT_PHRASE = 3
"""What a window costs that is a phrase and ends inside a word (csrc/cpu/codebook/fit.h)."""


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
    wanted = 2**window_bits - 257
    strings = _pruned(_parts(documents), candidates, candidates, wanted)
    return sorted([b"", *BYTES, *strings])


def _parts(documents: Sequence[bytes]) -> list[bytes]:
    """Cut documents where pruning does."""
    text = b"".join(documents)
    ends = {sum(map(len, documents[:i])) for i in range(len(documents) + 1)}
    ends.update(range(0, len(text), codebook_fit.PART_BYTES))
    return [text[begin:end] for begin, end in pairwise(sorted(ends))]


def fit_words(documents: Sequence[bytes], window_bits: int, max_length: int) -> list[bytes]:
    """Return the codebook of ``align="word"``."""
    wanted = 2**window_bits - 257
    strings = _within_words(documents, window_bits, max_length, wanted)
    return _filled([b"", *BYTES, *strings], window_bits)


def fit_phrases(
    documents: Sequence[bytes], window_bits: int, max_length: int, share: float, most_words: int
) -> list[bytes]:
    """Return the codebook of ``align="phrase"``.

    Args:
        documents: the corpus.
        window_bits: the codebook gets 2^window_bits strings.
        max_length: the longest string, in bytes.
        share: of the strings, how many are phrases.
        most_words: words of a phrase.
    """
    wanted = int(share * 2**window_bits)
    others = 2**window_bits - 257 - wanted
    words = {*BYTES, *_within_words(documents, window_bits, max_length, others)}
    counts = Counter(
        b"".join(words[i : i + n])
        for words in map(_words, documents)
        for n in range(2, most_words + 1)
        for i in range(len(words) - n + 1)
    )
    candidates = [
        phrase
        for phrase, count in counts.items()
        if count >= 2
        and len(phrase) <= max_length
        and all(kind != reference_word.ILL_FORMED for _, kind in reference_word.characters(phrase))
    ]
    candidates.sort(key=lambda phrase: (-counts[phrase], len(phrase), phrase))
    phrases = set(candidates[: wanted * codebook_phrases.SURPLUS])
    if len(phrases) < wanted:
        raise ValueError(f"expected {wanted} phrases, found {len(phrases)}")
    step = max(1, -(-sum(map(len, documents)) // codebook_fit.PRUNED_BYTES))
    chosen = _pruned(_parts(documents)[::step], phrases, phrases, wanted, always=words)
    return _filled([b"", *words, *chosen], window_bits)


def _words(document: bytes) -> list[bytes]:
    ends = [0, *reference_word.split(document)]
    return [document[begin:end] for begin, end in pairwise(ends)]


def _within_words(
    documents: Sequence[bytes], window_bits: int, max_length: int, wanted: int
) -> set[bytes]:
    """Return at most ``wanted`` strings within words.

    Each word of the corpus is a document, and only strings within a word may be chosen.
    """
    words = [word for document in documents for word in _words(document)]
    bits = min(window_bits + codebook_fit.SURPLUS_BITS["word"], 20)
    candidates = set(fit(words, bits, max_length, 0, stride=1)) - {b"", *BYTES}
    allowed = {string for string in candidates if reference_word.within_a_word(string)}
    return _pruned(words, candidates, allowed, wanted)


def _filled(strings: Sequence[bytes], window_bits: int) -> list[bytes]:
    """Add the first ASCII strings within words that are missing."""
    ascii_only = (s for s in _all_strings(128) if len(reference_word.split(s)) == 1)
    missing = (string for string in ascii_only if string not in strings)
    return sorted([*strings, *islice(missing, 2**window_bits - len(strings))])


class _Measure(NamedTuple):
    """A parse: its cost, what each string loses if left out, what each gains if added."""

    cost: int
    losses: Counter[bytes]
    gains: Counter[bytes]


def _measure(
    documents: Sequence[bytes],
    candidates: Collection[bytes],
    strings: Collection[bytes],
    phrases: Collection[bytes] = (),
) -> _Measure:
    """Parse the documents greedily with ``strings`` and all bytes; measure ``candidates``.

    A window costs 1, or `CUT_PHRASE` if it is one of ``phrases`` and ends inside a word.
    """
    result = _Measure(0, Counter(), Counter())
    total = 0
    longest = max(map(len, [*candidates, *strings]), default=1)
    for document in documents:
        size = len(document)
        word_ends = {*reference_word.split(document)} if phrases else set()

        def cost(at: int, end: int, document: bytes = document, ends: set[int] = word_ends) -> int:
            return CUT_PHRASE if document[at:end] in phrases and end not in ends else 1

        left = [0] * (size + 1)  # w(t): cost of the windows from each place to the end
        fits: list[list[int]] = [[] for _ in document]  # lengths of the strings that match there
        for at in reversed(range(size)):
            lengths = range(2, min(longest, size - at) + 1)
            fits[at] = [1] + [n for n in lengths if document[at : at + n] in strings]
            end = at + fits[at][-1]
            left[at] = cost(at, end) + left[end]
        total += left[0]
        at = 0
        while at < size:
            window = fits[at][-1]
            for n in range(window + 1, min(longest, size - at) + 1):
                if (string := document[at : at + n]) in candidates:
                    result.gains[string] += left[at] - cost(at, at + n) - left[at + n]
            if window > 1:
                shorter = at + fits[at][-2]
                loss = cost(at, shorter) + left[shorter] - left[at]
                result.losses[document[at : at + window]] += loss
            at += window
    return result._replace(cost=total)


def _pruned(
    documents: Sequence[bytes],
    candidates: Collection[bytes],
    allowed: set[bytes],
    wanted: int,
    always: Collection[bytes] = (),
) -> set[bytes]:
    """Drop strings of least loss until ``wanted`` are left, then swap some for better ones.

    If there are strings that are ``always`` in the codebook, the ``allowed`` ones are phrases.
    """
    strings = set(allowed)

    def measured(chosen: set[bytes]) -> _Measure:
        if not always:
            return _measure(documents, candidates, chosen)
        return _measure(documents, candidates, chosen.union(always), phrases=allowed)

    while (excess := len(strings) - wanted) > 0:
        count = min(excess, len(strings) // codebook_prune.DROPPED + 1)
        losses = measured(strings).losses
        strings -= set(_least(strings, losses, count))
    best = measured(strings)
    count = wanted // codebook_prune.SWAPPED + 1
    for _ in range(codebook_prune.SWAPS):
        outside = [string for string in allowed - strings if best.gains[string] > 0]
        outside.sort(key=lambda string: (-best.gains[string], len(string), string))
        more = strings.union(outside[:count])
        if len(more) <= wanted:
            break
        losses = measured(more).losses
        other = more.difference(_least(more, losses, len(more) - wanted))
        result = measured(other)
        if result.cost < best.cost:
            strings, best = other, result
        else:
            count = count // 2 + 1
    return strings


def _least(strings: Collection[bytes], losses: Counter[bytes], count: int) -> list[bytes]:
    """Return the ``count`` strings of least loss; of equals, longer ones, then greater ones."""
    order = sorted(strings, reverse=True)
    order.sort(key=lambda string: (losses[string], -len(string)))
    return order[:count]
