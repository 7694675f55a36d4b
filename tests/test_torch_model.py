"""TorchModel: a row depends on its own context only, whatever the other rows are."""

from __future__ import annotations

import numpy as np
import pytest

from eqinfo import ArithmeticCodec, Codebook, WindowCodec
from eqinfo.errors import ModelError
from eqinfo.models import FRESH

torch = pytest.importorskip("torch", reason="needs the extra torch")

from torch import nn  # noqa: E402

from eqinfo.models import TorchModel  # noqa: E402

TEXTS = [b"", b"a", b"lanes of several lengths", bytes(range(220, 256)), b"the same text " * 2]

torch.set_num_threads(1)


class Causal(nn.Module):
    """A Transformer layer with learnt positions, 24 of them."""

    def __init__(self, vocab_size: int = 256) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.positions = nn.Embedding(24, 32)
        self.embedding = nn.Embedding(vocab_size, 32)
        self.layer = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.5, batch_first=True)
        self.output = nn.Linear(32, vocab_size)
        self.shapes: set[tuple[int, ...]] = set()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        assert tokens.dtype == torch.int64
        self.shapes.add(tuple(tokens.shape))
        length = tokens.shape[1]
        hidden = self.embedding(tokens) + self.positions(torch.arange(length))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        return self.output(self.layer(hidden, src_mask=mask, is_causal=True)) * 5


class Recurrent(nn.Module):
    """A GRU that keeps its state in a tuple, or with ``single`` in a tensor."""

    def __init__(self, single: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(256, 16)
        self.cell = nn.GRUCell(16, 32)
        self.output = nn.Linear(32, 256)
        self.single = single

    def start(self, batch: int) -> object:
        hidden = torch.ones(batch, 32)
        return hidden if self.single else (hidden, torch.zeros(batch, dtype=torch.int64))

    def step(self, state: object, tokens: torch.Tensor) -> tuple[torch.Tensor, object]:
        hidden = state if self.single else state[0]  # type: ignore[index]
        hidden = self.cell(self.embedding(tokens), hidden)
        logits = self.output(hidden) * 5
        return logits, hidden if self.single else (hidden, state[1] + 1)  # type: ignore[index]


def models() -> list[TorchModel]:
    return [
        TorchModel(Causal(), context_length=24, begin=10),
        TorchModel(Causal(), context_length=24, batch=4),
        TorchModel(Recurrent()),
        TorchModel(Recurrent(single=True), batch=3, begin=7),
    ]


@pytest.mark.parametrize("number", range(4))
def test_round_trips_do_not_depend_on_the_neighbours(number: int) -> None:
    model = models()[number]
    for codec in (
        ArithmeticCodec(model, lanes=3),
        WindowCodec(model, 32, 8),
        WindowCodec(model, 24, reset_every=0, lanes=2),
    ):
        tokens = codec.encode_batch(TEXTS)
        # Each alone, and in another order beside others.
        assert [codec.decode_bytes(t) for t in tokens] == TEXTS
        again = codec.encode_batch(TEXTS[::-1])
        assert [t.tolist() for t in again] == [t.tolist() for t in tokens][::-1]


def test_contexts_slide_after_begin() -> None:
    seen: list[list[int]] = []

    class Recording(nn.Module):
        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            seen.append(tokens[0].tolist())
            return torch.zeros(*tokens.shape, 256)

    model = TorchModel(Recording(), context_length=5, begin=9)
    state = model.start(1)
    lane = np.zeros(1, np.int64)
    for symbol in (FRESH, 1, 2, 3, 4, 5, 6):
        model.step(state, np.array([symbol], np.int32), lane)
    # Padded with `begin` to a power of two; a causal module does not see what follows.
    assert seen == [
        [9], [9, 1], [9, 1, 2, 9], [9, 1, 2, 3], [9, 1, 2, 3, 4], [9, 2, 3, 4, 5], [9, 3, 4, 5, 6],
    ]  # fmt: skip


def test_a_symbol_may_come_without_the_prediction_before_it() -> None:
    for model in models():
        state, lane = model.start(2), np.ones(1, np.int64)
        model.step(state, np.array([FRESH], np.int32), lane)
        expected = model.step(state, np.array([65], np.int32), lane)
        model.reset(state, lane)
        assert (model.step(state, np.array([65], np.int32), lane) == expected).all()


def test_calls_have_few_shapes() -> None:
    module = Causal()
    model = TorchModel(module, context_length=24, batch=4)
    ArithmeticCodec(model).encode_batch(TEXTS)
    assert module.shapes == {(4, width) for width in (1, 2, 4, 8, 16, 24)}
    assert not module.training


def test_state_equals_recomputing() -> None:
    recurrent = Recurrent()

    class Unrolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = recurrent

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            state, rows = self.inner.start(len(tokens)), []
            for column in tokens.T:
                row, state = self.inner.step(state, column)
                rows.append(row)
            return torch.stack(rows, 1)

    text = b"one way or the other"
    tokens = ArithmeticCodec(TorchModel(recurrent)).encode(text)
    assert (ArithmeticCodec(TorchModel(Unrolled())).encode(text) == tokens).all()


def test_fingerprints_tell_weights_apart() -> None:
    a, b = TorchModel(Recurrent()), TorchModel(Recurrent())
    assert a.fingerprint == b.fingerprint
    with torch.no_grad():
        b.module.output.bias[3] += 1
    assert TorchModel(b.module).fingerprint != a.fingerprint
    assert a.fingerprint.startswith("torch:")


def test_a_codebook_of_a_module() -> None:
    model = TorchModel(Recurrent(), batch=64)
    codebook = Codebook.from_model(model, 12)
    text = b"windows of twelve bits"
    assert (codebook.encode(text) == WindowCodec(model, 12).encode(text)).all()


def answering(answer: object) -> TorchModel:
    class Module(nn.Module):
        def forward(self, tokens: torch.Tensor) -> object:
            return answer(tokens)  # type: ignore[operator]

    return TorchModel(Module())


def test_half_precision_and_gradients_are_fine() -> None:
    row = torch.linspace(-3, 3, 256)
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        rows = row.to(dtype).requires_grad_()
        model = answering(lambda tokens, rows=rows: rows.expand(*tokens.shape, 256) * 1)
        codec = ArithmeticCodec(model)
        assert codec.decode_bytes(codec.encode(b"half")) == b"half"


def test_modules_that_misbehave() -> None:
    def encode(answer: object) -> None:
        ArithmeticCodec(answering(answer)).encode(b"x")

    with pytest.raises(
        ModelError, match=r"shape \(1, 1, 256\), the module answered with \(1, 256\)"
    ):
        encode(lambda tokens: torch.zeros(len(tokens), 256))
    with pytest.raises(ModelError, match=r"shape \(1, 1, 256\), .* with \(1, 1, 257\)"):
        encode(lambda tokens: torch.zeros(*tokens.shape, 257))
    with pytest.raises(
        ModelError, match=r"floats of up to 32 bits, .* answered with torch.float64"
    ):
        encode(lambda tokens: torch.zeros(*tokens.shape, 256, dtype=torch.float64))
    with pytest.raises(ModelError, match=r"answered with torch.int64"):
        encode(lambda tokens: torch.zeros(*tokens.shape, 256, dtype=torch.int64))
    with pytest.raises(ModelError, match=r"expected logits as a tensor, .* answered with ndarray"):
        encode(lambda tokens: np.zeros((1, 1, 256), np.float32))
    with pytest.raises(ModelError, match="on the device meta"):
        encode(lambda tokens: torch.zeros(*tokens.shape, 256, device="meta"))
    with pytest.raises(ModelError, match="a logit is NaN"):
        encode(lambda tokens: torch.full((*tokens.shape, 256), torch.nan))
    with pytest.raises(ModelError, match="the model raised RuntimeError: "):
        encode(lambda tokens: torch.zeros(2, 3) @ torch.zeros(2, 3))
    with pytest.raises(ModelError, match="the model raised IndexError: "):
        ArithmeticCodec(TorchModel(Causal(), begin=256)).encode(b"x")
    # More positions than the module has.
    with pytest.raises(ModelError, match="the model raised "):
        ArithmeticCodec(TorchModel(Causal(), context_length=40)).encode(bytes(40))


def test_invalid_states() -> None:
    class Bad(Recurrent):
        fresh: object = None

        def start(self, batch: int) -> object:
            return self.fresh

    module = Bad()
    module.fresh = [1]
    with pytest.raises(ModelError, match="first dimension is the lane, found int"):
        ArithmeticCodec(TorchModel(module)).encode(b"x")
    module.fresh = torch.zeros(2, 32)
    with pytest.raises(ModelError, match=r"with first dimension 1, found shape \(2, 32\)"):
        ArithmeticCodec(TorchModel(module)).encode(b"x")


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match=r"expected an nn.Module, found function"):
        TorchModel(lambda tokens: tokens)
    with pytest.raises(ValueError, match="a context_length of 2 or more, found 1"):
        TorchModel(Causal(), context_length=1)
    with pytest.raises(ValueError, match="a batch of 1 row or more, found 0"):
        TorchModel(Causal(), batch=0)
