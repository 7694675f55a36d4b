"""Micro-benchmarks of the native stages, which show the effect of a change; run with pytest.

No test asserts a time.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eqinfo import frequency, range_coder
from eqinfo.codebook import Codebook
from eqinfo.window import WindowDecoder, WindowEncoder

pytest.importorskip("pytest_benchmark")

ROWS = 2048
LANES = 256

Benchmark = Any
Logits = NDArray[np.float32]


@pytest.fixture(scope="module")
def logits() -> Logits:
    rows: Logits = np.random.default_rng(1).standard_normal((ROWS, 256), np.float32)
    rows *= 2
    return rows


@pytest.fixture(scope="module")
def symbols() -> NDArray[np.int32]:
    return np.random.default_rng(2).integers(0, 256, ROWS).astype(np.int32)


@pytest.fixture(scope="module")
def text() -> bytes:
    words = [f"word{i * i % 997}" for i in range(1000)]
    return " ".join(words[i * i % 1000] for i in range(50_000)).encode()


@pytest.fixture(scope="module")
def codebook(text: bytes) -> Codebook:
    return Codebook.fit(text, 12, rounds=1)


def test_frequencies(benchmark: Benchmark, logits: Logits) -> None:
    benchmark(frequency.frequencies, logits, 24)


def test_range_encode(benchmark: Benchmark, logits: Logits, symbols: NDArray[np.int32]) -> None:
    benchmark(range_coder.encode, logits, symbols)


def test_range_decode(benchmark: Benchmark, logits: Logits, symbols: NDArray[np.int32]) -> None:
    stream = range_coder.encode(logits, symbols)
    assert np.array_equal(benchmark(range_coder.decode, stream, logits), symbols)


@pytest.mark.parametrize("window_bits", [16, 64])
def test_window_encode_step(
    benchmark: Benchmark, logits: Logits, symbols: NDArray[np.int32], window_bits: int
) -> None:
    encoder = WindowEncoder(window_bits, 16, LANES)
    second = logits[LANES : 2 * LANES]

    def begin() -> None:
        encoder.close()
        encoder.step(logits[:LANES], symbols[:LANES])

    step = partial(encoder.step, second, symbols[LANES : 2 * LANES])
    benchmark.pedantic(step, setup=begin, rounds=200)


@pytest.mark.parametrize("window_bits", [16, 64])
def test_window_decode_step(benchmark: Benchmark, logits: Logits, window_bits: int) -> None:
    decoder = WindowDecoder(window_bits, 16, LANES)
    codewords = np.zeros((LANES, 2), np.uint64)
    codewords[:, 1] = np.random.default_rng(3).integers(1, 1 << 16, LANES)

    def begin() -> None:
        decoder.start(codewords)

    step = partial(decoder.step, logits[:LANES])
    benchmark.pedantic(step, setup=begin, rounds=200)


def test_codebook_encode(benchmark: Benchmark, codebook: Codebook, text: bytes) -> None:
    benchmark(codebook.encode, text)


def test_codebook_decode(benchmark: Benchmark, codebook: Codebook, text: bytes) -> None:
    assert benchmark(codebook.decode_bytes, codebook.encode(text)) == text
