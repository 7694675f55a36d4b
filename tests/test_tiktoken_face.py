"""The face of tiktoken: against the codebook, and against tiktoken itself with the same strings."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codebook_cases import TEXT
from eqinfo.codebook import BUNDLED, Codebook
from eqinfo.errors import FormatError
from eqinfo.tokenizer import END_OF_TEXT, DecodeStream, Encoding, encoding

BEGIN = "<|begin|>"
PIECES = ["the ", "Alice", BEGIN, END_OF_TEXT, "<|end", " ", "é", "漢字", "\0", "\r\n"]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join)
allowed = st.sampled_from(["all", set(), {BEGIN}, {BEGIN, END_OF_TEXT}, {"no token"}])
disallowed = st.sampled_from(["all", (), [BEGIN], {END_OF_TEXT}, ["the"]])


@cache
def own() -> Encoding:
    return encoding(Codebook.fit(TEXT, 10), special_tokens=[BEGIN])


@cache
def theirs() -> Any:
    """Return tiktoken with single bytes, and the special tokens and their ids of `own`."""
    tiktoken = pytest.importorskip("tiktoken", reason="compares with tiktoken")
    return tiktoken.Encoding(
        "bytes",
        pat_str="(?s:.)",
        mergeable_ranks={bytes([byte]): byte + 1 for byte in range(256)},
        special_tokens={END_OF_TEXT: 0, BEGIN: 2**10},
    )


@pytest.mark.parametrize("name", BUNDLED)
def test_ids_are_those_of_the_codebook(name: str) -> None:
    codebook, enc = Codebook.bundled(name), encoding(name)
    text = "It was the best of times,\n\tdef f(x): 漢字 🙂 \x00"
    ids = codebook.encode(text).tolist()
    assert (
        enc.encode(text) == enc.encode_ordinary(text) == enc.encode_ordinary(text.encode()) == ids
    )
    assert enc.encode_batch([text, ""]) == enc.encode_ordinary_batch([text, ""]) == [ids, []]
    array = enc.encode_to_numpy(text)
    assert (array.dtype, array.tolist()) == (np.uint32, ids)
    assert enc.decode(ids) == enc.decode(array) == text
    assert enc.decode_tokens_bytes(ids) == [codebook[index] for index in ids]
    assert (enc.name, enc.n_vocab) == (name, len(codebook))


def test_an_encoding_describes_itself() -> None:
    enc = own()
    values = enc.token_byte_values()
    assert len(values) == 2**10 - 1
    assert values == sorted(values)
    assert [enc.encode_single_token(value) for value in values] == [*range(1, 2**10)]
    assert (enc.eot_token, enc.max_token_value, enc.n_vocab) == (0, 2**10, 2**10 + 1)
    assert enc.special_tokens_set == {END_OF_TEXT, BEGIN}
    assert [enc.is_special_token(index) for index in (0, 1, 2**10)] == [True, False, True]
    assert enc.encode_single_token(BEGIN) == enc.encode_single_token(BEGIN.encode()) == 2**10
    assert repr(enc) == f"<Encoding {enc.codebook.fingerprint!r}>"
    assert encoding(Codebook.bundled("en")).name == "en"


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ValueError:
        return ValueError


def joined(enc: Any, ids: Any) -> list[Any]:
    """Return special tokens as ids, and what lies between as bytes."""
    if ids is ValueError:
        return [ValueError]
    parts: list[Any] = [b""]
    for index in ids:
        if enc.is_special_token(index):
            parts += [index, b""]
        else:
            parts[-1] += enc.decode_single_token_bytes(index)
    return parts


@settings(max_examples=200, deadline=None)
@given(text=texts, allowed=allowed, disallowed=disallowed)
def test_special_tokens_are_those_of_tiktoken(text: str, allowed: Any, disallowed: Any) -> None:
    option = {"allowed_special": allowed, "disallowed_special": disallowed}
    found = outcome(lambda: own().encode(text, **option))
    expected = outcome(lambda: theirs().encode(text, **option))
    assert joined(own(), found) == joined(theirs(), expected)
    assert outcome(lambda: own().encode_batch([text], **option)) == (
        ValueError if found is ValueError else [found]
    )
    if found is not ValueError:
        assert own().encode_to_numpy(text, **option).tolist() == found
        assert own().decode(found) == theirs().decode(expected) == text
        offsets = own().decode_with_offsets(found)
        assert offsets[0] == text
        assert own().decode_batch([found, [], found]) == [text, "", text]


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=12), special=st.booleans())
def test_decoding_is_that_of_tiktoken(data: bytes, special: bool) -> None:
    tail = [0, 2**10, 0] if special else []
    mine, other = own(), theirs()
    byte_ids = [mine.encode_single_token(bytes([byte])) for byte in data] + tail
    other_ids = [byte + 1 for byte in data] + tail
    assert mine.decode_bytes(byte_ids) == other.decode_bytes(other_ids)
    assert mine.decode(byte_ids) == other.decode(other_ids)
    assert mine.decode(byte_ids, "ignore") == other.decode(other_ids, "ignore")
    assert mine.decode_tokens_bytes(byte_ids) == other.decode_tokens_bytes(other_ids)
    assert mine.decode_bytes_batch([byte_ids] * 2) == other.decode_bytes_batch([other_ids] * 2)
    try:
        expected = other.decode_with_offsets(other_ids)
    except UnicodeDecodeError:
        with pytest.raises(FormatError):
            mine.decode_with_offsets(byte_ids)
    else:
        assert mine.decode_with_offsets(byte_ids) == expected


def test_exceptions_are_those_of_tiktoken() -> None:
    for call in (
        lambda enc: enc.decode([1, 10**6]),
        lambda enc: enc.decode_single_token_bytes(10**6),
        lambda enc: enc.decode_tokens_bytes([10**6]),
        lambda enc: enc.encode_single_token("no token"),
        lambda enc: enc.encode_single_token(b"\xff\xff\xff"),
    ):
        for enc in (own(), theirs()):
            with pytest.raises(KeyError):
                call(enc)


def test_errors_say_what_to_do() -> None:
    enc = own()
    with pytest.raises(ValueError, match=r"pass allowed_special=\{'<\|begin\|>'\}"):
        enc.encode(f"a{BEGIN}")
    with pytest.raises(TypeError, match="found list; use encode_batch"):
        enc.encode(["a"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="found bytes; use encode_ordinary"):
        enc.encode(b"a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected str, found int"):
        enc.encode_batch([3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="use encode for a single text"):
        enc.encode_batch("text")
    with pytest.raises(ValueError, match="lone surrogate"):
        enc.encode("\ud800")
    assert enc.encode(f"a{BEGIN}", disallowed_special=()) == enc.encode_ordinary(f"a{BEGIN}")
    with pytest.raises(KeyError, match=r"expected a token of \w+, found 'no token'"):
        enc.encode_single_token("no token")
    with pytest.raises(KeyError, match="document 1, id 0: expected one of 1025 ids, found 2000"):
        enc.decode_batch([[5], [2000]])
    with pytest.raises(KeyError, match="id 1: expected one of 1025 ids, found -1"):
        enc.decode([5, -1])
    with pytest.raises(TypeError, match="expected integer ids"):
        enc.decode([0.5])  # type: ignore[list-item]
    for nested in ([[5, 6], [7, 8]], np.array([[5, 6], [7, 8]]), [[5], [6, 7]]):
        for call in (enc.decode, enc.decode_with_offsets, lambda ids: enc.decode_batch([ids])):
            with pytest.raises(ValueError, match=r"^expected ids of shape \(n,\), found"):
                call(nested)  # half of them would be left out
    for one in (BEGIN, [b"a"], [5]):
        with pytest.raises(TypeError, match=r"^expected a list of str as special tokens, found"):
            encoding("en", special_tokens=one)  # type: ignore[arg-type]
    for tokens in ([""], [BEGIN, BEGIN], [END_OF_TEXT]):
        with pytest.raises(ValueError, match="special tokens that are not empty and differ"):
            encoding("en", special_tokens=tokens)


@pytest.mark.parametrize("enc", [encoding("en", special_tokens=[BEGIN]), own()])
def test_copies_are_equal(enc: Encoding) -> None:
    text = f"the cat{BEGIN}"
    for other in (pickle.loads(pickle.dumps(enc)), copy.deepcopy(enc)):
        assert other.name == enc.name
        assert other.encode(text, allowed_special="all") == enc.encode(text, allowed_special="all")
    assert len(pickle.dumps(encoding("en"))) < 200


def test_many_special_tokens() -> None:
    tokens = [f"<|extra_{n}|>" for n in range(3000)]
    enc = encoding("en", special_tokens=tokens)
    assert enc.encode("the" + tokens[-1], allowed_special="all")[-1] == 2**16 + 2999
    with pytest.raises(ValueError, match="extra_12"):
        enc.encode("the <|extra_12|>")
    assert enc.decode([2**16, 0, 2**16 + 2999]) == tokens[0] + END_OF_TEXT + tokens[-1]


def test_ids_are_those_of_the_hugging_face_tokenizer() -> None:
    pytest.importorskip("transformers", reason="needs the extra hf")
    from eqinfo.tokenizer import from_codebook

    tokens = [BEGIN, "<|user|>"]
    enc = encoding("en", special_tokens=tokens)
    tokenizer = from_codebook("en", extra_special_tokens=tokens)
    text = f"{BEGIN}one<|user|>two{END_OF_TEXT}"
    assert enc.encode(text, allowed_special="all") == tokenizer(text).input_ids
    assert enc.n_vocab == len(tokenizer)


def test_one_id_is_no_sequence() -> None:
    enc = encoding("en-4k")
    for call in (enc.decode, enc.decode_bytes, lambda ids: enc.decode_batch([[1], ids])):
        with pytest.raises(TypeError, match=r"^expected a sequence of ids, found int; put a"):
            call(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [int, np.int64, np.uint16])
def test_streams_need_no_hugging_face_tokenizer(kind: type) -> None:
    text = "naïve 漢字 \U0001f389"
    codebook = Codebook.bundled("en-4k")
    for source in (codebook, encoding(codebook)):
        stream = DecodeStream(source)
        steps = [stream.step(kind(index)) for index in codebook.encode(text)]
        assert "漢" in steps
        assert "".join(steps) + stream.finish() == text
        assert stream.step(codebook.encode(text)) == text
    with pytest.raises(TypeError, match=r"Codebook, found str; use from_codebook\(...\) or enc"):
        DecodeStream("en")  # type: ignore[arg-type]
