"""Flat batches: indices and slices as those of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import eqinfo
from eqinfo.common.batch import TextBatch, TokenBatch

TEXTS = ["one", "", "na\u00efve", "four"]


def token_batch(count: int) -> TokenBatch:
    documents = [[ord(letter) for letter in text] for text in TEXTS[:count]]
    return TokenBatch.concatenate(documents, np.dtype(np.uint16), 1 << 16)


def text_batch(count: int) -> TextBatch:
    return TextBatch.concatenate(TEXTS[:count])


def as_text(document: Any) -> str:
    return document if isinstance(document, str) else "".join(map(chr, document))


@pytest.mark.parametrize("count", range(len(TEXTS) + 1))
@pytest.mark.parametrize("make", [token_batch, text_batch])
def test_indices_and_slices_are_those_of_lists(make: Any, count: int) -> None:
    batch: Sequence[Any] = make(count)
    wanted = TEXTS[:count]
    assert len(batch) == count
    for index in range(-count, count):
        assert as_text(batch[index]) == wanted[index]
    for index in (-count - 2, -count - 1, count, count + 1):
        with pytest.raises(IndexError, match=rf"found {index}$"):
            batch[index]
    bounds = [None, *range(-count - 2, count + 3)]
    for begin in bounds:
        for end in bounds:
            assert list(map(as_text, batch[begin:end])) == wanted[begin:end]
    with pytest.raises(ValueError, match="expected a slice of step 1, found -1"):
        batch[::-1]


def test_documents_of_tokens_are_found_by_all_of_their_tokens() -> None:
    batch = eqinfo.encode_batch(["a b", "c", "a b", ""])
    assert batch[1] in batch
    assert np.array([1, 2, 3], np.uint16) not in batch
    assert (batch.index(batch[2]), batch.index(batch[2], 1), batch.count(batch[0])) == (0, 2, 2)
    with pytest.raises(ValueError, match="expected a document of these tokens, found none"):
        batch.index([1, 2, 3])
    with pytest.raises(IndexError, match="expected a batch with documents, found 0"):
        eqinfo.encode_batch([])[0]


def test_bytes_at_negative_indices() -> None:
    batch = text_batch(4)
    assert batch.bytes_at(-2) == "na\u00efve".encode()
    with pytest.raises(IndexError, match="expected a document of -4 to 3, found -5"):
        batch.bytes_at(-5)


OFFSETS = np.array([0, 1], np.int64)


@pytest.mark.parametrize("tokens", [[1], [[1]], np.int64([1]), np.zeros((1, 1), np.uint16), "a"])
def test_tokens_are_unsigned_and_flat(tokens: Any) -> None:
    with pytest.raises(TypeError, match=r"^expected unsigned tokens of shape \(n,\), found "):
        TokenBatch(tokens, OFFSETS)


@pytest.mark.parametrize("data", [b"a", [97], np.int8([97]), np.zeros((1, 1), np.uint8)])
def test_data_are_bytes_and_flat(data: Any) -> None:
    with pytest.raises(TypeError, match=r"^expected uint8 data of shape \(n,\), found "):
        TextBatch(data, OFFSETS)


@pytest.mark.parametrize("offsets", [[0.0, 1.0], np.int32([0, 1]), OFFSETS[None], OFFSETS[:0], 5])
def test_offsets_are_integers_and_flat(offsets: Any) -> None:
    with pytest.raises(TypeError, match=r"^expected int64 offsets of shape \(documents \+ 1,\)"):
        TextBatch(np.uint8([97]), offsets)


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([0, 2, 1], "^expected offsets that do not decrease, found 2 before 1 at document 1$"),
        ([-1, 1], "^expected offsets within 0 to 2, found -1 to 1$"),
        ([0, 3], "^expected offsets within 0 to 2, found 0 to 3$"),
    ],
)
def test_offsets_lie_within_the_data(offsets: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TokenBatch(np.uint16([1, 2]), np.array(offsets, np.int64))
