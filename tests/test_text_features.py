"""The features of texts against the reference, their fixed values, and their bounds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo.reference import text_features as reference

WORDS = st.sampled_from(
    [*"aZ' \n.-0", " The", " the", "don't", "ÉÀ", "中文", "  ", "\t", "x" * 200]
).map(str.encode)
PIECES = st.sampled_from([b"\x80", b"\xe4\xb8", b"\xf0\x9f", b"\xff", b"\xed\xa0\x80", b"\0"])
TEXTS = st.lists(WORDS | PIECES, max_size=20).map(b"".join) | st.binary(max_size=300)
KINDS = st.sets(st.sampled_from(reference.KINDS), min_size=1).map(
    lambda chosen: tuple(kind for kind in reference.KINDS if kind in chosen)
)


def found(texts: list[bytes], kinds: tuple[str, ...], buckets: int) -> list[list[int]]:
    data = np.frombuffer(b"".join(texts), np.uint8)
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    chosen = sum(1 << reference.KINDS.index(kind) for kind in kinds)
    values, bounds = _core.text_features(data, offsets, chosen, buckets)
    assert values.dtype == bounds.dtype == np.int32
    return [values[begin:end].tolist() for begin, end in pairwise(bounds.tolist())]


RULE_1 = [
    10636, 1463, 14593, 13475, 14451, 12509, 6625, 3473, 15421, 6045, 8442, 11832, 2760, 10409,
    14235, 3682, 4634, 4092, 3234, 2918, 15431, 1101, 6893, 6905, 9803, 4143, 4349, 10447, 8393,
]  # fmt: skip
"""The buckets, of 16,384, of all features of " The cat"."""


@given(st.lists(TEXTS, max_size=4), KINDS, st.sampled_from([1, 2, 1000, 16_384, 1 << 24]))
def test_features_are_the_reference(
    texts: list[bytes], kinds: tuple[str, ...], buckets: int
) -> None:
    wanted = [reference.text_features(text, kinds, buckets) for text in texts]
    assert found(texts, kinds, buckets) == wanted


def test_what_the_features_of_a_text_are() -> None:
    assert list(reference.features(b" The cat", ("prefixes", "suffixes", "words"))) == [
        ("prefix", b" "),
        ("prefix", b" T"),
        ("prefix", b" Th"),
        ("prefix", b" The"),
        ("suffix", b"t"),
        ("suffix", b"at"),
        ("suffix", b"cat"),
        ("suffix", b" cat"),
        ("word", b" The"),
        ("folded word", b"the"),
        ("word", b" cat"),
        ("folded word", b"cat"),
        ("first word", b" The"),
        ("last word", b" cat"),
        ("words", b"\x02"),
    ]
    assert list(reference.features(b"abcd", ("trigrams", "places"))) == [
        ("trigram", b"abc"),
        ("trigram", b"bcd"),
        *(("place", bytes([at, byte])) for at, byte in enumerate(b"abcd")),
    ]
    assert list(reference.features(b"", reference.KINDS)) == []
    words = list(reference.features(b"a b c d e f g h i j", ("words",)))
    assert words[-1] == ("words", b"\x08")


def test_rule_1_stays_as_it_is() -> None:
    """Trained models depend on these numbers; another rule needs another TEXT_FEATURE_RULE."""
    assert found([b" The cat"], reference.KINDS, 16_384) == [RULE_1]


def test_long_texts_have_a_bounded_number_of_features() -> None:
    many_words = b".a" * 10_000
    (values,) = found([many_words], reference.KINDS, 1 << 20)
    assert len(values) == 8 + 2 * 256 + 3 + 254 + 16
    assert found([many_words[:256]], reference.KINDS, 1 << 20) == [values]


@pytest.mark.parametrize(
    ("texts", "kinds", "buckets", "message"),
    [
        (1, 0, 8, "expected kinds of 1 to 31, found 0"),
        (1, 32, 8, "expected kinds of 1 to 31, found 32"),
        (1, 1, 0, r"expected 1 to 2\^24 buckets, found 0"),
        (1, 1, (1 << 24) + 1, r"expected 1 to 2\^24 buckets, found 16777217"),
        ((1 << 20) + 1, 1, 8, r"expected at most 2\^20 strings, found 1048577"),
    ],
)
def test_bad_parameters(texts: int, kinds: int, buckets: int, message: str) -> None:
    offsets = np.zeros(texts + 1, np.int64)
    with pytest.raises(ValueError, match=message):
        _core.text_features(np.empty(0, np.uint8), offsets, kinds, buckets)
    with pytest.raises(ValueError, match="offsets that never fall"):
        _core.text_features(np.zeros(2, np.uint8), np.array([0, 2, 1]), 1, 8)
