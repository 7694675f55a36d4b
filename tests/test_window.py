"""Window stage: the bijection, exhaustively where it is small, and equality with the plain
version.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo import reference
from eqinfo.codecs.windows import WindowCodec
from eqinfo.errors import FormatError, ModelError
from eqinfo.frequency import frequencies, min_precision
from eqinfo.models import FunctionModel
from eqinfo.window import (
    ENDED,
    WindowDecoder,
    WindowEncoder,
    codeword_ints,
    int_codewords,
    window_precision,
)
from strategies import KINDS, adversarial_model, examples, logits_row


def predictor(model: FunctionModel, precision: int) -> reference.Predict:
    """The frequencies of an adversarial model, which looks at two symbols, for the reference."""

    @cache
    def row(context: tuple[int, ...]) -> list[int]:
        seen = np.array([context or [0]], np.int32)
        logits = model.logits_at(seen, np.array([len(context)], np.int32))
        return reference.frequencies(logits[0].tolist(), precision)

    return lambda context: row(tuple(context[-2:]))


@examples(200)
@given(st.data())
def test_shares_equal_reference_and_tile(data: st.DataObject) -> None:
    """Codewords of every prefix: the native shares are the plain ones, and none is lost or given
    twice.
    """
    vocab_size = data.draw(st.sampled_from([2, 3, 16, 17, 256]))
    precision = data.draw(st.integers(min_precision(vocab_size), 24))
    shared = data.draw(
        st.one_of(
            st.integers(0, 40),
            st.integers((1 << precision) - 3, (1 << precision) + 3),
            st.integers(0, (1 << 128) - 1),
        )
    )
    row = logits_row(
        data.draw(st.sampled_from(KINDS)), vocab_size, data.draw(st.binary(max_size=3))
    )
    integers = frequencies(row[None], precision)
    expected = reference.shares(shared, integers[0].tolist(), precision)
    assert sum(count for _, count in expected) == shared
    window = int_codewords([0, shared]).reshape(1, 4)
    _, symbols, children = _core.window_children(window, integers, precision)
    bases = codeword_ints(children[:, :2])
    counts = [value + 1 for value in codeword_ints(children[:, 2:])]
    found = {s: (b - 1, c) for s, b, c in zip(symbols.tolist(), bases, counts, strict=True)}
    assert found == {i: share for i, share in enumerate(expected) if share[1]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("vocab_size", "window_bits"), [(2, 8), (3, 8), (16, 8), (16, 9), (5, 10), (256, 12)]
)
def test_every_codeword_is_one_text_that_encodes_to_it(
    kind: str, vocab_size: int, window_bits: int
) -> None:
    model = adversarial_model(kind, vocab_size)
    codec = WindowCodec(model, window_bits, token_bits=window_bits, lanes=512)
    codewords = [np.array([value], np.uint16) for value in range(1 << window_bits)]
    texts = codec.decode_symbols(codewords)
    assert len({text.tobytes() for text in texts}) == 1 << window_bits
    assert len(texts[0]) == 0
    again = codec.encode_symbols(texts)
    assert len(again[0]) == 0
    assert all((a == b).all() for a, b in zip(again[1:], codewords[1:], strict=True))


@pytest.mark.parametrize("vocab_size", [2, 3, 16, 256, 50_257])
@pytest.mark.parametrize("kind", KINDS)
def test_every_symbol_fits_an_empty_window(vocab_size: int, kind: str) -> None:
    least = min_precision(vocab_size)
    row = logits_row(kind, vocab_size, b"r")[None]
    for window_bits in {least, least + 1, min(24, least + 3), 64, 128}:
        precision = window_precision(window_bits, vocab_size)
        empty = int_codewords([0, (1 << window_bits) - 1]).reshape(1, 4)
        _, symbols, _ = _core.window_children(empty, row, precision)
        assert (symbols == np.arange(vocab_size)).all()


@examples(60)
@given(st.data())
def test_codewords_equal_reference(data: st.DataObject) -> None:
    vocab_size = data.draw(st.sampled_from([2, 5, 16]))
    model = adversarial_model(data.draw(st.sampled_from(KINDS)), vocab_size)
    precision = data.draw(st.integers(8, 24))
    window_bits = data.draw(st.integers(precision, 128))
    reset_every = data.draw(st.sampled_from([0, 1, 2, 3]))
    symbols = data.draw(st.lists(st.integers(0, vocab_size - 1), max_size=40))
    predict = predictor(model, precision)
    expected = reference.encode_windows(symbols, predict, window_bits, precision, reset_every)
    codec = WindowCodec(
        model, window_bits, 16, precision=precision, reset_every=reset_every, lanes=3
    )
    tokens = codec.encode_symbols([np.array(symbols, np.int32)])[0]
    assert tokens.tolist() == reference.pack(expected, window_bits, 16)
    assert codec.decode_symbols([tokens])[0].tolist() == symbols
    assert (
        reference.decode_windows(expected, predict, window_bits, precision, reset_every) == symbols
    )


@examples(40)
@given(st.data())
def test_padded_windows_equal_reference(data: st.DataObject) -> None:
    """Every codeword of the padded encoder is read by the plain D.5 decoder as its window."""
    vocab_size = data.draw(st.sampled_from([5, 16]))
    model = adversarial_model(data.draw(st.sampled_from(KINDS)), vocab_size)
    # Small precisions keep the paths of peaked models short enough for the reference.
    precision = data.draw(st.integers(8, 10))
    window_bits = data.draw(st.one_of(st.integers(precision, 24), st.just(128)))
    symbols = data.draw(st.lists(st.integers(0, vocab_size - 1), max_size=25))
    codec = WindowCodec(model, window_bits, 8, precision=precision, variant="padded")
    tokens = codec.encode_symbols([np.array(symbols, np.int32)])[0]
    codewords = codeword_ints(_core.unpack_codewords(tokens, window_bits, 8))
    predict = predictor(model, precision)
    text: list[int] = []
    for codeword in codewords[:-1]:
        text += reference.padded_decode(codeword, [], predict, window_bits, precision)
    drop = codewords[-1] if codewords else 0
    assert text[: len(text) - drop] == symbols


@examples(40)
@given(st.data())
def test_delayed_windows_equal_reference(data: st.DataObject) -> None:
    vocab_size = data.draw(st.sampled_from([5, 16]))
    model = adversarial_model(data.draw(st.sampled_from(KINDS)), vocab_size)
    # Small precisions keep the paths of peaked models short enough for the reference.
    precision = data.draw(st.integers(8, 10))
    window_bits = data.draw(st.one_of(st.integers(precision, 24), st.just(128)))
    symbols = data.draw(st.lists(st.integers(0, vocab_size - 1), max_size=25))
    codec = WindowCodec(model, window_bits, 8, precision=precision, variant="delay")
    tokens = codec.encode_symbols([np.array(symbols, np.int32)])[0]
    expected = reference.delay_encode(symbols, predictor(model, precision), window_bits, precision)
    assert tokens.tolist() == reference.pack(expected, window_bits, 8)


def test_step_by_step_is_whole_and_failed_steps_change_nothing() -> None:
    model = adversarial_model("random")
    text = b"equal info windows"
    tokens = WindowCodec(model, 32, 16).encode(text)
    encoder = WindowEncoder(32, 16, lanes=2)
    context: list[int] = []
    codewords = []
    for symbol in text:
        row = model.logits_at(
            np.array([context or [0]], np.int32), np.array([len(context)], np.int32)
        )
        before = encoder.words.copy()
        bad = row.copy()
        bad[0, 7] = np.nan
        with pytest.raises(ModelError, match="row 0"):
            encoder.step(bad, [symbol], [1])
        assert (encoder.words == before).all()
        if not encoder.step(row, [symbol], [1])[0]:
            codewords.append(encoder.close([1])[0])
            context = []
            row = model.logits_at(np.array([[0]], np.int32), np.array([0], np.int32))
            assert encoder.step(row, [symbol], [1])[0]
        context.append(symbol)
    codewords.append(encoder.close([1])[0])
    assert (_core.pack_codewords(np.array(codewords), 32, 16) == tokens).all()

    decoder = WindowDecoder(32, 16, lanes=3)
    decoded = []
    for codeword in codewords:
        decoder.start(codeword[None], [2])
        context = []
        while not decoder.ended([2])[0]:
            row = model.logits_at(
                np.array([context or [0]], np.int32), np.array([len(context)], np.int32)
            )
            context.append(int(decoder.step(row, [2])[0]))
        assert decoder.step(row, [2])[0] == ENDED
        decoded += context
    assert bytes(decoded) == text


def test_decoder_refuses_codewords_beyond_the_window() -> None:
    decoder = WindowDecoder(16, 12)
    decoder.start(int_codewords([1 << 16]))
    with pytest.raises(FormatError, match="not a stream"):
        decoder.step(np.zeros((1, 256), np.float32))


def test_wrong_parameters() -> None:
    with pytest.raises(ValueError, match=r"window_bits from the precision \(12\) to 128, found 11"):
        window_precision(11, 256)
    with pytest.raises(ValueError, match="found 129"):
        window_precision(129, 256)
    with pytest.raises(
        ValueError, match="precision of 12 to 24 bits for an alphabet of 256, found 8"
    ):
        window_precision(16, 256, 8)
    with pytest.raises(ValueError, match=r"window_bits from the precision \(20\)"):
        window_precision(16, 256, 20)
    with pytest.raises(ValueError, match="variant"):
        WindowEncoder(16, 12, variant="best")  # type: ignore[arg-type]
