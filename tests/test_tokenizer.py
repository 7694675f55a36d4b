"""The tokenizer for transformers: the native path against the backend, and common uses."""

from __future__ import annotations

import json
import pickle
import re
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codebook_cases import TEXT
from eqinfo.codebook import Codebook

REASON = "needs the extra hf"
transformers = pytest.importorskip("transformers", reason=REASON)
tokenizers = pytest.importorskip("tokenizers", reason=REASON)

from eqinfo.errors import FormatError  # noqa: E402
from eqinfo.tokenizer import END_OF_TEXT, DecodeStream, EqinfoTokenizer, from_codebook  # noqa: E402
from eqinfo.tokenizer.batch_encoding import NativeBatchEncoding  # noqa: E402
from eqinfo.tokenizer.encoded_text import (  # noqa: E402
    AddedTokens,
    truncation_parts,
    word_numbers,
)
from tokenizer_cases import CHAT, KINDS, PIECES, codebook, make, pair  # noqa: E402

texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)
inputs = texts | st.lists(texts, min_size=1, max_size=4)
options = st.fixed_dictionaries(
    {},
    optional={
        "padding": st.sampled_from([True, False, "max_length"]),
        "padding_side": st.sampled_from(["left", "right"]),
        "pad_to_multiple_of": st.just(4),
        "truncation": st.sampled_from([True, "only_first", False]),
        "stride": st.integers(0, 3),
        "return_tensors": st.just("np"),
        **{
            name: st.booleans()
            for name in (
                "add_special_tokens",
                "return_token_type_ids",
                "return_attention_mask",
                "return_overflowing_tokens",
                "return_special_tokens_mask",
                "return_offsets_mapping",
                "return_length",
                "split_special_tokens",
            )
        },
    },
)


def plain_data(batch: Any) -> dict[str, Any]:
    return {
        name: (value.shape, value.tolist()) if isinstance(value, np.ndarray) else value
        for name, value in batch.items()
    }


def state(encoding: Any) -> dict[str, Any]:
    """Return all that an encoding holds, overflow included."""
    found: dict[str, Any] = json.loads(encoding.__getstate__())
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["left", "right"])
@settings(max_examples=60, deadline=None)
@given(text=inputs, option=options, max_length=st.sampled_from([8, 12, 20]))
@pytest.mark.filterwarnings("ignore")
def test_the_native_path_equals_the_backend(
    kind: str, side: str, text: Any, option: dict[str, Any], max_length: int
) -> None:
    if option.get("return_tensors"):
        option = {**option, "padding": "max_length", "truncation": True}
    native, backend = pair(kind)
    native.truncation_side = backend.truncation_side = side
    found = native(text, max_length=max_length, **option)
    expected = backend(text, max_length=max_length, **option)
    assert list(found) == list(expected)
    assert plain_data(found) == plain_data(expected)
    assert list(map(state, found.encodings)) == list(map(state, expected.encodings))
    assert found.n_sequences == expected.n_sequences


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(text=inputs)
def test_calls_without_any_option(kind: str, text: Any) -> None:
    native, backend = pair(kind)
    found = native(text)
    assert dict(found) == dict(backend(text))
    if kind != "stripping":
        assert isinstance(found, NativeBatchEncoding)
    if isinstance(text, str):
        assert native.encode(text) == backend.encode(text) == found["input_ids"]


def test_ids_are_those_of_the_codebook() -> None:
    tokenizer, _ = pair("plain")
    text = TEXT.decode() * 3
    assert tokenizer(text).input_ids == codebook().encode(text).tolist()
    threads = from_codebook(codebook(), num_threads=2)
    assert threads([text, "the cat"]).input_ids == tokenizer([text, "the cat"]).input_ids
    assert len(tokenizer) == tokenizer.vocab_size == 2**10
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == 0
    assert tokenizer(f"a{END_OF_TEXT}").input_ids == [*codebook().encode("a"), 0]
    assert pair("added")[0].convert_tokens_to_ids("<|begin|>") == 2**10


def test_inputs_that_are_the_backends() -> None:
    native, backend = pair("framed")
    for of in (native, backend):
        of.truncation_side = "right"
    calls: list[tuple[Any, ...]] = [("one", "other"), (["a b", "c"], ["d", ""]), ([("a", "b")],)]
    for call in calls:
        for option in ({}, {"truncation": True, "max_length": 5}):
            assert dict(native(*call, **option)) == dict(backend(*call, **option))
    assert native(["a", "bc"], is_split_into_words=True).word_ids() == [None, 0, 1, 1, None]
    assert dict(native("one", "")) == dict(native("one"))


def test_alignment_is_made_when_asked_for() -> None:
    native, backend = pair("framed")
    text = "the naïve 漢字 cat"
    found, expected = native([text]), backend([text])
    assert found.is_fast
    assert found.tokens() == expected.tokens()
    assert found.sequence_ids() == expected.sequence_ids()
    assert found.char_to_token(10) == expected.char_to_token(10)
    loaded = pickle.loads(pickle.dumps(native([text])))
    assert dict(loaded) == dict(expected)
    assert not loaded.is_fast


def test_added_tokens_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = make("added")
    tokenizer.add_tokens([f"<|extra_{n}|>" for n in range(3000)])
    lookups = []
    of = AddedTokens.of
    monkeypatch.setattr(AddedTokens, "of", lambda tokens: lookups.append(1) or of(tokens))
    for _ in range(3):
        ids = tokenizer("the <|extra_2999|>cat").input_ids
        assert tokenizer.decode(ids) == "the <|extra_2999|>cat"
        assert "".join(map(DecodeStream(tokenizer, skip_special_tokens=True).step, ids))
    assert len(lookups) == 1
    tokenizer.add_tokens(["<|extra"])
    assert "<|extra" in tokenizer.tokenize("a<|extra_x")
    assert len(lookups) == 2


def test_tokens_added_to_the_backend_are_found() -> None:
    tokenizer = make("added")
    backend = tokenizer.backend_tokenizer
    for token in ("<|one|>", "<|two|>"):
        assert len(tokenizer(token).input_ids) > 1
        backend.add_special_tokens([token])
        assert tokenizer(token).input_ids == [backend.token_to_id(token)]
        assert tokenizer.decode(tokenizer(token).input_ids, skip_special_tokens=True) == ""


words_of_few_letters = st.text("ab.", min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    tokens=st.lists(words_of_few_letters, min_size=1, max_size=40, unique=True),
    text=st.text("ab.c", max_size=40),
)
def test_many_added_tokens_match_longest_first(tokens: list[str], text: str) -> None:
    added = AddedTokens.of({n: transformers.AddedToken(token) for n, token in enumerate(tokens)})
    plain = re.compile(f"({'|'.join(map(re.escape, sorted(tokens, key=len, reverse=True)))})")
    assert added.split(text) == plain.split(text)


def test_added_tokens_that_are_deep() -> None:
    tokens = {n: transformers.AddedToken("a" * (n + 1)) for n in range(2000)}
    assert AddedTokens.of(tokens).split("b" + "a" * 1500 + "b") == ["b", "a" * 1500, "b"]


def test_word_ids_number_words() -> None:
    tokenizer, _ = pair("added")
    text = "the cat, naïve 漢字<|end|>sat newword on  it's"
    for native in (True, False):
        of = make("added")
        of.native = native
        batch = of(text)
        words = [text[slice(*batch.word_to_chars(n))] for n in range(batch.word_ids()[-1] + 1)]
        assert "".join(words) == text
        assert words[-4:] == [" ", "newword", " on", "  it's"]
        assert "<|end|>" in words
        assert len(words) < len(batch.input_ids)
        for number, chars in enumerate(words):
            tokens = [i for i, n in enumerate(batch.word_ids()) if n == number]
            assert tokenizer.decode([batch.input_ids[i] for i in tokens]) == chars
    pairs = tokenizer([text, "a"], ["on the bank", "to do"], return_tensors=None)
    first = pairs.sequence_ids(0).index(1)
    assert pairs.word_ids(0)[:first] == tokenizer(text).word_ids()
    assert pairs.word_ids(0)[first:] == tokenizer("on the bank").word_ids()
    assert pairs.n_sequences == 2
    split = tokenizer(["the cat", "sat"], is_split_into_words=True)
    assert set(split.word_ids()) == {0, 1}
    assert tokenizer("").word_ids() == []


def test_a_token_of_several_words_belongs_to_the_first() -> None:
    numbers = word_numbers("of the cat", np.array([0, 4, 8]), np.zeros(3, np.bool_))
    assert numbers.tolist() == [0, 1, 2]
    numbers = word_numbers("of the cat", np.array([0, 8, 9]), np.zeros(3, np.bool_))
    assert numbers.tolist() == [0, 1, 1]


def change_added(tokenizer: EqinfoTokenizer) -> None:
    tokenizer.add_tokens(["the cat"])


def change_added_of_the_backend(tokenizer: EqinfoTokenizer) -> None:
    tokenizer.backend_tokenizer.add_special_tokens(["the cat"])


def change_normalizer(tokenizer: EqinfoTokenizer) -> None:
    tokenizer.backend_tokenizer.normalizer = tokenizers.normalizers.Replace("cat", "sister")


def change_sides(tokenizer: EqinfoTokenizer) -> None:
    tokenizer.padding_side = tokenizer.truncation_side = "left"


def change_special_tokens(tokenizer: EqinfoTokenizer) -> None:
    tokenizer.add_bos_token = tokenizer.add_eos_token = False
    tokenizer.pad_token = "<|end|>"
    tokenizer._pad_token_type_id = 1
    tokenizer.split_special_tokens = True


def change_path(tokenizer: EqinfoTokenizer) -> None:
    tokenizer.native = False
    tokenizer.num_threads = 0
    tokenizer.codebook = Codebook.fit(b"", 9)


@pytest.mark.parametrize(
    "change",
    [
        change_added,
        change_added_of_the_backend,
        change_normalizer,
        change_sides,
        change_special_tokens,
        change_path,
    ],
)
def test_alignment_is_that_of_the_call(change: Any) -> None:
    options = {"padding": "max_length", "truncation": True, "max_length": 12, "stride": 1}
    texts = ["the cat <|end|> sat by her sister on the bank", "the cat"]
    calls: list[dict[str, Any]] = [options, {}, {**options, "return_overflowing_tokens": True}]
    tokenizer, before = make("framed"), make("framed")
    given = list(texts)
    found = [tokenizer(given, **call) for call in calls]
    change(tokenizer)
    tokenizer("other", truncation=True, max_length=4)
    given[:] = ["changed"]
    for batch, call in zip(found, calls, strict=True):
        expected = before(texts, **call)
        assert isinstance(batch, NativeBatchEncoding)
        assert batch.encodings is batch.encodings  # made once
        assert list(map(state, batch.encodings)) == list(map(state, expected.encodings))
        assert [e.ids for e in batch.encodings] == batch.input_ids
        assert [e.attention_mask for e in batch.encodings] == batch.attention_mask


def test_too_small_a_max_length_is_an_error() -> None:
    tokenizer, _ = pair("framed")
    with pytest.raises(ValueError, match="more than 4, for 2 special tokens and a stride of 2"):
        tokenizer("the cat", truncation=True, max_length=4, stride=2)
    with pytest.raises(ValueError, match="more than 2, for 2 special tokens and a stride of 0"):
        tokenizer("the cat", truncation=True, max_length=1)
    # Without room for text, the backend leaves the special tokens.
    assert len(tokenizer("the cat", truncation=True, max_length=2).input_ids) == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("pad_to_multiple_of", {"padding": True}),
        ("max_length", {"padding": "max_length"}),
        ("max_length", {"truncation": True}),
        ("stride", {"truncation": True, "max_length": 4, "return_overflowing_tokens": True}),
    ],
)
def test_sizes_are_no_negative_numbers(name: str, options: dict[str, Any]) -> None:
    """A negative stride would leave out tokens between the parts of a text."""
    tokenizer, _ = pair("plain")
    with pytest.raises(ValueError, match=f"^expected {name} of 0 to .* found -1$"):
        tokenizer(["the cat and the bank"], **options, **{name: -1})
    with pytest.raises(TypeError, match=f"^expected an integer for {name}, found float$"):
        tokenizer(["the cat and the bank"], **options, **{name: 1.5})


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_added_tokens_that_cut_more_than_themselves(flag: str) -> None:
    native, backend = make("plain"), make("plain")  # not those of other tests
    backend.native = False
    for tokenizer in (native, backend):
        tokenizer.add_tokens([transformers.AddedToken("<x>", **{flag: True})])
    for text in ("the <x> cat", "the<x>cat"):
        assert native(text).input_ids == backend(text).input_ids


def test_a_pickled_batch_has_the_encodings_that_were_made() -> None:
    batch = pair("plain")[0](["the cat"])
    without = pickle.loads(pickle.dumps(batch))
    assert without.encodings is None
    assert not without.is_fast
    assert batch.encodings[0].ids == batch.input_ids[0]
    made = pickle.loads(pickle.dumps(batch))
    assert made.is_fast
    assert made.encodings[0].ids == batch.input_ids[0]


def test_wrong_inputs() -> None:
    tokenizer, _ = pair("plain")
    with pytest.raises(ValueError, match=r"lone surrogate U\+D800 at index 1"):
        tokenizer("a\ud800")
    with pytest.raises(ValueError, match="text input must be"):
        tokenizer(3)
    for native in (True, False):
        tokenizer.native = native
        for texts in ([None, "a"], ["b", None], ["b", float("nan")]):
            with pytest.raises(TypeError, match=r'^text \d: expected str, found .*give ""$'):
                tokenizer(texts)
        with pytest.raises(TypeError, match=r"^text 1: expected str, found bytes$"):
            tokenizer(["b", b"a"], padding=True, max_length=9, truncation=True)
    tokenizer.native = True
    with pytest.raises(ValueError, match="'é', which spells b'\\\\xe9'"):
        make("plain").add_tokens(["é"])
    assert make("plain").add_tokens(["t"]) in (0, 1)  # spells itself
    with pytest.raises(FormatError, match=r"expected codebook\.safetensors beside tokenizer\.json"):
        EqinfoTokenizer()


ids = st.lists(st.integers(0, 2**10 + 5), max_size=30)


@settings(max_examples=60, deadline=None)
@given(ids=ids, skip=st.booleans())
def test_decoding_equals_the_backend_and_streams(ids: list[int], skip: bool) -> None:
    native, backend = pair("added")
    text = native.decode(ids, skip_special_tokens=skip)
    assert text == backend.decode(ids, skip_special_tokens=skip)
    assert native.batch_decode([ids, ids[:3]], skip_special_tokens=skip)[0] == text
    assert native.decode(np.array(ids, np.int64), skip_special_tokens=skip) == text
    stream = DecodeStream(native, skip_special_tokens=skip)
    steps = [stream.step(index) for index in ids]
    assert "".join(steps) + stream.finish() == text
    assert "".join([stream.step(ids), stream.finish()]) == text


@settings(max_examples=60, deadline=None)
@given(text=texts)
def test_a_stream_never_gives_half_a_character(text: str) -> None:
    tokenizer, _ = pair("added")
    stream = DecodeStream(tokenizer)
    done = ""
    for index in tokenizer.encode(text):
        done += stream.step(index)
        assert text.startswith(done)
    assert done == text
    assert stream.finish() == ""


batches = st.lists(ids, max_size=4)


@settings(max_examples=60, deadline=None)
@given(batch=batches, skip=st.booleans(), clean=st.sampled_from([None, True, False]))
def test_lists_decode_as_their_sequences_do(
    batch: list[list[int]], skip: bool, clean: bool | None
) -> None:
    """With one call of the codebook, and id 0, added and unknown ids anywhere."""
    native, backend = pair("added")
    option = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
    found = native.batch_decode(batch, **option)
    assert found == backend.batch_decode(batch, **option)
    assert found == [native.decode(np.array(ids, np.int64), **option) for ids in batch]
    assert native.decode([*batch, [5]], **option)[:-1] == found


def test_lists_that_are_no_ids() -> None:
    tokenizer, _ = pair("plain")
    for bad, error in ([5.5], TypeError), ([5, -100], ValueError):
        with pytest.raises(error):
            tokenizer.batch_decode([[1], bad])
    assert tokenizer.batch_decode([]) == []
    assert tokenizer.batch_decode([[], []]) == ["", ""]
    arrays = np.array([[1, 2], [3, 0]])
    assert tokenizer.batch_decode(arrays) == tokenizer.batch_decode(arrays.tolist())


@pytest.mark.parametrize(
    "option", [{}, {"return_attention_mask": False}, {"add_special_tokens": False}]
)
@pytest.mark.parametrize("text", ["the cat", "", "naïve <|end|> cat", ["the cat", ""], ["<|end|>"]])
def test_plain_calls_equal_calls_with_options(text: Any, option: dict[str, Any]) -> None:
    tokenizer = make("added")
    found = tokenizer(text, **option)
    expected = tokenizer(text, None, return_length=False, **option)
    assert dict(found) == dict(expected)
    assert found.n_sequences == expected.n_sequences == 1
    assert list(map(state, found.encodings)) == list(map(state, expected.encodings))
    assert dict(pickle.loads(pickle.dumps(found))) == dict(expected)
    for names in (["input_ids"], ["input_ids", "token_type_ids", "attention_mask"]):
        tokenizer.model_input_names = names
        assert list(tokenizer(text)) == list(tokenizer(text, return_length=False))


@pytest.mark.parametrize(
    "change", [change_added, change_added_of_the_backend, change_normalizer, change_special_tokens]
)
def test_plain_calls_follow_changes(change: Any) -> None:
    tokenizer = make("added")
    for _ in range(2):
        for text in ("the cat and <|end|>", ["the cat", "and the bank"]):
            assert dict(tokenizer(text)) == dict(tokenizer(text, return_length=False))
        change(tokenizer)


def test_a_plain_call_warns_of_long_texts(caplog: pytest.LogCaptureFixture) -> None:
    for text in ("the cat and the bank", ["", "the cat and the bank"]):
        tokenizer = make("plain")
        tokenizer.model_max_length = 2
        tokenizer(text, truncation=True, max_length=3)  # as asked for
        assert not tokenizer.deprecation_warnings
        tokenizer(text)
        assert tokenizer.deprecation_warnings


def test_ids_that_are_none() -> None:
    tokenizer, _ = pair("plain")
    for bad in (2**10, -100):
        with pytest.raises(ValueError, match=f"id 1: expected one of 1024 ids, found {bad}"):
            tokenizer.decode_bytes([5, bad])
    with pytest.raises(ValueError, match="id 1: expected an id of 0 or more, found -100; leave"):
        tokenizer.decode([5, -100])
    for of in (tokenizer.decode, tokenizer.decode_bytes):
        with pytest.raises(TypeError, match="expected integer ids, found float64"):
            of([5, 1.5])
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode(tokenizer("the cat")) == "the cat"


@pytest.mark.parametrize("nested", [[[5, 6], [7, 8]], [[5], [6, 7]], np.array([[5, 6], [7, 8]])])
def test_nested_ids_are_no_sequence(nested: Any) -> None:
    """Half of them would be left out."""
    tokenizer, _ = pair("plain")
    message = r"^expected ids of shape \(n,\), found .*; decode several sequences with batch_decode"
    for call in (tokenizer.decode_bytes, tokenizer.drop_unknown, DecodeStream(tokenizer).step):
        with pytest.raises(ValueError, match=message):
            call(nested)
    for call in (tokenizer.decode, tokenizer.batch_decode):
        with pytest.raises(ValueError, match=message):
            call([list(nested), [5, 6]])


@pytest.mark.parametrize("kind", ["plain", "added"])
def test_ids_beyond_the_table_are_left_out(kind: str) -> None:
    native, backend = pair(kind)
    cat = native.encode("the cat")
    ids = [2**31, *cat[:2], len(native), len(native) + 50, *cat[2:], 2**32 - 1]
    for skip in (False, True):
        assert native.decode(ids, skip_special_tokens=skip) == "the cat"
        assert backend.decode(ids, skip_special_tokens=skip) == "the cat"
    assert native.batch_decode([ids, [2**20]]) == ["the cat", ""]
    assert native.decode(len(native)) == ""
    stream = DecodeStream(native)
    assert "".join(map(stream.step, ids)) + stream.finish() == "the cat"
    assert DecodeStream(native).step(ids) == "the cat"


def test_padding_of_its_own_keeps_the_end_of_a_document_in_labels() -> None:
    pytest.importorskip("torch", reason="the collator needs torch")
    texts = [f"the cat{END_OF_TEXT}", f"the cat sat on the bank{END_OF_TEXT}"]
    ends = []
    for options in ({}, {"pad_token": "<|pad|>"}):
        tokenizer = from_codebook(codebook(), **options)
        collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False)
        labels = collator([tokenizer(text) for text in texts])["labels"]
        ends.append(int((labels == tokenizer.eos_token_id).sum()))
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 2**10)
    assert ends == [0, 2]  # docs/tokenizer.md warns of the first


def test_chat_template() -> None:
    pytest.importorskip("jinja2", reason="chat templates need jinja2")
    tokenizer = make("added")
    tokenizer.chat_template = CHAT
    messages = [{"role": "user", "content": "Hello"}]
    text = "<|begin|>user\nHello<|end|><|begin|>assistant\n"
    chat = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    assert chat["input_ids"] == tokenizer.encode(text)
    assert tokenizer.decode(chat["input_ids"]) == text
    begin, end = tokenizer.convert_tokens_to_ids(["<|begin|>", "<|end|>"])
    assert [chat["input_ids"].count(index) for index in (begin, end)] == [2, 1]


def test_threads_share_a_tokenizer() -> None:
    tokenizer, _ = pair("framed")
    expected = {n: tokenizer(TEXT.decode(), truncation=True, max_length=n) for n in range(4, 12)}
    found = {}

    def encode(n: int) -> None:
        for _ in range(50):
            found[n] = tokenizer(TEXT.decode(), truncation=True, max_length=n)

    threads = [threading.Thread(target=encode, args=(n,)) for n in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: dict(v) for n, v in found.items()} == {n: dict(v) for n, v in expected.items()}


def test_parts_of_truncation() -> None:
    assert truncation_parts(10, None, 0, "right") == [(0, 10)]
    assert truncation_parts(4, 4, 1, "left") == [(0, 4)]
    assert truncation_parts(10, 4, 1, "right") == [(0, 4), (3, 7), (6, 10)]
    assert truncation_parts(9, 4, 1, "right") == [(0, 4), (3, 7), (6, 9)]
    assert truncation_parts(9, 4, 1, "left") == [(5, 9), (2, 6), (0, 3)]


def test_streams_take_whatever_decodes_bytes() -> None:
    class Bytes:
        def decode_bytes(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> bytes:
            return bytes(ids)

    stream = DecodeStream(Bytes())
    assert [stream.step(byte) for byte in "é".encode()] == ["", "é"]
    assert stream.step(0xC3) == ""
    assert stream.finish() == "\ufffd"
