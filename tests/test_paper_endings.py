"""The paper's windows with other endings of its coder: what they are, and how they are misread."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import pytest

from eqinfo.experiment.analyses.paper_endings import (
    ENDINGS,
    Ending,
    coded_windows,
    read_window,
)
from eqinfo.experiment.analyses.paper_windows import never_reset, paper_windows
from experiment_cases import DOCUMENTS, TRAINING, ngram

PRECISION, BITS = 5, 8
each_ending = pytest.mark.parametrize("ending", ENDINGS)


def predict(context: Sequence[int]) -> tuple[int, ...]:
    """Frequencies of five symbols that depend on the last one."""
    weights = [1, 2, 4, 8, 17]
    return tuple(weights[(i + sum(context[-1:])) % 5] for i in range(5))


def interval(text: Sequence[int]) -> tuple[Fraction, Fraction]:
    low, high = Fraction(0), Fraction(1)
    for number, symbol in enumerate(text):
        edges = [0, *accumulate(predict(text[:number]))]
        width = (high - low) / (1 << PRECISION)
        low, high = low + width * edges[symbol], low + width * edges[symbol + 1]
    return low, high


def shortest_inside(text: Sequence[int]) -> list[tuple[int, int]]:
    """The shortest dyadic intervals inside that of a text: numerators and bits."""
    low, high = interval(text)
    bits = 0
    while True:
        found = [v for v in range(1 << bits) if low * 2**bits <= v and v + 1 <= high * 2**bits]
        if found:
            return [(v, bits) for v in found]
        bits += 1


def documents() -> list[list[int]]:
    rng = random.Random(1)
    return [[rng.randrange(5) for _ in range(12)] for _ in range(40)]


@each_ending
def test_codewords_lie_in_the_interval_of_their_text(ending: Ending) -> None:
    for document in documents():
        windows = coded_windows(document, predict, BITS, PRECISION, ending)
        assert [symbol for text, _ in windows for symbol in text] == document
        for text, codeword in windows:
            low, high = interval(text)
            assert 0 <= codeword < 1 << BITS
            if ending.startswith("enclosed"):
                codes = [v << BITS - bits for v, bits in shortest_inside(text)]
                zeros = max(codes, key=lambda code: code & -code or 1 << BITS)
                wanted = min(codes) if "lowest" in ending else zeros
                assert codeword == wanted
            else:  # intervals are rounded
                assert low - Fraction(1, 1000) <= Fraction(codeword, 1 << BITS) < high


@each_ending
def test_the_decoder_reads_the_longest_text_with_the_same_bits(ending: Ending) -> None:
    for document in documents():
        for text, codeword in coded_windows(document, predict, BITS, PRECISION, ending):
            found = read_window(codeword, predict, BITS, PRECISION, ending)
            assert found[: len(text)] == text
            assert coded_windows(found, predict, BITS, PRECISION, ending) == [(found, codeword)]
            for symbol in range(5):
                longer = coded_windows([*found, symbol], predict, BITS, PRECISION, ending)
                assert longer[0] != ([*found, symbol], codeword)


@pytest.mark.parametrize("ending", ["registers 16", "registers 32"])
def test_registers_give_the_bits_of_witten_neal_and_cleary(ending: Ending) -> None:
    # By hand: [0.25, 0.5) gives 01, and the end a bit and its opposite.
    assert coded_windows([1], lambda _: (1, 1, 2), 8, 2, ending) == [([1], 0b0101_0000)]


@each_ending
def test_an_improbable_symbol_closes_a_window_that_a_probable_one_would_not(
    ending: Ending,
) -> None:
    frequencies = (1, 1, 1, 1, 12)  # of a, b, c, d, e
    text = ["abcde".index(letter) for letter in "aeaa"]
    first, codeword = coded_windows(text, lambda _: frequencies, 6, 4, ending)[0]
    assert first == [0, 4]  # "ae" closes because "a" does not fit
    assert read_window(codeword, lambda _: frequencies, 6, 4, ending) == [0, 4, 4]


@pytest.mark.parametrize("ending", ["fewest", *ENDINGS])
def test_shares_of_windows_that_are_misread(ending: Ending) -> None:
    found = paper_windows(ngram(), 16, [DOCUMENTS[2][:60]], ending)
    assert found.ending == ending
    assert 0 < found.misread < 1
    assert 3 < found.bytes_per_16_bits < 20


def test_windows_too_short_for_a_symbol_are_refused() -> None:
    with pytest.raises(ValueError, match="expected windows of 7 bits or more, found 3"):
        coded_windows([0], predict, 3, PRECISION, "enclosed")


def test_what_whole_bytes_lose() -> None:
    found = never_reset(ngram(), 16, TRAINING)
    assert found.predicted >= found.information / 2
    assert found.simulated == pytest.approx(found.predicted, rel=0.35)
