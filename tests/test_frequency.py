"""Frequency stage: rule 1 in C++ equals the reference, with every instruction set."""

from __future__ import annotations

from collections.abc import Iterator
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqinfo import frequency, reference
from eqinfo.errors import ModelError, UnsupportedError
from eqinfo.models import StaticModel
from levels import LEVELS, at_level
from strategies import examples, float32_rows, logits_row


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    with at_level(request.param):
        yield request.param


def at_every_level(logits: np.ndarray, precision: int) -> np.ndarray:
    before = frequency.instruction_set()
    results = []
    for name in LEVELS:
        try:
            frequency.set_instruction_set(name)
        except UnsupportedError:
            continue
        results.append(frequency.frequencies(logits, precision))
    frequency.set_instruction_set(before)
    assert all((result == results[0]).all() for result in results)
    return results[0]


@examples(150)
@given(st.data())
def test_equals_reference(data: st.DataObject) -> None:
    vocab_size = data.draw(st.sampled_from([2, 3, 7, 8, 15, 16, 17, 31, 33, 40]))
    precision = data.draw(st.integers(frequency.min_precision(vocab_size), 24))
    rows = data.draw(float32_rows(vocab_size, 2))
    result = at_every_level(rows, precision)
    assert result.tolist() == [reference.frequencies(row.tolist(), precision) for row in rows]


@pytest.mark.parametrize("kind", ["random", "peaked", "ties", "minus_infinity", "equal", "huge"])
@pytest.mark.parametrize("precision", [12, 16, 24])
def test_bytes_equal_reference(kind: str, precision: int) -> None:
    rows = np.stack([logits_row(kind, 256, bytes([i])) for i in range(6)])
    result = at_every_level(rows, precision)
    assert result.tolist() == [reference.frequencies(row.tolist(), precision) for row in rows]


@pytest.mark.parametrize("vocab_size", [50_257, 1 << 17, 1 << 18])
def test_large_alphabets(vocab_size: int) -> None:
    precision = frequency.min_precision(vocab_size)
    rows = np.stack([logits_row(kind, vocab_size, b"x") for kind in ("random", "peaked", "huge")])
    result = at_every_level(rows, precision)
    assert (result.sum(axis=1) == 1 << precision).all()
    assert result.min() >= 1
    assert result[0].tolist() == reference.frequencies(rows[0].tolist(), precision)


def test_reciprocal_at_the_limits(level: str) -> None:
    """Sums of weights just below and at powers of two, where the reciprocal is least precise."""
    for count in (1, 2, 3, 127, 128, 255):
        row = np.full(256, -100.0, np.float32)
        row[:count] = 0
        row[count:] = -np.float32(30.5 * np.log(2))
        expected = reference.frequencies(row.tolist(), 24)
        assert frequency.frequencies(row[None], 24)[0].tolist() == expected


def test_leftover_goes_to_the_first_most_probable(level: str) -> None:
    row = np.array([[-1, 2, 2, 0.5] + [0] * 40], np.float32)
    result = frequency.frequencies(row, 12)[0]
    assert result[1] > result[2]
    assert result.sum() == 4096


def test_minus_infinity_is_possible_but_least_probable() -> None:
    row = np.full((1, 256), -np.inf, np.float32)
    row[0, 65] = 3
    assert frequency.frequencies(row, 12)[0].tolist() == [1] * 65 + [4096 - 255] + [1] * 190


@pytest.mark.parametrize(
    ("bad", "message"),
    [(np.nan, "row 3: a logit is NaN"), (np.inf, r"row 3: a logit is \+infinity")],
)
@pytest.mark.parametrize("column", [0, 5, 16, 255])
def test_bad_logits_name_their_row(bad: float, message: str, column: int, level: str) -> None:
    rows = np.zeros((5, 256), np.float32)
    rows[3, column] = bad
    with pytest.raises(ModelError, match=message):
        frequency.frequencies(rows, 16)


def test_all_minus_infinity_is_an_error(level: str) -> None:
    with pytest.raises(ModelError, match="row 0: every logit is -infinity"):
        frequency.frequencies(np.full((1, 20), -np.inf, np.float32), 16)


def test_wrong_arrays() -> None:
    with pytest.raises(ModelError, match="float32 logits, found float64"):
        frequency.frequencies(np.zeros((1, 256)), 16)
    with pytest.raises(ModelError, match=r"shape \(n, V\), found shape \(256,\)"):
        frequency.frequencies(np.zeros(256, np.float32), 16)
    with pytest.raises(ModelError, match="DLPack array, found list"):
        frequency.frequencies([[0.0]], 16)
    with pytest.raises(ValueError, match="expected precision of 12 to 24 for an alphabet of 256"):
        frequency.frequencies(np.zeros((1, 256), np.float32), 11)
    with pytest.raises(ValueError, match="2 to 2\\^18 symbols"):
        frequency.frequencies(np.zeros((1, 1), np.float32), 16)


def test_strides_and_dlpack() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 512)).astype(np.float32)
    expected = frequency.frequencies(np.ascontiguousarray(rows[::2, ::2]), 16)
    assert (frequency.frequencies(rows[::2, ::2], 16) == expected).all()

    class OnlyDlpack:
        def __init__(self, array: np.ndarray, device: int = 1) -> None:
            self.array, self.device = array, device

        def __dlpack__(self, **options: object) -> object:
            return self.array.__dlpack__()

        def __dlpack_device__(self) -> tuple[int, int]:
            return (self.device, 0)

    assert (frequency.frequencies(OnlyDlpack(rows[::2, ::2]), 16) == expected).all()
    with pytest.raises(ModelError, match=r"on the CPU, found DLPack device \(2, 0\)"):
        frequency.frequencies(OnlyDlpack(rows, device=2), 16)


def coding_loss(logits: np.ndarray, symbols: np.ndarray, precision: int) -> float:
    """Bits of the frequencies over bits of the exact softmax, less one."""
    exact = logits.astype(np.float64)
    exact -= np.log(np.exp(exact).sum(axis=1, keepdims=True))
    softmax_bits = -exact[np.arange(len(symbols)), symbols].sum() / np.log(2)
    coded = frequency.frequencies(logits, precision)[np.arange(len(symbols)), symbols]
    return float((precision - np.log2(coded)).sum() / softmax_bits - 1)


def test_coding_loss_on_text_is_below_a_thousandth() -> None:
    """A unigram and a bigram of one half of a text that every Python has, on the other half."""
    data = np.frombuffer("".join(topics.values()).encode()[:200_000], np.uint8).astype(np.int64)
    seen, text = np.split(data, 2)
    unigram = StaticModel(np.bincount(seen, minlength=256).tolist()).static_logits
    counts = np.full((256, 256), 0.1)
    np.add.at(counts, (seen[:-1], seen[1:]), 1)
    bigram = np.log(counts).astype(np.float32)
    for precision in (16, 20, 24):
        rows = np.repeat(unigram[None], len(text), axis=0)
        assert coding_loss(rows, text, precision) < 1e-3
        assert coding_loss(bigram[text[:-1]], text[1:], precision) < 1e-3


def test_coding_loss_is_what_the_least_frequency_costs() -> None:
    """Where the model is certain, 255 frequencies of 1 cost log2(T / (T - 255)) bits, no more."""
    row = logits_row("peaked", 256, b"")[None]
    for precision in (12, 16, 24):
        total = 1 << precision
        largest = int(frequency.frequencies(row, precision).max())
        assert largest == total - 255


def test_set_instruction_set_refuses_unknown_names() -> None:
    with pytest.raises(ValueError, match="avx1024"):
        frequency.set_instruction_set("avx1024")
