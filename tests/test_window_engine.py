"""The window engine against the loops without a memo, whose tokens it must give."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codecs.windows import WindowCodec
from eqinfo.errors import FormatError, ModelError, UnsupportedError
from eqinfo.frequency import instruction_set, set_instruction_set
from eqinfo.models import FunctionModel, NativeModel, StaticModel
from eqinfo.window.engine import WindowEngine
from eqinfo.window.lanes import decode_windows
from native_cases import random_native_model
from strategies import KINDS, TEXTS, adversarial_model, examples

Symbols = NDArray[np.int32]
MEMORY = (0, 3_000, 40_000, 1 << 24)
LANES = (1, 7, 256)
AnyModel = FunctionModel | StaticModel | NativeModel


class Stepping:
    """A model as the codec sees one without `logits_at`: coded by the loops without a memo."""

    def __init__(self, model: AnyModel, precision: int = 16) -> None:
        self.start, self.step, self.reset = model.start, model.step, model.reset
        if isinstance(model, NativeModel):
            self.step = partial(model.frequencies, precision=precision)
        self.vocab_size, self.fingerprint = model.vocab_size, model.fingerprint


def random_text(rng: np.random.Generator, vocab_size: int, length: int) -> Symbols:
    """Symbols among which the small ones are frequent."""
    return (vocab_size * rng.random(length) ** 4).astype(np.int32)


def check(
    model: AnyModel, documents: list[Symbols], window_bits: int, **options: int
) -> WindowCodec:
    """Code twice, the second time with what the first has left in the memo."""
    codec = WindowCodec(model, window_bits, min(16, window_bits), **options)
    plain = WindowCodec(
        Stepping(model, codec.precision),
        window_bits,
        min(16, window_bits),
        precision=codec.precision,
    )
    assert codec.statistics is not None
    assert plain.statistics is None
    expected = plain.encode_symbols(documents)
    for _ in range(2):
        tokens = codec.encode_symbols(documents)
        assert [t.tolist() for t in tokens] == [t.tolist() for t in expected]
        for found, symbols in zip(codec.decode_symbols(tokens), documents, strict=True):
            assert found.tolist() == symbols.tolist()
    return codec


@examples(60)
@given(st.data())
def test_tokens_are_those_of_the_loops_without_a_memo(data: st.DataObject) -> None:
    vocab_size = data.draw(st.sampled_from([2, 3, 256, 1000]))
    least = 14 if vocab_size == 1000 else 12 if vocab_size == 256 else 8
    window_bits = data.draw(st.sampled_from([16, 20, 24, 32, 64, 128]))
    precision = data.draw(st.sampled_from([p for p in (least, 16, 17, 24) if p <= window_bits]))
    kind = data.draw(st.sampled_from(KINDS))
    lengths = st.one_of(st.just(0), st.integers(1, 60))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    documents = [
        random_text(rng, vocab_size, length) for length in data.draw(st.lists(lengths, max_size=12))
    ]
    documents += documents[:2]
    check(
        adversarial_model(kind, vocab_size, context_length=3),
        documents,
        window_bits,
        precision=precision,
        lanes=data.draw(st.sampled_from(LANES)),
        memory=data.draw(st.sampled_from(MEMORY)),
    )


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("lanes", LANES)
def test_native_models(memory: int, lanes: int) -> None:
    rng = np.random.default_rng(lanes)
    for vocab_size, window_bits in ((2, 16), (3, 128), (256, 32), (1000, 20), (5000, 24)):
        text = random_text(rng, vocab_size, 3000)
        model = StaticModel(np.bincount(text, minlength=vocab_size).tolist())
        documents = [text[a : a + n] for a, n in zip(*rng.integers(0, 300, (2, 20)), strict=True)]
        codec = check(model, documents, window_bits, memory=memory, lanes=lanes)
        assert codec.statistics is not None
        assert codec.statistics.model_seconds > 0


@pytest.mark.parametrize("memory", MEMORY)
def test_native_models_with_contexts(memory: int) -> None:
    model = random_native_model().without_history()
    rng = np.random.default_rng(0)
    text = rng.choice(np.frombuffer(b"etaoin shrdlu", np.uint8), 400).astype(np.int32)
    documents = [text[a : a + n] for a, n in zip(*rng.integers(0, 200, (2, 9)), strict=True)]
    for window_bits in (16, 32, 128):
        for lanes in (1, 7):
            codec = check(model, documents, window_bits, memory=memory, lanes=lanes)
            assert codec.statistics is not None
            assert codec.statistics.calls > 0


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
@pytest.mark.parametrize("kind", KINDS)
def test_instruction_sets_give_the_same_tokens(level: str, kind: str) -> None:
    before = instruction_set()
    try:
        set_instruction_set(level)
    except UnsupportedError:
        pytest.skip(f"this processor has no {level}")
    try:
        rng = np.random.default_rng(0)
        for vocab_size in (2, 15, 16, 17, 255, 256, 300):
            documents = [random_text(rng, vocab_size, n) for n in (70, 70, 3)]
            for window_bits in (16, 40):
                check(adversarial_model(kind, vocab_size), documents, window_bits)
    finally:
        set_instruction_set(before)


def test_texts_of_bytes_and_views() -> None:
    model = adversarial_model("random", memory=1)
    codec = WindowCodec(model, 24, 8)
    plain = WindowCodec(Stepping(model), 24, 8)
    for text in TEXTS:
        assert codec.windows(text) == plain.windows(text)
        assert codec.decode_bytes(codec.encode(text)) == text
    text = max(TEXTS, key=len)
    views = codec.windows(text)
    tokens = codec.encode(text)
    assert codec.decode_windows(tokens, 1, 3) == views[1].text + views[2].text


def test_every_codeword_decodes() -> None:
    model = adversarial_model("random")
    rng = np.random.default_rng(0)
    for window_bits in (16, 20, 128):
        codec = WindowCodec(model, window_bits, memory=10_000)
        codewords = rng.integers(0, 1 << 64, (300, 2), np.uint64)
        mask = (1 << window_bits) - 1
        codewords &= np.array([mask >> 64, mask & ((1 << 64) - 1)], np.uint64)
        engine = WindowEngine(model, codec.parameters, 7, 10_000)
        plain = decode_windows(model, [codewords[:150], codewords[150:]], codec.parameters, 64)
        for found, expected in zip(
            engine.decode([codewords[:150], codewords[150:]]), plain, strict=True
        ):
            assert found.tolist() == expected.tolist()
        windows = [engine.encode([engine.decode([word[None]])[0]])[0] for word in codewords[:50]]
        # A decoded window is a prefix of what greedy encoding would put into one.
        assert all(len(codewords) <= 1 for codewords in windows)


def test_a_prefix_is_asked_for_once() -> None:
    asked: list[bytes] = []
    model = adversarial_model("random", memory=1)

    def logits(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        asked.extend(
            contexts[i, :length].astype(np.uint8).tobytes()
            for i, length in enumerate(lengths.tolist())
        )
        return np.asarray(model.logits(contexts, lengths))

    codec = WindowCodec(FunctionModel(logits, name="counted"), 32)
    texts = [b"one text", b"one text", b"another text", b"one tale"]
    tokens = codec.encode_batch(texts)
    assert len(set(asked)) == len(asked)
    statistics = codec.statistics
    assert statistics is not None
    assert statistics.calls == statistics.prefixes == len(asked)
    assert statistics.symbols == sum(map(len, texts))
    # Nothing new: neither for the same texts, nor for decoding them.
    assert [codec.decode_bytes(t) for t in tokens] == texts
    codec.encode_batch(texts[::-1])
    assert len(asked) == statistics.calls


def test_memory_is_bounded() -> None:
    rng = np.random.default_rng(0)
    documents = [random_text(rng, 256, 400) for _ in range(30)]
    model = adversarial_model("random", memory=1)
    for memory in (2_000, 50_000, 200_000):
        codec = WindowCodec(model, 32, memory=memory)
        codec.encode_symbols(documents)
        statistics = codec.statistics
        assert statistics is not None
        assert statistics.times_full > 0
        # The table of edges begins with 1,024 entries of 4 bytes.
        assert statistics.memory_bytes <= memory + 4096
    with pytest.raises(ValueError, match="memory of 0 bytes or more, found -1"):
        WindowCodec(model, memory=-1)
    with pytest.raises(ValueError, match="idle_memory of 0 bytes or more, found -2"):
        WindowCodec(model, idle_memory=-2)


def test_idle_memory_is_bounded_over_all_threads() -> None:
    rng = np.random.default_rng(0)
    texts = [random_text(rng, 256, 300).astype(np.uint8).tobytes() for _ in range(40)]
    model = adversarial_model("random", memory=1)
    expected = [tokens.tolist() for tokens in WindowCodec(model, 32).encode_batch(texts)]
    for idle_memory in (0, 400_000):
        codec = WindowCodec(model, 32, idle_memory=idle_memory)
        with ThreadPoolExecutor(4) as pool:
            assert [tokens.tolist() for tokens in pool.map(codec.encode, texts)] == expected
        statistics = codec.statistics
        assert statistics is not None
        assert statistics.memory_bytes <= idle_memory
        assert statistics.symbols == 40 * 300
        assert (statistics.prefixes == 0) == (idle_memory == 0)


def test_prepared_prefixes_are_not_asked_for_again() -> None:
    model = adversarial_model("random", memory=1)
    codec = WindowCodec(model, 24)
    codec.prepare(14)
    statistics = codec.statistics
    assert statistics is not None
    assert statistics.prepared == statistics.calls == statistics.prefixes
    # All prefixes that own 2^14 codewords, counted by the loops without a memo.
    prefixes: list[bytes] = [b""]
    for prefix in prefixes:
        words = np.array([[0, 0, 0, (1 << 24) - 1]], np.uint64)
        for length in range(len(prefix) + 1):
            seen = np.frombuffer(prefix[:length], np.uint8).astype(np.int32)
            row = model.logits_at(np.append(seen, 0)[None].astype(np.int32), np.int32([length]))
            _, symbols, children = _core.window_children(words, row, codec.precision)
            if length < len(prefix):
                words = children[symbols == prefix[length]]
        prefixes += [
            prefix + bytes([symbol])
            for symbol, child in zip(symbols, children, strict=True)
            if child[3] + 1 >= 1 << 14
        ]
    assert statistics.prefixes == len(prefixes)
    codec.prepare(14)
    assert codec.statistics is not None
    assert codec.statistics.calls == statistics.calls
    text = b"a text that is coded after that"
    assert codec.decode_bytes(codec.encode(text)) == text
    assert (codec.encode(text) == WindowCodec(Stepping(model), 24).encode(text)).all()
    small = WindowCodec(model, 24, memory=20_000)
    small.prepare(2)
    assert small.statistics is not None
    assert small.statistics.times_full == 0
    assert (small.encode(text) == codec.encode(text)).all()
    with pytest.raises(ValueError, match=r"expected least_bits of 1 to window_bits"):
        codec.prepare(25)
    with pytest.raises(UnsupportedError, match="reset_every=1 of a native model or a ContextModel"):
        WindowCodec(Stepping(model), 24).prepare()


def test_a_model_that_fails_loses_nothing_else() -> None:
    model = adversarial_model("random", memory=1)
    fail = False

    def logits(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        rows = np.asarray(model.logits(contexts, lengths)).copy()
        if fail and lengths.max() > 2:
            rows[-1, 3] = np.nan
        return rows

    codec = WindowCodec(FunctionModel(logits, name="failing"), 64)
    texts = [b"one text", b"another text", b"a third"]
    tokens = codec.encode_batch(texts[:1])
    fail = True
    # Two lanes share no prefix of three bytes: the second row of a batch is the bad one.
    with pytest.raises(ModelError, match="row 1: a logit is NaN"):
        codec.encode_batch(texts[1:])
    assert codec.encode_batch(texts[:1])[0].tolist() == tokens[0].tolist()
    assert codec.decode_bytes(tokens[0]) == texts[0]
    fail = False
    plain = WindowCodec(Stepping(model), 64).encode_batch(texts)
    assert [t.tolist() for t in codec.encode_batch(texts)] == [t.tolist() for t in plain]

    def stop(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        raise KeyError("gone")

    with pytest.raises(ModelError, match="KeyError: 'gone'"):
        WindowCodec(FunctionModel(stop, name="stops")).encode("x")
    ready = FunctionModel(lambda c, n: np.full((len(n), 256), 255, np.uint32), name="ready")
    with pytest.raises(ModelError, match="row 0: the frequencies do not sum"):
        WindowCodec(ready).encode("x")


def test_threads_share_a_codec() -> None:
    rng = np.random.default_rng(0)
    texts = [random_text(rng, 256, 200).astype(np.uint8).tobytes() for _ in range(40)]
    for model in (adversarial_model("random", memory=1), StaticModel.fit(b"".join(texts))):
        codec = WindowCodec(model, 32, memory=100_000)
        with ThreadPoolExecutor(4) as pool:
            tokens = list(pool.map(codec.encode, texts))
            assert list(pool.map(codec.decode_bytes, tokens)) == texts
        assert codec.statistics is not None
        assert codec.statistics.symbols == 2 * 40 * 200


def test_progress_counts_the_symbols() -> None:
    reports: list[tuple[int, int | None]] = []
    codec = WindowCodec(
        adversarial_model("random"), 32, progress=lambda *report: reports.append(report)
    )
    tokens = codec.encode_batch(["some text", "and more text"])
    assert len(reports) > 1
    assert reports == sorted(set(reports))
    assert reports[0][0] > 0
    assert reports[-1] == (22, 22)
    codec.decode_batch(tokens)
    assert reports[-1] == (22, None)


def test_pickles_without_what_was_learnt() -> None:
    codec = WindowCodec(StaticModel.fit("a text to count"), 32)
    tokens = codec.encode("a text")
    again = pickle.loads(pickle.dumps(codec))
    assert again.statistics.symbols == 0
    assert again.encode("a text").tolist() == tokens.tolist()


def test_other_windows_are_coded_step_by_step() -> None:
    model = adversarial_model("random")
    for options in ({"variant": "padded"}, {"variant": "delay"}, {"reset_every": 3}):
        assert WindowCodec(model, 24, **options).statistics is None  # type: ignore[arg-type]


def test_wrong_use_of_runs() -> None:
    memo = _core.WindowMemo(16, 16, 256, None, 1000)
    symbols, offsets = np.zeros(3, np.int32), np.array([0, 3])
    first = _core.WindowEncoding(memo, None, 1, symbols, offsets)
    assert first.advance() == 1
    with pytest.raises(ValueError, match="expected a run with a native model"):
        first.proceed(1)
    with pytest.raises(ValueError, match=r"expected one row of .* symbols for each of"):
        first.answer(np.zeros((2, 256), np.float32))
    _core.WindowEncoding(memo, None, 1, symbols, offsets)
    with pytest.raises(ValueError, match="another run has begun"):
        first.advance()
    with pytest.raises(ValueError, match="symbol number 1: not in the alphabet"):
        _core.WindowEncoding(memo, None, 1, np.array([0, 256, 0], np.int32), offsets)
    with pytest.raises(ValueError, match="expected offsets that never fall"):
        _core.WindowEncoding(memo, None, 1, symbols, np.array([0, 5, 3]))
    with pytest.raises(FormatError, match="stream 1: not a stream that an encoder writes"):
        _core.WindowDecoding(memo, None, 1, np.array([[0, 5], [0, 1 << 16]], np.uint64))
