"""How a tokenizer begins: a backend that is made when it is needed, and columns of texts."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from codebook_cases import TEXT
from eqinfo.codebook import Codebook

pytest.importorskip("transformers", reason="needs the extra hf")

from eqinfo.tokenizer import EqinfoTokenizer, export_tokenizer, from_codebook, hugging_face

TEXTS = ["one text", "", "another, naïve one"]


@cache
def codebook() -> Codebook:
    return Codebook.fit(TEXT, 10)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every backend whose expression was made."""
    made: list[object] = []
    add = hugging_face.add_longest_match

    def counted(*arguments: Any) -> None:
        made.append(arguments[0])
        add(*arguments)

    monkeypatch.setattr(hugging_face, "add_longest_match", counted)
    return made


def test_native_calls_need_no_backend(made: list[object]) -> None:
    tokenizer = from_codebook(codebook(), extra_special_tokens=["<|user|>"])
    batch = tokenizer(TEXTS, padding=True, return_tensors="np")
    assert tokenizer.decode(batch.input_ids[2], skip_special_tokens=True) == TEXTS[2]
    assert len(tokenizer) == tokenizer.convert_tokens_to_ids("<|user|>") + 1 == 1025
    assert tokenizer.pad_token_id == 0
    assert tokenizer.convert_tokens_to_ids("no such token") is None
    assert not made


@pytest.mark.parametrize(
    "use",
    [
        lambda tokenizer: tokenizer.backend_tokenizer,
        lambda tokenizer: tokenizer._tokenizer,
        lambda tokenizer: tokenizer("a", "b"),
        lambda tokenizer: tokenizer(["a", "b"], is_split_into_words=True),
        pickle.dumps,
        copy.deepcopy,
    ],
)
def test_the_backend_is_complete_for_other_uses(
    use: Callable[[EqinfoTokenizer], object], made: list[object]
) -> None:
    tokenizer = from_codebook(codebook())
    plain = export_tokenizer(codebook())
    use(tokenizer)
    use(tokenizer)
    assert len(made) == 1
    assert tokenizer.backend_tokenizer.encode(TEXTS[2]).ids == plain.encode(TEXTS[2]).ids


def test_a_pickle_does_not_depend_on_use() -> None:
    """Caches of the package datasets are found by it."""
    fresh, used = from_codebook(codebook()), from_codebook(codebook())
    used(TEXTS)
    used("a", "b")
    assert pickle.dumps(fresh) == pickle.dumps(used)


@pytest.mark.parametrize(
    "kind", ["array", "dictionary", "chunked", "scalars", "numpy", "pandas", "polars"]
)
def test_columns_of_texts(kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    columns: dict[str, Callable[[], Any]] = {
        "array": lambda: pa.array(TEXTS),
        "dictionary": lambda: pa.array(TEXTS, pa.large_string()).dictionary_encode(),
        "chunked": lambda: pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
        "scalars": lambda: list(pa.array(TEXTS)),
        "numpy": lambda: np.array(TEXTS),
        "pandas": lambda: pytest.importorskip("pandas").Series(TEXTS),
        "polars": lambda: pytest.importorskip("polars").Series(TEXTS),
    }
    tokenizer = from_codebook(codebook())
    column = columns[kind]()
    assert tokenizer(column).input_ids == tokenizer(TEXTS).input_ids
    pairs = tokenizer(TEXTS, column, return_offsets_mapping=True)
    assert pairs.data == tokenizer(TEXTS, TEXTS, return_offsets_mapping=True).data


def test_columns_that_are_not_texts() -> None:
    pa = pytest.importorskip("pyarrow")
    tokenizer = from_codebook(codebook())
    with pytest.raises(ValueError, match="expected no nulls, found one in row 1"):
        tokenizer(pa.array(["a", None]))
    with pytest.raises(TypeError, match="expected an Arrow array of strings or binary"):
        tokenizer(pa.array([1, 2]))
