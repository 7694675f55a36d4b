"""The public face: one call, any model, and the bundled default."""

from __future__ import annotations

import doctest
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo
from eqinfo.errors import FormatError
from strategies import TEXTS, adversarial_model, texts

# Lewis Carroll, Alice's Adventures in Wonderland, 1865.
ALICE = (
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having "
    "nothing to do: once or twice she had peeped into the book her sister was reading, but it had "
    "no pictures or conversations in it, \u201cand what is the use of a book,\u201d thought Alice "
    "\u201cwithout pictures or conversations?\u201d"
)


def test_the_example_of_the_package() -> None:
    assert doctest.testmod(eqinfo).attempted == 3
    assert doctest.testmod(eqinfo).failed == 0


def test_english_is_short() -> None:
    tokens = eqinfo.encode(ALICE)
    assert tokens.dtype == np.uint16
    assert len(ALICE.encode()) / len(tokens) > 4.2
    assert eqinfo.decode(tokens) == ALICE


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(texts, st.text().map(str.encode)), max_size=4))
def test_default_round_trip_of_any_bytes(documents: list[bytes]) -> None:
    tokens = eqinfo.encode_batch(documents)
    assert [eqinfo.decode_bytes(document) for document in tokens] == documents
    for token_bits in (1, 8, 11):
        again = eqinfo.encode_batch(documents, token_bits=token_bits)
        assert [eqinfo.decode_bytes(t, token_bits=token_bits) for t in again] == documents


def test_parse_and_threads() -> None:
    codebook = eqinfo.Codebook.bundled("en-dense")
    text = "the shortest parse of a long text has the fewest windows " * 9_000
    shortest = eqinfo.encode(text, "en-dense", parse="shortest")
    assert np.array_equal(shortest, codebook.encode(text, parse="shortest"))
    assert eqinfo.decode(shortest, "en-dense", num_threads=2) == text
    assert np.array_equal(eqinfo.encode(text, num_threads=3), eqinfo.encode(text))
    batch = eqinfo.encode_batch([text, ""], "en-dense", parse="shortest", num_threads=2)
    assert np.array_equal(batch[0], shortest)
    packed = eqinfo.encode(text, "en-dense", token_bits=8, parse="shortest", num_threads=2)
    assert len(packed) == 2 * len(shortest)
    assert eqinfo.decode(packed, "en-dense", token_bits=8, num_threads=2) == text
    with pytest.raises(TypeError, match="parse"):
        eqinfo.encode(text, adversarial_model("random"), parse="shortest")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=4))
def test_batches_of_text(documents: list[str]) -> None:
    assert list(eqinfo.decode_batch(eqinfo.encode_batch(documents))) == documents
    model = adversarial_model("random")
    tokens = eqinfo.encode_batch(documents, model, window_bits=24)
    assert list(eqinfo.decode_batch(tokens, model, window_bits=24)) == documents


def test_any_kind_of_model() -> None:
    model = adversarial_model("random", memory=1)
    expected = eqinfo.encode(ALICE, model, window_bits=32, token_bits=8)
    assert (eqinfo.encode(ALICE, model.logits, window_bits=32, token_bits=8) == expected).all()
    assert eqinfo.decode(expected, model.logits, window_bits=32, token_bits=8) == ALICE
    assert expected.max() < 256
    static = eqinfo.models.StaticModel.fit(ALICE)
    for variant in ("bijective", "padded", "delay"):
        tokens = eqinfo.encode(ALICE, static, window_bits=40, variant=variant, reset_every=2)
        assert (
            eqinfo.decode(tokens, static, window_bits=40, variant=variant, reset_every=2) == ALICE
        )
    default = eqinfo.Codebook.bundled("en")
    assert (eqinfo.encode(ALICE, default) == eqinfo.encode(ALICE)).all()
    assert eqinfo.Codebook.bundled("en") is default


@pytest.mark.parametrize("token_bits", [None, 8, 5])
def test_codebook_of_a_model_gives_the_ids_of_the_model(token_bits: int | None) -> None:
    """On real text, 16-bit windows: the table and the slow path are one code."""
    model = adversarial_model("random", memory=1)
    codebook = eqinfo.Codebook.from_model(model, 16)
    assert len({codebook[i] for i in range(1 << 16)}) == 1 << 16
    options = {} if token_bits is None else {"token_bits": token_bits}
    for text in (ALICE.encode(), *TEXTS):
        slow = eqinfo.encode(text, model, window_bits=16, **options)
        assert (eqinfo.encode(text, codebook, **options) == slow).all()
        assert eqinfo.decode_bytes(slow, codebook, **options) == text


def test_odd_widths_of_a_small_codebook() -> None:
    codebook = eqinfo.Codebook.fit(ALICE, 11)
    for token_bits in (1, 3, 8, 11, 16):
        codec = eqinfo.CodebookCodec(codebook, token_bits)
        assert codec.decode(codec.encode(ALICE)) == ALICE
        assert list(codec.decode_batch(codec.encode_batch([ALICE, ""]))) == [ALICE, ""]
    assert (
        eqinfo.CodebookCodec(codebook, 8).fingerprint != eqinfo.CodebookCodec(codebook).fingerprint
    )
    with pytest.raises(FormatError, match="ends inside a window"):
        eqinfo.CodebookCodec(codebook, 8).decode([1, 2, 3, 4])


def test_threads_share_the_default() -> None:
    expected = eqinfo.encode(ALICE * 100).tolist()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: eqinfo.encode(ALICE * 100).tolist(), range(32)))
    assert all(result == expected for result in results)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"bundled codebook among en, en-dense, .*found 'fr'"):
        eqinfo.encode("x", "fr")
    with pytest.raises(TypeError, match="a model or a logits function, found int"):
        eqinfo.encode("x", 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="window_bits of 16, which the codebook has, found 32"):
        eqinfo.encode("x", eqinfo.Codebook.bundled("en"), window_bits=32)
    with pytest.raises(TypeError, match="a codebook has no precision, variant"):
        eqinfo.encode("x", variant="padded", precision=12)
    with pytest.raises(ValueError, match=r"lone surrogate U\+DFFF at index 1"):
        eqinfo.encode("x\udfff")
    with pytest.raises(TypeError, match="expected str or bytes, found NoneType"):
        eqinfo.encode(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"uint16 .*, found float32"):
        eqinfo.decode(np.zeros(3, np.float32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="token 0: expected 0 to 65535, found -1"):
        eqinfo.decode([-1])
    with pytest.raises(ValueError, match="token_bits of 1 to 16, found 0"):
        eqinfo.encode("x", token_bits=0)
