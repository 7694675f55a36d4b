"""How a tokenizer begins: a backend that is made when it is needed, and columns of texts."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from codebook_cases import TEXT
from eqinfo.codebook import Codebook

pytest.importorskip("transformers", reason="needs the extra hf")
tokenizers = pytest.importorskip("tokenizers", reason="needs the extra hf")

from eqinfo.tokenizer import (  # noqa: E402
    EqinfoTokenizer,
    backend,
    export_tokenizer,
    from_codebook,
)
from eqinfo.tokenizer.special import SEARCHED_AT_ONCE, finder_of  # noqa: E402

TEXTS = ["one text", "", "another, naïve one"]


@cache
def codebook() -> Codebook:
    return Codebook.fit(TEXT, 10)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every backend whose expression was made."""
    made: list[object] = []
    add = backend.add_longest_match

    def counted(*arguments: Any) -> None:
        made.append(arguments[0])
        add(*arguments)

    monkeypatch.setattr(backend, "add_longest_match", counted)
    return made


def test_native_calls_need_no_backend(made: list[object]) -> None:
    tokenizer = from_codebook(codebook(), extra_special_tokens=["<|user|>"])
    batch = tokenizer(TEXTS, padding=True, return_tensors="np")
    assert tokenizer.decode(batch.input_ids[2], skip_special_tokens=True) == TEXTS[2]
    assert len(tokenizer) == tokenizer.convert_tokens_to_ids("<|user|>") + 1 == 1025
    assert tokenizer.pad_token_id == 0
    assert tokenizer.convert_tokens_to_ids("no such token") is None
    assert tokenizer.add_tokens(["cat"]) == 1
    assert tokenizer("cat").input_ids == [1025]
    assert "cat" in repr(pickle.loads(pickle.dumps(copy.deepcopy(tokenizer))))
    assert not made


@pytest.mark.parametrize(
    "use",
    [
        lambda tokenizer: tokenizer.backend_tokenizer,
        lambda tokenizer: tokenizer._tokenizer,
        lambda tokenizer: tokenizer("a", "b"),
        lambda tokenizer: tokenizer(["a", "b"], is_split_into_words=True),
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


def use_in_every_way(tokenizer: EqinfoTokenizer) -> None:
    tokenizer(TEXTS)
    tokenizer("a", "b", truncation=True, max_length=4)
    tokenizer(["a", "b b"], ["c", "d"], padding=True)
    tokenizer.decode(tokenizer.backend_tokenizer.encode("a").ids)


def test_a_pickle_does_not_depend_on_use() -> None:
    fresh, used = from_codebook(codebook()), from_codebook(codebook())
    use_in_every_way(used)
    assert pickle.dumps(fresh) == pickle.dumps(used)


PROGRAM = """
from datasets.fingerprint import Hasher
from eqinfo.tokenizer import from_codebook
print(Hasher.hash(from_codebook("en-4k", extra_special_tokens=["<|user|>"]).encode_arrow))
"""


def test_caches_of_datasets_are_found(made: list[object]) -> None:
    """In another process, too, and whatever the tokenizer has been used for."""
    fingerprint = pytest.importorskip("datasets.fingerprint", reason="needs the package datasets")
    tokenizer = from_codebook("en-4k", extra_special_tokens=["<|user|>"])
    found = fingerprint.Hasher.hash(tokenizer.encode_arrow)
    assert not made
    use_in_every_way(tokenizer)
    assert fingerprint.Hasher.hash(tokenizer.encode_arrow) == found
    command = [sys.executable, "-c", PROGRAM]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == found
    tokenizer.add_tokens(["<|tool|>"])
    assert fingerprint.Hasher.hash(tokenizer.encode_arrow) != found


def test_pickles_of_bundled_codebooks_are_short() -> None:
    tokenizer = from_codebook("en-4k", extra_special_tokens=["<|user|>"])
    stored = pickle.dumps(tokenizer)
    assert len(stored) < 3000
    assert pickle.loads(stored).codebook is tokenizer.codebook


def test_a_pickle_has_a_backend_that_was_changed() -> None:
    tokenizer = from_codebook(codebook())
    tokenizer.backend_tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    tokenizer.native = False
    loaded = pickle.loads(pickle.dumps(tokenizer))
    assert loaded.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    whole = EqinfoTokenizer(codebook=codebook(), tokenizer_object=export_tokenizer(codebook()))
    again = pickle.loads(pickle.dumps(whole))
    assert again.backend_tokenizer.to_str() == whole.backend_tokenizer.to_str()


def test_a_backend_that_is_set_stays() -> None:
    tokenizer = from_codebook(codebook())
    plain = export_tokenizer(codebook())
    plain.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    tokenizer._tokenizer = plain
    assert tokenizer.backend_tokenizer.to_str() == plain.to_str()


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


def test_arrow_columns_are_flat_unless_they_have_added_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pa = pytest.importorskip("pyarrow")
    tokens = ["<tool>", "[end]", "naïf"]  # which have no common prefix
    tokenizer = from_codebook(codebook(), extra_special_tokens=tokens)
    rows = [*TEXTS, "<tools>", *tokens, "< [end]"]
    column = pa.chunked_array([rows[:2], rows[2:]]).combine_chunks()
    expected = tokenizer(rows).input_ids
    assert tokenizer.encode_arrow(pa.table({"text": column}))["input_ids"].to_pylist() == expected

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("lists are slow")

    monkeypatch.setattr(EqinfoTokenizer, "__call__", refuse)
    for begin in range(len(rows)):  # slices of one buffer
        table = pa.table({"text": column[begin : begin + 1]})
        if any(token in rows[begin] for token in tokens):
            with pytest.raises(AssertionError, match="slow"):
                tokenizer.encode_arrow(table)
        else:
            ids = tokenizer.encode_arrow(table)["input_ids"]
            assert ids.to_pylist() == expected[begin : begin + 1]


@pytest.mark.parametrize("tokens", [["<tool>"], ["<tool>", "<tools>", "naïf"], ["]"]])
def test_added_tokens_are_found_anywhere_in_a_column(tokens: list[str]) -> None:
    """At both ends, and across the places where a search of long columns goes on."""
    finder = finder_of(frozenset(tokens))
    plain = "a <too much <<t> na\u00efve [".encode() * (2 * SEARCHED_AT_ONCE // 25)
    assert not finder.is_in_bytes(np.frombuffer(plain, np.uint8))
    for token in (token.encode() for token in tokens):
        places = [0, len(plain) - len(token), len(plain) // 2]
        places += [SEARCHED_AT_ONCE - back for back in range(len(token) + 1)]
        for place in places:
            data = np.frombuffer(plain[:place] + token + plain[place + len(token) :], np.uint8)
            assert finder.is_in_bytes(data)
            cut = data[: place + len(token) - 1]
            assert finder.is_in_bytes(cut) == any(t.encode() in cut.tobytes() for t in tokens)


def test_columns_that_are_not_texts() -> None:
    pa = pytest.importorskip("pyarrow")
    tokenizer = from_codebook(codebook())
    with pytest.raises(ValueError, match="expected no nulls, found one in row 1"):
        tokenizer(pa.array(["a", None]))
    with pytest.raises(TypeError, match="expected an Arrow array of strings or binary"):
        tokenizer(pa.array([1, 2]))
