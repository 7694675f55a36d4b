"""Information content: the ideal length of a text, and what coders need beyond it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eqinfo.codecs import ArithmeticCodec, WindowCodec
from eqinfo.models import FunctionModel, StaticModel, ideal_bits, load, symbol_information
from eqinfo.range_coder import as_symbols
from strategies import KINDS, TEXTS, adversarial_model

TEXT = "It was the best of times, it was the worst of times."


def test_a_uniform_model_needs_eight_bits_per_byte() -> None:
    uniform = StaticModel([0] * 256)
    assert ideal_bits(uniform, TEXT) == 8 * len(TEXT)
    assert ideal_bits(uniform, b"") == 0


def test_each_symbol_has_the_bits_of_its_frequency() -> None:
    frequencies = np.array([[1 << 15, 1 << 14, 1 << 13, 1 << 13]], np.uint32)
    model = FunctionModel(lambda contexts, lengths: np.repeat(frequencies, len(lengths), 0), 4)
    bits = symbol_information(model, [as_symbols([0, 1, 2, 3, 0]), as_symbols([3])], 16)
    assert [each.tolist() for each in bits] == [[1, 2, 3, 3, 1], [3]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_at_most_a_bit_longer_than_its_information(kind: str) -> None:
    model = adversarial_model(kind)
    for text in filter(None, TEXTS):
        bits = len(ArithmeticCodec(model, token_bits=1).encode(text))
        length = 6 + len(text).bit_length() - 1
        rounding = 0.0057 * len(text)
        assert bits < length + ideal_bits(model, text) + 1 + rounding


def test_windows_cost_more_than_one_stream() -> None:
    model = load("en")
    ideal = ideal_bits(model, TEXT)
    assert len(WindowCodec(model, window_bits=32, token_bits=8).encode(TEXT)) * 8 > ideal


def test_documents_do_not_depend_on_their_neighbours() -> None:
    model = load("en")
    together = symbol_information(model, [as_symbols(text) for text in TEXTS])
    for text, bits in zip(TEXTS, together, strict=True):
        assert math.isclose(bits.sum(), ideal_bits(model, text))


def test_symbols_outside_the_alphabet_are_refused() -> None:
    model = StaticModel([0] * 3)
    with pytest.raises(ValueError, match="document 1: expected symbols of 0 to 2, found 0 to 3"):
        symbol_information(model, [as_symbols([0]), as_symbols([0, 3])])
    with pytest.raises(ValueError, match="use symbol_information"):
        ideal_bits(model, TEXT)
