"""Generated text, like English in its words, for runs without a file."""

from __future__ import annotations

import numpy as np

FREQUENT = """
the of and to in a is that for it was on with as he be his at by are this have from or had not but
what all were when we there can an your which their if do will each how them then she many some so
these would other into has more her two him see time could no make than first been its who now
people my made over did down only way find use may water long little very after words called just
where most know
"""
SYLLABLES = """
an ar be ble ca con de dis el en er es fi ful gen ing in ity ko la less ly ma ment mer na ness o ple
pre ra re ri ser sha sion so sta tan ter ti tion tor tra un ver vi wor y
"""
WORDS = 40_000
SENTENCE_WORDS = 12


def generate(size: int, seed: int) -> bytes:
    """Return ``size`` bytes: words by Zipf's law, in sentences and paragraphs.

    The words are the same for every seed: the most frequent English words, then words made of
    English syllables. Words repeat as often as in real text, but their order is random.
    """
    frequent = FREQUENT.split()
    words = np.array([*frequent, *_made_up(WORDS - len(frequent))], dtype=object)
    generator = np.random.default_rng(seed)
    weights = 1 / np.arange(2.7, WORDS + 2.7)
    pieces: list[str] = []
    length = 0
    while length < size:
        drawn = words[generator.choice(WORDS, 20_000, p=weights / weights.sum())]
        sentences = [
            " ".join(drawn[begin : begin + SENTENCE_WORDS]).capitalize()
            for begin in range(0, len(drawn), SENTENCE_WORDS)
        ]
        ends = np.array([". ", ".\n", ", said he. ", ".\n\n", "? ", "; "])
        chosen = ends[generator.integers(0, len(ends), len(sentences))]
        piece = "".join(map("".join, zip(sentences, chosen, strict=True)))
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces).encode()[:size]


def _made_up(count: int) -> list[str]:
    generator = np.random.default_rng(0)
    syllables = SYLLABLES.split()
    lengths = generator.integers(2, 5, count)
    picks = generator.integers(0, len(syllables), (count, 4))
    return [
        "".join(syllables[pick] for pick in row[:length])
        for row, length in zip(picks, lengths, strict=True)
    ]
