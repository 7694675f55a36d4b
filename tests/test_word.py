"""The word rule against the reference, and what codebooks need from it."""

from __future__ import annotations

import sys
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo import word
from eqinfo.reference import word as reference

UNICODE_VERSION = "14.0.0"  # of csrc/tables/word_classes.h


def words(text: str | bytes) -> list[bytes]:
    data = text.encode() if isinstance(text, str) else text
    ends = [0, *word.split(text).tolist()]
    return [data[begin:end] for begin, end in pairwise(ends)]


def known(character: str) -> bool:
    """Return whether every Unicode version since 3.2 has the character, in the same category."""
    old = unicodedata.ucd_3_2_0.category(character)
    return old != "Cn" and old == unicodedata.category(character)


# Characters on both sides of every class and of every length in UTF-8, and bytes that are none.
PIECES = st.sampled_from(
    [*"aZ' \t\r\n.,-_(\"09", "é", "’", "\u0301", "中", "の", "½", "…", "\u2028", "\xa0", "😀", "𝒳"]
).map(str.encode) | st.sampled_from([b"\x80", b"\xe4\xb8", b"\xf0\x9f", b"\xff", b"\xed\xa0\x80"])
MIXED = st.lists(PIECES, max_size=40).map(b"".join)
CHARACTERS = st.characters(exclude_categories=["Cs"]).filter(known)  # lone surrogates have no UTF-8
TEXTS = MIXED | st.binary(max_size=60) | st.text(CHARACTERS).map(str.encode)


@pytest.mark.skipif(
    unicodedata.unidata_version != UNICODE_VERSION, reason="the table is of another version"
)
def test_table_of_classes_is_complete() -> None:
    points = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    wanted = [reference.CLASSES.index(reference.word_class(chr(point))) for point in points]
    assert _core.word_classes(points).tolist() == wanted


@given(st.characters().filter(known))
def test_class_of_a_character(character: str) -> None:
    found = _core.word_classes(np.array([ord(character)], np.uint32))[0]
    assert reference.CLASSES[found] == reference.word_class(character)


@given(TEXTS)
def test_split_is_the_reference(text: bytes) -> None:
    assert word.split(text).tolist() == reference.split(text)


@given(MIXED, MIXED)
def test_a_join_changes_no_other_end(left: bytes, right: bytes) -> None:
    joined = left + right
    if len(reference.characters(joined)) != sum(
        len(reference.characters(part)) for part in (left, right)
    ):
        return  # the join makes a character of two pieces
    ends = [*word.split(left), *(word.split(right) + len(left))]
    assert [end for end in ends if end != len(left)] == [
        end for end in word.split(joined).tolist() if end != len(left)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("The cat's here.", ["The", " cat's", " here", "."]),
        ("end of line\nnext", ["end", " of", " line", "\n", "next"]),
        ("end.\r\n\r\nNext", ["end", ".\r\n\r\n", "Next"]),
        ("    return foo_bar(x1)", ["    return", " foo", "_", "bar", "(", "x", "1", ")"]),
        ('"(well-known)," 1990s', ['"(', "well", "-known", '),"', " 1990", "s"]),
        ("I'll say: 'tis,' --so", ["I'll", " say", ":", " 'tis", ",'", " --so"]),
        ("我们中国 日本のabc", ["我们中国", " 日本の", "abc"]),
        (b"a\xff\xfe b", [b"a", b"\xff\xfe", b" b"]),
    ],
)
def test_words_of(text: str | bytes, wanted: list[str | bytes]) -> None:
    assert words(text) == [w.encode() if isinstance(w, str) else w for w in wanted]


def test_split_answers_and_refuses() -> None:
    ends = word.split("a b")
    assert ends.dtype == np.int64
    assert word.split(bytearray(b"a b")).tolist() == ends.tolist() == [1, 3]
    with pytest.raises(ValueError, match="surrogate"):
        word.split("\udc80")
    with pytest.raises(TypeError, match="int"):
        word.split(3)  # type: ignore[arg-type]


@given(st.lists(MIXED, max_size=5))
def test_count_words(documents: list[bytes]) -> None:
    text = np.frombuffer(b"".join(documents), np.uint8)
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    found, bounds, counts = _core.count_words(text, offsets)
    wanted: dict[bytes, int] = {}
    for document in documents:
        for each in words(document):
            wanted[each] = wanted.get(each, 0) + 1
    strings = [found[a:b].tobytes() for a, b in pairwise(bounds.tolist())]
    assert list(zip(strings, counts.tolist(), strict=True)) == list(wanted.items())


def test_strings_within_words() -> None:
    strings = {
        "café": True,
        " the": True,
        "the ": False,
        "don't": True,
        "a.": False,
        ".\n": True,
        ".\na": False,
        "中文": True,
        "中a": False,
    }
    pieces = {
        b"\xe4\xb8": True,
        b"\xb8\xad": True,
        b"\xf0\x9f\x98": True,
        b"\x9f\x98\x80": True,
        b"\x80\x80\x80\x80": False,
        b"\xe0\x80": False,
        b"\xed\xa0": False,
        b"\xc3a": False,
        b"a\xc3": False,
        b"\xff\xff": False,
        "é".encode() + b"\xc3": False,
    }
    for string, wanted in [*((s.encode(), w) for s, w in strings.items()), *pieces.items()]:
        assert reference.within_a_word(string) == wanted, string
        assert allowed(string) == wanted, string


@given(TEXTS.filter(lambda text: len(text) >= 2))
def test_strings_within_words_are_the_reference(string: bytes) -> None:
    assert allowed(string) == reference.within_a_word(string)


def allowed(string: bytes) -> bool:
    """Ask for one string in a trie of all bytes and the string."""
    first = string[0]
    depth = [0, *[1] * (first + 1), *range(2, len(string) + 1), *[1] * (255 - first)]
    symbol = [0, *range(first + 1), *string[1:], *range(first + 1, 256)]
    flags = _core.strings_within_words(np.array(depth, np.uint32), np.array(symbol, np.uint8))
    assert flags[: first + 2].all()
    assert flags[first + 1 + len(string) :].all()
    return bool(flags[first + len(string)])
