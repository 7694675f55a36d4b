"""Truncation encodes no more of a text than it leaves, with the ids of the whole text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codebook_cases import TEXT
from eqinfo.codebook import Codebook
from eqinfo.common.batch import TokenBatch

REASON = "needs the extra hf"
pytest.importorskip("transformers", reason=REASON)
pytest.importorskip("tokenizers", reason=REASON)

from eqinfo.tokenizer import from_codebook  # noqa: E402
from eqinfo.tokenizer.heads import encode_heads  # noqa: E402
from tokenizer_cases import codebook, pair  # noqa: E402

WORDS = ["the ", "Alice", "and ", "x" * 300, " " * 900, "\n", "漢字", "é", "🙂", "z"]
LONG = TEXT.decode() * 2
RUNS = Codebook.fit([b" " * 5000, TEXT], 10)  # has long strings of spaces
texts = st.lists(st.sampled_from([*WORDS, LONG[:3000]]), max_size=12).map("".join)


@settings(max_examples=100, deadline=None)
@given(documents=st.lists(texts, max_size=4), size=st.integers(1, 40), runs=st.booleans())
def test_the_ids_of_heads_are_those_of_the_texts(
    documents: list[str], size: int, runs: bool
) -> None:
    table = RUNS if runs else codebook()
    heads, batch = encode_heads(table, documents, size, 1)
    for document, head, ids in zip(documents, heads, batch, strict=True):
        assert document.startswith(head)
        assert ids[:size].tolist() == table.encode(document)[:size].tolist()


def test_heads_are_short() -> None:
    """Unless a text is of few windows."""
    heads, batch = encode_heads(RUNS, [LONG, " " * 5000], 4, 1)
    assert len(heads[0]) < len(LONG) / 2
    assert len(heads[1]) == 4 * RUNS.max_length
    assert len(batch[1]) == 4


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("options", [{}, {"padding": True}, {"return_offsets_mapping": True}])
def test_truncated_calls(side: str, options: dict[str, Any]) -> None:
    native, backend = pair("plain")
    native.truncation_side = backend.truncation_side = side
    for text in ([LONG[:2500], "", "the cat"], LONG[:2500], LONG[:6000]):
        found = native(text, truncation=True, max_length=7, **options)
        expected = backend(text, truncation=True, max_length=7, **options)
        assert dict(found) == dict(expected)
        assert found.tokens() == expected.tokens()


def test_the_limit_of_the_tokenizer() -> None:
    tokenizer = from_codebook(codebook(), model_max_length=5)
    ids = codebook().encode(LONG).tolist()
    assert tokenizer(LONG, truncation=True).input_ids == ids[:5]
    assert tokenizer([LONG, ""], truncation=True, max_length=6).input_ids == [ids[:6], []]
    unlimited = from_codebook(codebook())
    assert unlimited(LONG, truncation=True).input_ids == ids
    assert unlimited(LONG, truncation=False).input_ids == ids


def test_lists_of_the_first_ids() -> None:
    batch = TokenBatch(np.arange(9, dtype=np.uint16), np.array([0, 3, 3, 9]))
    assert codebook().lists(batch, 2) == [[0, 1], [], [3, 4]]
    assert codebook().lists(batch, 0) == [[], [], []]
    with pytest.raises(ValueError, match="expected at least 0 numbers per row, found -1"):
        codebook().lists(batch, -1)


def test_a_side_is_left_or_right() -> None:
    tokenizer = from_codebook("en-4k")
    for text in ("It was", ["It was the best", "a"]):
        with pytest.raises(ValueError, match=r"^expected a padding_side of .*, found 'middle'$"):
            tokenizer(text, padding=True, padding_side="middle")
    tokenizer.truncation_side = "middle"
    assert tokenizer("It was")["input_ids"]
    for text in ("It was", ["It was the best", "a"]):
        for options in ({}, {"return_token_type_ids": True}):
            with pytest.raises(ValueError, match=r"^expected a truncation_side of .* 'middle'$"):
                tokenizer(text, truncation=True, max_length=2, **options)
