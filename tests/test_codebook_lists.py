"""Ids as lists, whose integers are shared, and the functions for short texts behind them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo.codebook import Codebook
from eqinfo.common.batch import TokenBatch

SHORT = 4096  # bytes; a longer text is not short
PROSE = "It was the best of times, it was the worst of times. " * 90


def ready(name: str) -> Codebook:
    """Return a codebook whose trie is built; a bundled one walks its nodes at first."""
    return Codebook.from_bytes(Codebook.bundled(name).to_bytes())


CODEBOOKS = {name: ready(name) for name in ("en-4k", "world-18")}


@pytest.mark.parametrize("name", CODEBOOKS)
@pytest.mark.parametrize(
    "text",
    [
        *("", "a", PROSE[:100], PROSE[:SHORT], PROSE[: SHORT + 1], "ä" * 2048, "ä" * 2049),
        *("漢字 " * 341, "🙂 " * 1025, b"", PROSE.encode(), bytes(range(256)) * 16),
        *(bytearray(b"abc"), memoryview(b"a bc")),
    ],
)
def test_lists_have_the_ids_of_the_array(name: str, text: Any) -> None:
    codebook = CODEBOOKS[name]
    data = text.encode() if isinstance(text, str) else bytes(text)
    expected = codebook.encode(memoryview(data), num_threads=2)  # not by way of short texts
    found = codebook.encode(text)
    assert found.dtype == codebook.dtype
    assert np.array_equal(found, expected)
    assert codebook.encode_as_list(text) == expected.tolist()
    assert codebook.encode_as_list(text, num_threads=2) == expected.tolist()


@settings(max_examples=100, deadline=None)
@given(text=st.lists(st.sampled_from(["the", " ", " of", "\n", "é", "xq", "  "])).map("".join))
def test_short_texts_give_the_plain_walk(text: str) -> None:
    """Whatever their cuts are."""
    for codebook in CODEBOOKS.values():
        parts = codebook.encode_stream(text[i : i + 1] for i in range(len(text)))
        assert codebook.encode_as_list(text) == [id for ids in parts for id in ids.tolist()]


def test_a_codebook_that_walks_its_nodes_gives_the_same() -> None:
    codebook = Codebook._from_file(Codebook.bundled("en-4k").to_bytes(), "en-4k", lazy=True)
    assert codebook._encode_short(PROSE[:100]) is None
    expected = CODEBOOKS["en-4k"].encode_as_list(PROSE[:100])
    assert codebook.encode_as_list(PROSE[:100]) == expected
    codebook.encode(PROSE * 100)  # builds the trie
    assert codebook._encode_short_as_list(PROSE[:100]) == expected
    assert codebook.encode_as_list(PROSE[:100]) == expected


def test_wrong_inputs_are_refused_as_by_encode() -> None:
    codebook = CODEBOOKS["en-4k"]
    for wrong, error in (("\ud800", ValueError), (3, TypeError), ([b"a"], TypeError)):
        for call in (codebook.encode, codebook.encode_as_list):
            with pytest.raises(error):
                call(wrong)  # type: ignore[operator]
    with pytest.raises(ValueError, match="num_threads of 1 to 256, found 0"):
        codebook.encode_as_list("a", num_threads=0)
    with pytest.raises(TypeError):
        codebook.lists(TokenBatch(np.zeros(1, np.uint64), np.array([0, 1])))


def test_lists_of_a_batch() -> None:
    codebook = CODEBOOKS["en-4k"]
    batch = codebook.encode_batch(["the cat", "", "a dog"])
    assert codebook.lists(batch) == [ids.tolist() for ids in batch]
    assert codebook.lists(batch[1:]) == [[], batch[2].tolist()]
    assert codebook.lists(batch[:0]) == []
    beyond = TokenBatch(np.array([7, 2**32 - 1, 2**12], np.uint32), np.array([1, 3]))
    assert codebook.lists(beyond) == [[2**32 - 1, 2**12]]


def test_long_lists() -> None:
    """They are made in parts, between which a signal handler can run."""
    codebook = CODEBOOKS["en-4k"]
    size = (1 << 21) + 3
    tokens = np.arange(size, dtype=np.uint32) % 5000
    batch = TokenBatch(tokens.astype(np.uint16), np.array([0, 2, size - 1, size]))
    assert codebook.lists(batch) == [ids.tolist() for ids in batch]


def test_lists_share_their_integers() -> None:
    """Which takes a fourth of the memory."""
    codebook = CODEBOOKS["en-4k"]
    first, second = codebook.encode_as_list(PROSE), codebook.encode_as_list(PROSE)
    assert all(a is b for a, b in zip(first, second, strict=True))


def test_the_functions_keep_the_codebook_alive() -> None:
    codebook = CODEBOOKS["en-4k"]
    native = _core.Codebook(codebook._depth, codebook._symbol, codebook._end)
    encode, encode_as_list = native.short_encoders()
    del native
    gc.collect()
    assert encode(b"cats").tolist() == encode_as_list(b"cats") == codebook.encode_as_list("cats")


def test_a_codebook_goes_when_nothing_needs_it() -> None:
    codebook = ready("en-4k")
    codebook.encode_as_list(PROSE)
    gone = weakref.ref(codebook)
    gc.disable()
    try:
        del codebook
        assert gone() is None  # no cycle keeps it until a collection
    finally:
        gc.enable()
