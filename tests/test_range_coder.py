"""Range coder: equals the reference, ends exactly, notices every damaged stream."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqinfo import range_coder, reference
from eqinfo.errors import EqInfoError, FormatError, ModelError
from eqinfo.frequency import frequencies, min_precision
from strategies import KINDS, examples, logits_row


def rows_and_symbols(
    seed: int, count: int, vocab_size: int, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    rows = np.stack(
        [logits_row(kind, vocab_size, bytes([seed % 256, i % 256])) for i in range(count)]
    )
    rng = np.random.default_rng(seed)
    return rows, rng.integers(0, vocab_size, count).astype(np.int32)


@examples(120)
@given(
    st.integers(0, 1000), st.integers(1, 40), st.sampled_from([2, 3, 17, 256]),
    st.sampled_from(KINDS), st.integers(0, 16),
)  # fmt: skip
def test_equals_reference(seed: int, count: int, vocab_size: int, kind: str, more: int) -> None:
    precision = min(24, min_precision(vocab_size) + more)
    rows, symbols = rows_and_symbols(seed, count, vocab_size, kind)
    integers = frequencies(rows, precision)
    stream = range_coder.encode(rows, symbols, precision)
    assert stream == reference.range_encode(symbols.tolist(), integers.tolist(), precision)
    assert stream == range_coder.encode(integers, symbols, precision)
    assert (range_coder.decode(stream, rows, precision) == symbols).all()
    decoder = reference.RangeDecoder(stream)
    assert [decoder.decode(row, precision) for row in integers.tolist()] == symbols.tolist()


def carrying_symbols(count: int) -> list[int]:
    """Symbols that keep the stream just below a power of two, so that carries travel far."""
    return [255] * count + [254, 255, 0, 255] * 4


@pytest.mark.parametrize("tail", [[0], [255], [128, 3], [255, 255, 0]])
def test_carries_travel_through_many_words(tail: list[int]) -> None:
    row = frequencies(np.zeros((1, 256), np.float32), 24)
    symbols = carrying_symbols(300) + tail
    rows = np.repeat(row, len(symbols), axis=0)
    stream = range_coder.encode(rows, symbols)
    assert stream == reference.range_encode(symbols, rows.tolist(), 24)
    assert b"\xff" * 100 in stream


@examples(60)
@given(st.data())
def test_carry_by_random_walk_at_the_edge(data: st.DataObject) -> None:
    """Two symbols, one tiny: intervals at the very top of the range."""
    symbols = data.draw(st.lists(st.sampled_from([1, 1, 1, 1, 0]), min_size=1, max_size=200))
    row = [(1 << 24) - 1, 1] if data.draw(st.booleans()) else [1, (1 << 24) - 1]
    rows = np.array([row] * len(symbols), np.uint32)
    stream = range_coder.encode(rows, symbols)
    assert stream == reference.range_encode(symbols, rows.tolist(), 24)
    assert range_coder.decode(stream, rows).tolist() == symbols


@pytest.mark.parametrize("kind", ["random", "peaked", "equal", "last"])
@pytest.mark.parametrize("precision", [12, 16, 24])
def test_length_is_within_64_bits_and_a_ten_thousandth(kind: str, precision: int) -> None:
    count = 20_000
    row = logits_row(kind, 256, b"")
    integers = frequencies(row[None], precision)[0]
    probabilities = integers / integers.sum()
    symbols = np.random.default_rng(3).choice(256, count, p=probabilities).astype(np.int32)
    information = -np.log2(probabilities[symbols]).sum()
    encoder = range_coder.RangeEncoder(1, precision)
    encoder.extend_static(integers, symbols)
    _, bits = encoder.finish()
    # It may be shorter than its information: zeros at the end need not be written.
    assert information - 32 <= bits <= information * 1.0001 + 64


def test_static_is_the_stream_of_adaptive() -> None:
    row = frequencies(logits_row("random", 256, b"s")[None], 24)
    symbols = np.random.default_rng(0).integers(0, 256, 5000).astype(np.uint8)
    stream = range_coder.encode_static(row[0], symbols)
    assert stream == range_coder.encode(np.repeat(row, 5000, axis=0), symbols)
    assert (range_coder.decode_static(stream, row[0], 5000) == symbols).all()


@pytest.mark.parametrize("vocab_size", [2, 300, 1 << 18])
def test_static_alphabets(vocab_size: int) -> None:
    row = frequencies(logits_row("random", vocab_size, b"s")[None], 24)[0]
    symbols = np.random.default_rng(0).integers(0, vocab_size, 500).astype(np.int32)
    stream = range_coder.encode_static(row, symbols)
    assert (range_coder.decode_static(stream, row, 500) == symbols).all()


def counted_frequencies(before: np.ndarray, window_bits: int) -> np.ndarray:
    """What docs/format.md says about the codec "ranged", in Python integers."""
    weights = [1 + 4 * int(count) for count in np.bincount(before, minlength=1 << window_bits)]
    total, ids, of_all = 1 << 24, 1 << window_bits, sum(weights)
    row = [1 + weight * (total - ids) // of_all for weight in weights]
    row[weights.index(max(weights))] += total - sum(row)
    return np.array(row, np.uint32)


@pytest.mark.parametrize("window_bits", [9, 16])
@pytest.mark.parametrize("spread", [0, 3, 1 << 16])
def test_counted_ids_are_runs_of_fixed_tables(window_bits: int, spread: int) -> None:
    rng = np.random.default_rng(spread)
    skewed = (rng.geometric(1e-3, 40_000) - 1) % min(spread + 1, 1 << window_bits)
    ids = (skewed + rng.integers(1 << window_bits)) % (1 << window_bits)
    for count in (0, 1, 2048, 2049, 30_719, 40_000):
        counted, fixed = range_coder.RangeEncoder(), range_coder.RangeEncoder()
        begin, run = 0, 2048
        while begin < count:
            end = min(count, begin + run)
            fixed.extend_static(counted_frequencies(ids[:begin], window_bits), ids[begin:end])
            begin, run = end, min(2 * run, 16_384)
        counted.extend_counted(ids[:count].astype(np.uint16), window_bits)
        stream, bits = counted.finish()
        assert (stream, bits) == fixed.finish()
        decoder = range_coder.RangeDecoder()
        decoder.start(stream)
        decoded = decoder.extend_counted(count, window_bits)
        assert decoded.dtype == np.uint16
        assert (decoded == ids[:count]).all()
        assert decoder.end() == bits


def test_counted_ids_end_with_the_run_that_overruns_the_stream() -> None:
    ids = np.random.default_rng(0).integers(0, 512, 20_000).astype(np.uint16)
    encoder = range_coder.RangeEncoder()
    encoder.extend_counted(ids, 9)
    stream, _ = encoder.finish()
    decoder = range_coder.RangeDecoder()
    decoder.start(stream[: len(stream) // 4])
    decoded = decoder.extend_counted(len(ids), 9)
    assert decoder.overrun()
    assert len(decoded) == 2048 + 4096
    assert (decoded[:4_900] == ids[:4_900]).all()


def test_wrong_use_of_counted_ids() -> None:
    encoder, decoder = range_coder.RangeEncoder(), range_coder.RangeDecoder()
    ids = np.zeros(3, np.uint16)
    for bits in (8, 17):
        with pytest.raises(ValueError, match=f"expected window_bits of 9 to 16, found {bits}"):
            encoder.extend_counted(ids, bits)
        with pytest.raises(ValueError, match=f"expected window_bits of 9 to 16, found {bits}"):
            decoder.extend_counted(3, bits)
    with pytest.raises(ValueError, match="symbol number 2: not in the alphabet"):
        encoder.extend_counted(np.array([0, 1, 512], np.uint16), 9)
    with pytest.raises(ValueError, match=r"expected 0 to 2\^31 ids"):
        decoder.extend_counted(-1, 9)
    with pytest.raises(ValueError, match="expected precision of 24, found"):
        range_coder.RangeEncoder(1, 20).extend_counted(ids, 9)
    with pytest.raises(TypeError):
        encoder.extend_counted(ids.astype(np.int32), 9)  # type: ignore[arg-type]


def test_lanes_in_any_order_and_batch_are_streams_of_one() -> None:
    lanes, steps = 256, 20
    rng = np.random.default_rng(5)
    rows = rng.normal(0, 3, (steps, lanes, 256)).astype(np.float32)
    symbols = rng.integers(0, 256, (steps, lanes)).astype(np.int32)
    expected = [range_coder.encode(rows[:, i], symbols[:, i]) for i in range(lanes)]
    for batch in (256, 7, 1):
        encoder = range_coder.RangeEncoder(lanes)
        for step in range(steps):
            order = rng.permutation(lanes)
            for first in range(0, lanes, batch):
                some = order[first : first + batch]
                encoder.step(rows[step, some], symbols[step, some], some)
        streams = [encoder.finish(i)[0] for i in range(lanes)]
        assert streams == expected
    decoder = range_coder.RangeDecoder(lanes)
    for lane, stream in enumerate(streams):
        decoder.start(stream, lane)
    for step in range(steps):
        order = rng.permutation(lanes)
        assert (decoder.step(rows[step, order], order) == symbols[step, order]).all()
    assert [(decoder.end(i) + 7) // 8 for i in range(lanes)] == [len(s) for s in streams]


def test_a_document_may_be_split_over_calls() -> None:
    rows, symbols = rows_and_symbols(1, 50, 256, "random")
    whole = range_coder.encode(rows, symbols)
    encoder = range_coder.RangeEncoder()
    for first, last in ((0, 1), (1, 20), (20, 20), (20, 50)):
        encoder.extend(rows[first:last], symbols[first:last])
    assert encoder.finish()[0] == whole
    decoder = range_coder.RangeDecoder()
    decoder.start(whole)
    parts = [decoder.extend(rows[:13]), decoder.step(rows[13:14]), decoder.extend(rows[14:])]
    assert (np.concatenate(parts) == symbols).all()


def test_threads_share_an_encoder_without_harm() -> None:
    rows, symbols = rows_and_symbols(2, 64, 256, "random")
    encoder = range_coder.RangeEncoder(8)

    def work(lane: int) -> bytes:
        for row, symbol in zip(rows, symbols, strict=True):
            encoder.step(row[None], [symbol], [lane])
        return encoder.finish(lane)[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {range_coder.encode(rows, symbols)}


def test_empty_stream() -> None:
    nothing = np.zeros((0, 256), np.float32)
    assert range_coder.encode(nothing, []) == b""
    assert len(range_coder.decode(b"", nothing)) == 0


@examples(80)
@given(st.integers(0, 100), st.data())
def test_altered_streams_are_errors_or_other_symbols_never_the_same(
    seed: int, data: st.DataObject
) -> None:
    rows, symbols = rows_and_symbols(seed, 12, 256, "random")
    stream = range_coder.encode(rows, symbols)
    kind = data.draw(st.sampled_from(["truncate", "extend", "flip"]))
    if kind == "truncate":
        broken = stream[: data.draw(st.integers(0, len(stream) - 1))]
    elif kind == "extend":
        broken = stream + data.draw(st.binary(min_size=1, max_size=9))
    else:
        bit = data.draw(st.integers(0, 8 * len(stream) - 1))
        flipped = bytearray(stream)
        flipped[bit // 8] ^= 1 << bit % 8
        broken = bytes(flipped)
    try:
        decoded = range_coder.decode(broken, rows)
    except EqInfoError:
        return
    # What passes the check of the end is what an encoder writes for other symbols.
    assert (decoded != symbols).any()
    assert range_coder.encode(rows, decoded) == broken


def test_a_failed_step_changes_nothing() -> None:
    rows, symbols = rows_and_symbols(4, 10, 256, "random")
    encoder = range_coder.RangeEncoder(10)
    encoder.step(rows, symbols)
    bad = rows.copy()
    bad[6, 9] = np.nan
    with pytest.raises(ModelError, match="row 6"):
        encoder.step(bad, symbols)
    with pytest.raises(ValueError, match="symbol number 2"):
        encoder.step(rows, [0, 0, 256, *symbols[3:]])
    with pytest.raises(ValueError, match="lane number 1"):
        encoder.step(rows[:2], symbols[:2], [3, 3])
    assert [encoder.finish(i)[0] for i in range(10)] == [
        range_coder.encode(rows[i : i + 1], symbols[i : i + 1]) for i in range(10)
    ]
    decoder = range_coder.RangeDecoder(2)
    for lane in range(2):
        decoder.start(range_coder.encode(rows, symbols), lane)
    with pytest.raises(ModelError, match="row 1"):
        decoder.step(bad[5:7])
    with pytest.raises(ModelError, match="row 6"):
        decoder.extend(bad, 1)
    assert (decoder.extend(rows, 0) == symbols).all()
    assert (decoder.extend(rows, 1) == symbols).all()


def test_wrong_arguments() -> None:
    row = np.zeros((1, 256), np.float32)
    with pytest.raises(TypeError, match="float32 logits or uint32 frequencies"):
        range_coder.encode(row.astype(np.float64), [1])
    with pytest.raises(TypeError, match="integer symbols"):
        range_coder.encode(row, [1.5])
    with pytest.raises(ValueError, match="expected symbols of shape"):
        range_coder.encode(row, [1, 2])
    with pytest.raises(ValueError, match="31 bits"):
        range_coder.encode(row, [1 << 40])
    with pytest.raises(ModelError, match="row 0: the frequencies do not sum"):
        range_coder.encode(np.full((1, 256), 3, np.uint32), [1], 12)
    with pytest.raises(ModelError, match="row 0: a frequency is 0"):
        range_coder.encode(np.zeros((1, 256), np.uint32), [1], 12)
    wrapping = np.ones((1, 256), np.uint32)
    wrapping[0, :2] = (1 << 31, (1 << 31) + 4096 - 254)
    with pytest.raises(ModelError, match="row 0: the frequencies do not sum"):
        range_coder.encode(wrapping, [1], 12)
    with pytest.raises(ValueError, match="expected precision of 8 to 24, found"):
        range_coder.RangeEncoder(1, 25)
    with pytest.raises(ValueError, match="expected at least 1 lane, found 0"):
        range_coder.RangeDecoder(0)
    with pytest.raises(FormatError, match="not a stream that an encoder writes"):
        range_coder.RangeDecoder().start(b"\xff" * 8)


@examples(50)
@given(st.lists(st.tuples(st.integers(1, 24), st.integers(0, (1 << 24) - 1)), max_size=30))
def test_bits(items: list[tuple[int, int]]) -> None:
    encoder = range_coder.RangeEncoder()
    for width, value in items:
        encoder.put_bits(value % (1 << width), width)
    stream, bits = encoder.finish()
    assert bits <= sum(width for width, _ in items) + 64
    decoder = range_coder.RangeDecoder()
    decoder.start(stream)
    for width, value in items:
        assert decoder.get_bits(width) == value % (1 << width)
    assert decoder.end() == bits


def test_what_cannot_be_coded_with_one_prediction() -> None:
    for row in (np.ones(256), np.ones(256, np.int32)):
        message = rf"^expected uint32 frequencies, found {row.dtype}$"
        with pytest.raises(TypeError, match=message):
            range_coder.encode_static(row, b"")
        with pytest.raises(TypeError, match=message):
            range_coder.decode_static(b"", row, 1)


@pytest.mark.parametrize("symbols", [[0.5], ["a"], [None], np.array([1.0]), [True]])
def test_symbols_are_integers(symbols: object) -> None:
    with pytest.raises(TypeError, match=r"^expected integer symbols, found "):
        range_coder.as_symbols(symbols)


def test_a_text_is_no_symbols() -> None:
    with pytest.raises(TypeError, match=r"^expected integer symbols, found <U3; encode text to "):
        range_coder.as_symbols("abc")
