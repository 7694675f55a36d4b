"""Models: the protocol, the function adapter and the static model."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pytest

from eqinfo import ArithmeticCodec, WindowCodec
from eqinfo.errors import ModelError
from eqinfo.models import FRESH, FunctionModel, Model, StaticModel, numeric_fingerprint, protocol


def recording_model(context_length: int) -> tuple[FunctionModel, list[list[list[int]]]]:
    calls: list[list[list[int]]] = []

    def logits(contexts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        assert contexts.dtype == lengths.dtype == np.int32
        assert contexts.shape == (len(lengths), max(1, lengths.max()))
        assert all(not row[n:].any() for row, n in zip(contexts, lengths, strict=True))
        calls.append([row[:n].tolist() for row, n in zip(contexts, lengths, strict=True)])
        return np.zeros((len(lengths), 256), np.float32)

    return FunctionModel(logits, context_length=context_length, name="recording"), calls


def test_function_sees_the_whole_context_of_every_lane() -> None:
    model, calls = recording_model(100)
    state = model.start(3)
    lanes = np.array([2, 0], np.int64)
    model.step(state, np.array([FRESH, FRESH], np.int32), lanes)
    model.step(state, np.array([5, 7], np.int32), lanes)
    model.step(state, np.array([FRESH, 8], np.int32), np.array([1, 0], np.int64))
    model.reset(state, np.array([0], np.int64))
    model.step(state, np.array([6, FRESH], np.int32), lanes)
    assert calls == [[[], []], [[5], [7]], [[], [7, 8]], [[5, 6], []]]


def test_long_contexts_slide() -> None:
    model, calls = recording_model(70)
    state = model.start(1)
    lane = np.zeros(1, np.int64)
    for symbol in range(200):
        model.step(state, np.array([symbol], np.int32), lane)
        assert calls[-1] == [list(range(max(0, symbol - 69), symbol + 1))]


def test_static_logits_are_the_smoothed_counts() -> None:
    model = StaticModel([0, 1, 3, 1000])
    expected = np.log(np.array([1, 2, 4, 1001]))
    assert np.allclose(model.static_logits, expected, atol=math.log(2) / 1024)
    assert model.static_logits.dtype == np.float32
    fitted = StaticModel.fit("aab")
    assert fitted.counts[97:99] == (2, 1)
    assert sum(fitted.counts) == 3
    with pytest.raises(ValueError, match="none negative"):
        StaticModel([1, -1])
    with pytest.raises(ValueError, match=r"2 to 2\^18 counts"):
        StaticModel([1])


def test_fingerprints() -> None:
    a, b = StaticModel.fit("abc"), StaticModel.fit("abd")
    assert a.fingerprint != b.fingerprint
    assert numeric_fingerprint(a) != numeric_fingerprint(b)
    assert numeric_fingerprint(a) == numeric_fingerprint(StaticModel.fit("abc"))

    def as_function(model: StaticModel, name: str | None = None) -> FunctionModel:
        row = model.static_logits
        return FunctionModel(lambda c, n: np.tile(row, (len(n), 1)), name=name)

    assert as_function(a).fingerprint == as_function(a).fingerprint != as_function(b).fingerprint
    assert as_function(a, "mine").fingerprint == "function:mine"
    # The same logits up to what the frequencies cannot see.
    shifted = FunctionModel(lambda c, n: np.tile(a.static_logits + 1, (len(n), 1)))
    assert shifted.fingerprint == as_function(a).fingerprint


def test_a_model_is_anything_with_the_methods() -> None:
    class Counter:
        """Predicts the symbol after the last one."""

        vocab_size = 16
        fingerprint = "counter"

        def start(self, batch: int) -> np.ndarray:
            return np.full(batch, 15, np.int64)

        def reset(self, state: np.ndarray, lanes: np.ndarray) -> None:
            state[lanes] = 15

        def step(self, state: np.ndarray, symbols: np.ndarray, lanes: np.ndarray) -> np.ndarray:
            seen = symbols != FRESH
            state[lanes[seen]] = symbols[seen]
            rows = np.zeros((len(lanes), 16), np.float32)
            rows[np.arange(len(lanes)), (state[lanes] + 1) % 16] = 9
            return rows

    model: Model = Counter()
    documents = [np.arange(n, dtype=np.int32) % 16 for n in (0, 1, 5, 100)]
    for codec in (WindowCodec(model, 16), WindowCodec(model, 32, 8), ArithmeticCodec(model)):
        decoded = codec.decode_symbols(codec.encode_symbols(documents))
        assert [d.tolist() for d in decoded] == [d.tolist() for d in documents]
    assert len(ArithmeticCodec(model).encode_symbols(documents)[-1]) < 5


def test_the_example_of_the_protocol_runs() -> None:
    text = protocol.__doc__ or ""
    example = text[text.index("    class Counter") : text.index("A function from")]
    names: dict[str, type] = {"np": np, "FRESH": FRESH}  # type: ignore[dict-item]
    exec(textwrap.dedent(example), names)
    codec = ArithmeticCodec(names["Counter"]())
    documents = [bytes(range(100)), b"", b"any other text"]
    assert [codec.decode_bytes(t) for t in codec.encode_batch(documents)] == documents
    assert len(codec.encode(documents[0])) < 5


def test_function_models_from_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra; continuous integration has it")
    torch.manual_seed(0)
    table = torch.randn(256, 256)

    def logits(contexts: np.ndarray, lengths: np.ndarray) -> object:
        last = contexts[np.arange(len(lengths)), np.maximum(lengths - 1, 0)]
        return table[torch.from_numpy(last).long()]

    model = FunctionModel(logits)
    text = "tensors come in by DLPack, without a copy"
    codec = WindowCodec(model, 32, 8)
    assert codec.decode(codec.encode(text)) == text
    gradient = FunctionModel(lambda c, n: torch.zeros(len(n), 256, requires_grad=True))
    with pytest.raises(ModelError, match="DLPack can export"):
        WindowCodec(gradient, 32).encode(text)
    half = FunctionModel(lambda c, n: torch.zeros(len(n), 256, dtype=torch.float16))
    with pytest.raises(ModelError, match="answered with float16"):
        WindowCodec(half, 32).encode(text)
    elsewhere = FunctionModel(lambda c, n: torch.zeros(len(n), 256, device="meta"))
    with pytest.raises(ModelError, match=r"DLPack can export, .* meta"):
        WindowCodec(elsewhere, 32).encode(text)
