"""verify=True, and what codecs say about a model that answers badly."""

from __future__ import annotations

import numpy as np
import pytest

import eqinfo
from eqinfo import ArithmeticCodec, WindowCodec
from eqinfo.codecs.model_codec import ModelCodec
from eqinfo.errors import ModelError, ModelMismatchError
from eqinfo.models import (
    FunctionModel,
    StaticModel,
    check_numeric_fingerprint,
    numeric_fingerprint,
)
from strategies import TEXTS, adversarial_model

TEXT = "whoever asks twice should get the same answer twice"


def fickle(steady_calls: int, change: float = 1.0) -> FunctionModel:
    """Changes its answers after so many calls."""
    base = adversarial_model("random", memory=1)
    calls = 0

    def logits(contexts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        rows = base.logits(contexts, lengths)
        return rows if calls <= steady_calls else rows[:, ::-1] * np.float32(change)

    return FunctionModel(logits, context_length=16, name="fickle")


def codecs(model: FunctionModel, verify: bool) -> list[ModelCodec]:
    return [
        WindowCodec(model, 32, 8, verify=verify),
        WindowCodec(model, 32, variant="padded", verify=verify),
        WindowCodec(model, 24, reset_every=0, verify=verify),
        ArithmeticCodec(model, verify=verify),
    ]


@pytest.mark.parametrize("number", range(4))
def test_verify_notices_a_model_that_changes_its_answers(number: int) -> None:
    calls = 0

    def counting(contexts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return adversarial.logits(contexts, lengths)

    adversarial = adversarial_model("random", memory=1)
    steady = FunctionModel(counting, context_length=16, name="counting")
    expected = codecs(steady, False)[number].encode(TEXT)
    encoding_calls = calls
    # Encoding sees the old answers only, so nothing but decoding can notice.
    unnoticed = codecs(fickle(encoding_calls), False)[number]
    assert (unnoticed.encode(TEXT) == expected).all()
    with pytest.raises(
        ModelMismatchError,
        match="the model is not deterministic: it gave a different answer for the same context",
    ):
        codecs(fickle(encoding_calls), True)[number].encode(TEXT)


def test_verify_passes_what_is_right() -> None:
    documents = [text for text in TEXTS if len(text) < 200]
    for codec in codecs(adversarial_model("random", memory=1), True):
        tokens = codec.encode_batch(documents)
        assert [codec.decode_bytes(t) for t in tokens] == documents
    static = StaticModel.fit(TEXT)
    assert ArithmeticCodec(static, verify=True).encode("").size == 0
    tokens = eqinfo.encode(TEXT, static, window_bits=32, verify=True)
    assert eqinfo.decode(tokens, static, window_bits=32, verify=True) == TEXT
    assert (eqinfo.encode(TEXT, verify=True) == eqinfo.encode(TEXT)).all()
    with pytest.raises(ValueError, match="without verify to stream"):
        next(WindowCodec(static, 32, verify=True).encode_stream([TEXT]))


def test_verify_names_the_document_and_symbol() -> None:
    class Slipping(WindowCodec):
        def _decode_without_memo(self, documents):  # type: ignore[no-untyped-def]
            decoded = super()._decode_without_memo(documents)
            decoded[1][3] += 1
            return decoded

    codec = Slipping(StaticModel.fit(TEXT), 32, verify=True)
    with pytest.raises(ModelMismatchError, match=r"document 1: .* from symbol 3 on"):
        codec.encode_batch(["one", "another"])


def test_numeric_fingerprints_are_checked() -> None:
    model = adversarial_model("random", memory=1)
    stored = numeric_fingerprint(model)
    check_numeric_fingerprint(model, stored)
    other = adversarial_model("ties", memory=1)
    found = numeric_fingerprint(other)
    with pytest.raises(ModelMismatchError, match=f"fingerprint {stored}, found {found}"):
        check_numeric_fingerprint(other, stored)
    # A last digit that the frequencies cannot see is no other model; one that they see is.
    rows = np.linspace(-9, 0, 256, dtype=np.float32)

    def shifted(by: float) -> FunctionModel:
        return FunctionModel(lambda c, n: np.tile(rows * np.float32(by), (len(n), 1)))

    assert numeric_fingerprint(shifted(1)) == numeric_fingerprint(shifted(1 + 1e-7))
    assert numeric_fingerprint(shifted(1)) != numeric_fingerprint(shifted(1 + 1e-3))


class Elsewhere:
    """A DLPack array on a CUDA device, as far as anybody can ask here."""

    def __dlpack__(self, **_: object) -> object:
        raise AssertionError("nobody may ask for the data")

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)


@pytest.mark.parametrize("make", [lambda m: WindowCodec(m, 32), ArithmeticCodec])
def test_models_that_misbehave(make: object) -> None:
    def encode(function: object) -> None:
        make(FunctionModel(function, name="bad")).encode(TEXT)  # type: ignore[arg-type, operator]

    with pytest.raises(ModelError, match=r"on the CPU, found DLPack device \(2, 0\)"):
        encode(lambda c, n: Elsewhere())
    with pytest.raises(ModelError, match="the model raised KeyError: 'weights'") as caught:
        encode(lambda c, n: {}["weights"])
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ModelError, match=r"row 0: a logit is NaN"):
        encode(lambda c, n: np.full((len(n), 256), np.nan, np.float32))
    with pytest.raises(ModelError, match=r"shape \(1, 256\), .* with shape \(256,\)"):
        encode(lambda c, n: np.zeros(256, np.float32))
    with pytest.raises(ModelError, match="answered with int64"):
        encode(lambda c, n: np.zeros((len(n), 256), np.int64))
    with pytest.raises(KeyboardInterrupt):
        encode(lambda c, n: exec("raise KeyboardInterrupt"))


def test_a_model_that_fails_to_start() -> None:
    class NoMemory:
        vocab_size = 256
        fingerprint = "none"

        def start(self, batch: int) -> object:
            raise MemoryError(f"{batch} lanes")

    # It says nothing about the model, so it stays what it is.
    with pytest.raises(MemoryError, match="1 lanes"):
        ArithmeticCodec(NoMemory()).encode("x")  # type: ignore[arg-type]
    with pytest.raises(MemoryError):
        numeric_fingerprint(NoMemory())  # type: ignore[arg-type]
