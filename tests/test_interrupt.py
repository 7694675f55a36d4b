"""A signal handler that raises, as that of Ctrl-C does, ends a long native call early."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import eqinfo._core as _core
from eqinfo import mixer
from eqinfo.codebook import Codebook
from eqinfo.frequency import frequencies
from eqinfo.range_coder import RangeDecoder, RangeEncoder
from eqinfo.string_column import StringColumn
from native_cases import random_native_model

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")

LONG = 0.8
"""Seconds that a call takes when nothing interrupts it; at least."""
CODEBOOK = Codebook.bundled("en-4k")


class HandlerError(Exception):
    """Raised by the signal handler."""


@pytest.fixture
def alarm() -> Iterator[None]:
    def interrupt(*_: Any) -> None:
        raise HandlerError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def prose(size: int) -> bytes:
    words = np.random.default_rng(4).integers(0, 26**3, 1 << 16)
    letters = np.stack([words // 676, words // 26 % 26, words % 26]).astype(np.uint8) + 97
    block = np.vstack([letters, np.full(len(words), 32, np.uint8)]).T.tobytes()
    return block * (size // len(block) + 1)


def fit(size: int) -> Callable[[], object]:
    text = prose(size)
    return lambda: Codebook.fit(text, 12)


def fit_words(size: int) -> Callable[[], object]:
    text = np.frombuffer(prose(size), np.uint8)
    offsets = np.array([0, len(text)])
    return lambda: _core.count_words(text, offsets)


def fit_phrases(size: int) -> Callable[[], object]:
    text = np.frombuffer(prose(size), np.uint8)
    offsets = np.array([0, len(text)])
    return lambda: _core.count_phrases(text, offsets, 5, 32, 1000)


def encode(size: int) -> Callable[[], object]:
    text = prose(size)
    return lambda: CODEBOOK.encode(text)


def encode_in_threads(size: int) -> Callable[[], object]:
    text = prose(size)
    return lambda: CODEBOOK.encode(text, num_threads=2)


def encode_shortest(size: int) -> Callable[[], object]:
    text = prose(size)
    return lambda: CODEBOOK.encode(text, parse="shortest")


def encode_str(size: int) -> Callable[[], object]:
    text = "\u00e4" + prose(size).decode()
    return lambda: CODEBOOK.encode(text)


def encode_batch(size: int) -> Callable[[], object]:
    text = prose(1 << 16)
    texts = [text[i : i + 64] for i in range(0, len(text), 64)] * (size // len(text))
    return lambda: CODEBOOK.encode_batch(texts)


def frequency_stage(size: int) -> Callable[[], object]:
    rows = np.random.default_rng(5).normal(size=(64, 256)).astype(np.float32)
    logits = np.tile(rows, (size // (rows.size * 4), 1))
    return lambda: frequencies(logits, 16)


def encode_counted(size: int) -> Callable[[], object]:
    ids = np.zeros(size, np.uint16)
    return lambda: RangeEncoder(1, 24).extend_counted(ids, 12)


def encode_with_a_model(size: int) -> Callable[[], object]:
    model = random_native_model()
    symbols = np.zeros((size >> 9, 8), np.int32)
    lanes = np.arange(8)
    return lambda: RangeEncoder(8, 16).extend_lanes(model.start(8), symbols, lanes)


def decode_with_a_model(size: int) -> Callable[[], object]:
    model = random_native_model()
    lanes = np.arange(8)
    return lambda: RangeDecoder(8, 16).extend_lanes(model.start(8), size >> 9, lanes)


def definition_of_a_model(size: int) -> Callable[[], object]:
    model = random_native_model()
    text = np.zeros(size >> 11, np.uint8)
    return lambda: model.native.define(text)


def encode_with_the_mixer(size: int) -> Callable[[], object]:
    text = prose(size >> 8)
    return lambda: mixer.encode(text)


def decode_with_the_mixer(size: int) -> Callable[[], object]:
    text = prose(size >> 8)
    stream = mixer.encode(text)
    return lambda: mixer.decode(stream, len(text))


def encode_with_a_solid_mixer(size: int) -> Callable[[], object]:
    text = prose(size >> 8)
    return lambda: mixer.SolidMixer(block_bytes=len(text)).encode(text)


@pytest.mark.parametrize(
    "case",
    [
        fit,
        fit_words,
        fit_phrases,
        encode,
        encode_in_threads,
        encode_shortest,
        encode_str,
        encode_batch,
        frequency_stage,
        encode_counted,
        encode_with_a_model,
        decode_with_a_model,
        definition_of_a_model,
        encode_with_the_mixer,
        decode_with_the_mixer,
        encode_with_a_solid_mixer,
    ],
)
def test_a_signal_ends_a_long_call(
    case: Callable[[int], Callable[[], object]], alarm: None
) -> None:
    size = 1 << 19 if case is fit else 1 << 25
    whole = 0.0
    while whole < LONG:
        size = int(size * min(4.0, max(1.3, 1.3 * LONG / whole if whole else 1.3)))
        call = case(size)
        begin = time.perf_counter()
        call()
        whole = time.perf_counter() - begin
    begin = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    with pytest.raises(HandlerError):
        call()
    # The handler runs within 0.2 seconds, or a few steps of a busy machine later.
    assert time.perf_counter() - begin < 0.75 * whole


def long_strings(length: int) -> Codebook:
    """A codebook as a hostile file may have it: all but one byte of its long strings are "a"."""
    chain = np.arange(2, length)
    leaves = np.full(255, length)
    depth = np.concatenate([[0], np.ones(98), chain, leaves, np.ones(158)])
    symbol = np.concatenate([[0], np.arange(98), np.full_like(chain, 97), np.arange(255)])
    symbol = np.concatenate([symbol, np.arange(98, 256)])
    end = np.ones(len(depth), np.bool_)
    end[99 : 99 + len(chain)] = False
    return Codebook(depth.astype(np.uint32), symbol.astype(np.uint8), end)


def prefixes_of_long_strings() -> Callable[[], object]:
    column = StringColumn(["a"], long_strings(100_000))
    return lambda: column.starts_with("a" * 99_000)


def shortest_with_long_strings() -> Callable[[], object]:
    codebook = long_strings(400_000)
    return lambda: codebook.encode(b"a" * 1_000_000, parse="shortest")


@pytest.mark.parametrize("case", [prefixes_of_long_strings, shortest_with_long_strings])
def test_a_signal_ends_calls_with_long_strings(
    case: Callable[[], Callable[[], object]], alarm: None
) -> None:
    """Either takes more than half a minute."""
    call = case()
    begin = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    with pytest.raises(HandlerError):
        call()
    assert time.perf_counter() - begin < 3


def test_a_handler_that_does_not_raise_changes_nothing(alarm: None) -> None:
    calls = []
    signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
    text = prose(1 << 24)
    expected = CODEBOOK.encode(text, parse="shortest")
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.02)
    found = CODEBOOK.encode(text, parse="shortest")
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert calls
    assert np.array_equal(found, expected)
