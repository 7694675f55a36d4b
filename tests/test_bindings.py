"""What the bindings check themselves: arguments that the Python modules never pass on.

Step ``address`` of CI runs these under sanitizers, where a check that is missing shows.
"""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import eqinfo
import eqinfo._core as _core
from eqinfo.errors import FormatError, ModelError
from native_cases import random_native_model

CODEBOOK = eqinfo.Codebook.bundled("en-4k")
TEXT = np.frombuffer(b"it was the best of times, " * 40, np.uint8)
OFFSETS = np.array([0, 500, len(TEXT)])
UNIFORM = np.full(256, 256, np.uint32)


def misaligned(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy at an odd address."""
    memory = np.empty(array.nbytes + 1, np.uint8)
    copy: NDArray[Any] = np.ndarray(array.shape, array.dtype, memory.data, 1)
    copy[...] = array
    assert not copy.flags.aligned
    return copy


def flags(*values: int) -> NDArray[np.bool_]:
    """Bools in whose memory there are other numbers than 0 and 1."""
    return np.array(values, np.uint8).view(np.bool_)


def column() -> tuple[_core.StringColumn, NDArray[Any]]:
    ids = CODEBOOK.encode(TEXT.tobytes())
    steps = np.array([0, len(ids)], np.uint16)
    return _core.StringColumn(CODEBOOK._native, ids, np.zeros(1, np.int64), steps), ids


def test_arrays_that_are_not_aligned() -> None:
    """As memory of files may be; the same results."""
    rows, ids = column()
    assert CODEBOOK.decode_bytes(misaligned(ids)) == TEXT.tobytes()
    assert rows.equal(0, 1, misaligned(ids)).all()
    steps = misaligned(np.array([0, len(ids)], np.uint16))
    own = _core.StringColumn(CODEBOOK._native, misaligned(ids), np.zeros(1, np.int64), steps)
    assert own.row(0) == TEXT.tobytes()
    logits = np.random.default_rng(1).normal(size=(5, 300)).astype(np.float32)
    expected = _core.frequencies(logits, 16)
    assert (_core.frequencies(misaligned(logits), 16) == expected).all()
    words = np.arange(10, dtype=np.uint64).reshape(5, 2)
    tokens = _core.pack_codewords(words, 32, 16)
    assert (_core.pack_codewords(misaligned(words), 32, 16) == tokens).all()
    model = eqinfo.models.FunctionModel(
        lambda contexts, lengths: misaligned(np.zeros((len(lengths), 256), np.float32))
    )
    codec = eqinfo.codecs.WindowCodec(model, 24)
    assert codec.decode(codec.encode("abc")) == "abc"


def test_arrays_that_are_not_aligned_and_must_be() -> None:
    """A copy would take what is written, and nobody would see it."""
    windows = misaligned(np.zeros((1, 4), np.uint64))
    lane, row, symbol = np.zeros(1, np.int64), UNIFORM[None], np.zeros(1, np.int32)
    with pytest.raises(ValueError, match=r"^expected windows to be aligned, found an array that"):
        _core.window_encode(windows, lane, row, 16, symbol)
    with pytest.raises(ValueError, match=r"^expected rows to be aligned, found an array that"):
        _core.RangeEncoder(1, 16).extend(misaligned(row), symbol, 0)


def test_ids_that_are_not_contiguous() -> None:
    rows, ids = column()
    for other in (np.repeat(ids, 2)[::2], ids[::-1], ids.astype(np.uint32), ids[None]):
        with pytest.raises((TypeError, ValueError), match=r"^expected (contiguous uint16 )?ids"):
            rows.equal(0, 1, other)
        with pytest.raises((TypeError, ValueError), match=r"^expected (contiguous uint16 )?ids"):
            CODEBOOK._native.decode(other, 1)


@pytest.mark.parametrize(
    ("first", "count"), [(0, 2), (1, 1), (2, 0), (-1, 1), (0, -1), (1, 2**63 - 1), (2**63 - 1, 1)]
)
def test_rows_that_are_not_there(first: int, count: int) -> None:
    rows, ids = column()
    message = r"^expected rows within 0 to 1, found "
    for call in (
        lambda: rows.offsets(first, count),
        lambda: rows.equal(first, count, ids),
        lambda: rows.starts_with(first, count, b"it"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    for row in (-1, 1, 2**63 - 1):
        with pytest.raises(ValueError, match=r"^expected a row of 0 to 0, found "):
            rows.row(row)
        with pytest.raises(ValueError, match=r"^expected a row of 0 to 0, found "):
            rows.gather(np.array([0, row]))


@pytest.mark.parametrize("offsets", [[0, 9, 8, 10], [-1, 5], [0, 1 << 40], [5, 0], []])
def test_offsets_that_lead_elsewhere(offsets: list[int]) -> None:
    at, native = np.array(offsets, np.int64), CODEBOOK._native
    ids = CODEBOOK.encode(TEXT.tobytes())
    for call in (
        lambda: native.encode_flat(TEXT, at, False, 1),
        lambda: native.decode_flat(ids, at, 1),
        lambda: native.lists(ids, at, 10),
        lambda: _core.string_list(TEXT, at, None, False),
        lambda: _core.text_features(TEXT, at, 31, 8),
        lambda: _core.count_words(TEXT, at),
    ):
        with pytest.raises(
            ValueError, match=r"^expected (at least 1 offset|offsets (within|that))"
        ):
            call()


@pytest.mark.parametrize("more", [-1, 1, -len(TEXT)])
def test_room_of_another_size(more: int) -> None:
    ids = CODEBOOK.encode(TEXT.tobytes())
    room = np.full(len(TEXT) + more, 7, np.uint8)
    message = rf"^expected ids of {len(room)} bytes, found {len(TEXT)} bytes"
    with pytest.raises(ValueError, match=message):
        CODEBOOK._native.decode_into(ids, room)
    assert (room == 7).all()


def test_nodes_that_are_not_there() -> None:
    nodes = len(CODEBOOK._depth)
    assert len(CODEBOOK._native.finish(nodes - 1)) == 1
    for node in (nodes, 2**32 - 1):
        with pytest.raises(ValueError, match=rf"^expected a node below {nodes}, found {node}"):
            CODEBOOK._native.finish(node)
        with pytest.raises(ValueError, match=rf"^expected a node below {nodes}, found {node}"):
            CODEBOOK._native.encode_part(b"a", node, 1)


@pytest.mark.parametrize("other", [TEXT[::-1], TEXT[::2], TEXT.reshape(-1, 2), TEXT.view(np.int16)])
def test_bytes_of_another_layout(other: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"^expected contiguous bytes, found a buffer of another"):
        _core.json_texts(other, b"text")


def test_flags_that_are_other_numbers() -> None:
    offsets = np.array([0, 2, 5])
    text = np.frombuffer(b"hello", np.uint8)
    assert _core.string_list(text, offsets, flags(9, 0), True) == ["he", None]
    pruner = _core.CodebookPruner(text, np.array([0, 5]), None, *bytes_alone(), None, 1)
    assert pruner.measure(flags(*[9] * 257))[0] == 5
    ends = CODEBOOK._end.view(np.uint8) * np.uint8(7)
    again = _core.Codebook(CODEBOOK._depth, CODEBOOK._symbol, ends.view(np.bool_), False)
    assert (again.encode(TEXT.tobytes(), False, 1) == CODEBOOK.encode(TEXT.tobytes())).all()


def bytes_alone() -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """The nodes of the empty string and of all bytes."""
    depth, symbol = np.ones(257, np.uint32), np.arange(-1, 256).astype(np.uint8)
    depth[0] = symbol[0] = 0
    return depth, symbol


@pytest.mark.parametrize(
    ("node", "depth", "message"),
    [
        (0, 1, r"^node 0: expected the empty string"),
        (5, 0, r"^node 5: expected a depth of 1 to 2 so that it has a parent, found 0"),
        (5, 3, r"^node 5: expected a depth of 1 to 2 so that it has a parent, found 3"),
        (5, 2, r"^node 6: expected a node for every byte, in order"),
        (256, 2, r"^expected a node for each of the 256 bytes, found 255"),
    ],
)
def test_nodes_that_are_no_trie(node: int, depth: int, message: str) -> None:
    depths, symbol = bytes_alone()
    depths[node] = depth
    with pytest.raises(ValueError, match=message):
        _core.strings_within_words(depths, symbol)
    with pytest.raises(ValueError, match=message):
        _core.CodebookPruner(TEXT, OFFSETS, None, depths, symbol, None, 1)


def test_bytes_without_an_id() -> None:
    """The parse would stay at such a byte for ever."""
    pruner = _core.CodebookPruner(TEXT, OFFSETS, None, *bytes_alone(), None, 1)
    with pytest.raises(ValueError, match=r"^expected an id for every byte, found none for node 98"):
        pruner.measure(np.arange(257) != 98)


def test_weights_of_strings_that_are_too_large() -> None:
    weights = np.array([[1 << 37, 0]], np.uint64)
    with pytest.raises(
        ValueError, match=r"^expected weights below 2\^101, found a larger one at in"
    ):
        _core.weighted_children(weights, UNIFORM[None], 16, np.zeros(2, np.uint64))


def test_numbers_that_are_too_large() -> None:
    with pytest.raises(ValueError, match=r"^expected bits to be the length of a stream of 0 bytes"):
        _core.pack_bits(b"", 2**63 - 1, 16)
    expected = _core.codebook_fit(TEXT, OFFSETS, None, None, len(TEXT), 9, 32)
    for stride in (2**63 - 1, 2**63 - 1000):
        found = _core.codebook_fit(TEXT, OFFSETS, None, None, stride, 9, 32)
        assert all((a == b).all() for a, b in zip(found, expected, strict=True))
    depth, symbol = CODEBOOK._depth, CODEBOOK._symbol
    with pytest.raises(ValueError, match=r"^expected num_threads of 1 to 256, found 2147483647"):
        _core.CodebookPruner(TEXT, OFFSETS, None, depth, symbol, None, 2**31 - 1)
    nothing = np.zeros((0, 3), np.uint32)
    assert len(_core.lz77_encode(TEXT[:0], nothing, None, 2**32 - 1)) == 16
    lanes = _core.ModelLanes(_core.StaticModel(np.zeros(256, np.float32)), 1)
    symbols = _core.RangeDecoder(1, 16).extend_lanes(lanes, 2**40, np.zeros(0, np.int64))
    assert symbols.shape == (2**40, 0)


def test_lanes_of_a_stream_that_no_encoder_begins() -> None:
    """They read zeros: the number that the stream begins with lies beyond every table."""
    decoder = _core.RangeDecoder(1, 16)
    with pytest.raises(FormatError, match="not a stream that an encoder writes"):
        decoder.start(b"\xff" * 8, 0)
    assert decoder.get_bits(16, 0) == 0
    assert decoder.extend_static(UNIFORM, 1, 0) == [0]


def test_memory_that_there_is_not() -> None:
    with pytest.raises((MemoryError, OverflowError)):
        _core.uninitialized_bytes(sys.maxsize)


def test_padded_windows_without_a_codeword() -> None:
    window = np.array([[0, 5, 0, 1, 1, 0]], np.uint64)  # from 5 + 2^-32 on, one codeword wide
    codewords, counts = _core.padded_codewords(window)
    assert (codewords == 0).all()
    assert counts == [0.0]


def decoding(count: int = 50) -> _core.WindowDecoding:
    codewords = np.zeros((count, 2), np.uint64)
    codewords[:, 1] = np.random.default_rng(1).integers(0, 2**32, count)
    return _core.WindowDecoding(_core.WindowMemo(32, 16, 256, None, 1 << 20), None, 8, codewords)


def rows_of(count: int) -> NDArray[np.float32]:
    return np.tile(np.linspace(0, 9, 256, dtype=np.float32), (count, 1))


def answer_all(run: _core.WindowRun) -> None:
    while (wanted := run.advance()) != 0:
        contexts, lengths = run.prefixes(4)
        assert len(contexts) == len(lengths) == wanted
        run.answer(rows_of(wanted))


def test_runs_go_on_only_with_an_answer() -> None:
    """Lanes that went on without one read beyond their predictions."""
    expected = decoding()
    answer_all(expected)
    run = decoding()
    none = np.zeros((0, 256), np.float32)
    with pytest.raises(
        ValueError, match=r"^expected one row of 256 symbols for each of 0 prefixes"
    ):
        run.answer(none)
    for _ in range(3):
        wanted = run.advance()
        with pytest.raises(ValueError, match=r"^expected predictions for \d+ prefixes first"):
            run.advance()
        with pytest.raises(ValueError, match=r"^expected one row of 256 symbols"):
            run.answer(none)
        with pytest.raises(ModelError, match=rf"^row {wanted - 1}: a logit is NaN"):
            run.answer(np.vstack([rows_of(wanted - 1), np.full((1, 256), np.nan, np.float32)]))
        run.answer(rows_of(wanted))
        with pytest.raises(ValueError, match=r"^expected one row of 256 symbols for each of 0"):
            run.answer(none)
    answer_all(run)
    for found, wished in zip(run.decoded(), expected.decoded(), strict=True):
        assert (found == wished).all()


def test_memos_of_another_model() -> None:
    """Their prefixes have no room for the contexts of this one."""
    symbols, offsets = np.zeros(3, np.int32), np.array([0, 3])
    contexts, other = random_native_model().native, _core.StaticModel(np.zeros(256, np.float32))
    message = r"^expected a memo for this model, found one for another alphabet or context size"
    for memo_model, model in ((other, contexts), (contexts, other), (None, contexts)):
        memo = _core.WindowMemo(32, 16, 256, memo_model, 1 << 20)
        with pytest.raises(ValueError, match=message):
            _core.WindowEncoding(memo, model, 1, symbols, offsets)
    memo = _core.WindowMemo(32, 16, 200, None, 1 << 20)
    with pytest.raises(ValueError, match=message):
        _core.WindowEncoding(memo, other, 1, symbols, offsets)


def test_runs_that_a_failed_call_has_ended() -> None:
    model = _core.StaticModel(np.full(256, np.nan, np.float32))
    memo = _core.WindowMemo(32, 16, 256, model, 1 << 20)
    run = _core.WindowEncoding(memo, model, 1, np.zeros(9, np.int32), np.array([0, 9]))
    with pytest.raises(ModelError, match="a logit is NaN"):
        run.proceed(10)
    for call in (run.advance, lambda: run.proceed(1), lambda: run.prefixes(1)):
        with pytest.raises(RuntimeError, match=r"^expected a run that no failed call has ended"):
            call()


MODEL = _core.StaticModel(np.random.default_rng(2).normal(size=256).astype(np.float32))


def native_run(symbols: NDArray[np.int32], memo: _core.WindowMemo) -> _core.WindowEncoding:
    offsets = np.arange(0, len(symbols) + 1, 500)
    return _core.WindowEncoding(memo, MODEL, 16, symbols, offsets)


def new_memo() -> _core.WindowMemo:
    return _core.WindowMemo(32, 16, 256, MODEL, 1 << 20)


def test_threads_share_a_run() -> None:
    symbols = np.random.default_rng(3).integers(0, 256, 20_000).astype(np.int32)
    expected = native_run(symbols, new_memo())
    while not expected.proceed(1000):
        pass
    run = native_run(symbols, new_memo())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: [run.proceed(1) for _ in range(200)], range(4)))
    while not run.proceed(1000):
        pass
    for found, wished in zip(run.windows(), expected.windows(), strict=True):
        assert (found == wished).all()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_a_call_within_a_call_of_a_run() -> None:
    symbols = np.random.default_rng(3).integers(0, 256, 4_000_000).astype(np.int32)
    run = native_run(symbols, new_memo())
    found: list[Exception] = []

    def within(*_: Any) -> None:
        try:
            run.proceed(1)
        except RuntimeError as error:
            found.append(error)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, within)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            run.proceed(1 << 30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert "expected no call within another call of the same object" in str(found[0])
    with pytest.raises(RuntimeError, match="expected a run that no failed call has ended"):
        run.proceed(1)
