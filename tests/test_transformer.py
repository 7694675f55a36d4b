from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eqinfo import ArithmeticCodec, WindowCodec, frequency
from eqinfo.errors import ChecksumError, FormatError, NewerVersionError, UnsupportedError
from eqinfo.models import FRESH
from eqinfo.models.transformer import TransformerModel
from eqinfo.models.transformer import file as transformer_file
from eqinfo.models.transformer.conversion import quantise
from eqinfo.reference import exp2
from eqinfo.reference.transformer import transformer_logits
from eqinfo.window import VARIANTS, Variant
from levels import LEVELS, at_level
from transformer_cases import (
    ALPHABET,
    BEGIN,
    POSITIONS,
    float_transformer,
    random_tensors,
    random_transformer,
)

KINDS: list[dict[str, Any]] = [
    {},
    {"tied": False, "bias": True},
    {"scale": 300.0},  # values that leave their range
    {"scale": 1e-3},
]
SYMBOLS = np.random.default_rng(7).integers(0, ALPHABET, POSITIONS - 1).astype(np.int32)


def defined(model: TransformerModel, symbols: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the logits after every prefix by the portable definition, a symbol at a time."""
    return model.native.define(np.concatenate([[FRESH], symbols]).astype(np.int32))


@pytest.mark.parametrize("input_bits", [8, 15])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_logits_equal_the_reference(input_bits: int, kind: dict[str, Any]) -> None:
    model = random_transformer(input_bits, **kind)
    expected = list(transformer_logits(model.tensors, SYMBOLS.tolist()))
    assert defined(model, SYMBOLS).tolist() == expected
    for level in LEVELS[: LEVELS.index(frequency.instruction_set()) + 1]:
        with at_level(level):
            assert model.logits(SYMBOLS).tolist() == expected


@pytest.mark.parametrize("input_bits", [8, 15])
def test_long_sums_are_equal_at_every_level(input_bits: int) -> None:
    """Of more inputs and positions than sums of 32 bits may have, and no multiple of a vector."""
    model = random_transformer(input_bits, width=80, units=1104, head_width=48, positions=1050)
    symbols = np.random.default_rng(2).integers(0, ALPHABET, 1043)
    with at_level("scalar"):
        expected = model.logits(symbols)
    for level in LEVELS[1 : LEVELS.index(frequency.instruction_set()) + 1]:
        with at_level(level):
            assert np.array_equal(model.logits(symbols), expected)


def float_logits(kind: dict[str, Any], symbols: list[int]) -> NDArray[np.float64]:
    """Return the logits after symbols, in 1024ths of an octave, in floating point."""
    network = float_transformer(**kind)
    half = network.angles.shape[1]

    def norm(x: NDArray[Any], name: str) -> NDArray[Any]:
        scale = np.sqrt((x * x).mean(-1, keepdims=True) + network.epsilon)
        return np.asarray(x / scale * network[name])

    def product(x: NDArray[Any], name: str) -> NDArray[Any]:
        bias = network.tensor(f"{name}.bias")
        return np.asarray(x @ network[name].T + (0 if bias is None else bias))

    def turned(x: NDArray[Any]) -> NDArray[Any]:
        cosine = np.cos(network.angles)[: len(x), None]
        sine = np.sin(network.angles)[: len(x), None]
        first, second = x[..., :half], x[..., half:]
        return np.concatenate(
            [first * cosine - second * sine, second * cosine + first * sine], axis=-1
        )

    x = network["embedding"][[BEGIN, *symbols]]
    hidden = np.triu(np.ones((len(x), len(x)), np.bool_), 1)
    for layer in range(network.layers):
        name = f"layers.{layer}."
        row = norm(x, name + "attention_norm")
        query, key, value = (
            product(row, name + part).reshape(len(x), -1, 2 * half)
            for part in ("query", "key", "value")
        )
        query, key = turned(query), turned(key)
        heads = []
        for h in range(network.heads):
            k = h // (network.heads // network.key_heads)
            scores = query[:, h] @ key[:, k].T / np.sqrt(2 * half)
            scores[hidden] = -np.inf
            weights = np.exp(scores - scores.max(1, keepdims=True))
            heads.append(weights / weights.sum(1, keepdims=True) @ value[:, k])
        x = x + product(np.concatenate(heads, axis=1), name + "attention")
        row = norm(x, name + "units_norm")
        gate = product(row, name + "gate")
        units = gate / (1 + np.exp(-gate)) * product(row, name + "up")
        x = x + product(units, name + "down")
    head = network["embedding"] if network.tensor("head") is None else network["head"]
    return np.asarray(norm(x, "norm") @ head.T * 1024 / np.log(2))


@pytest.mark.parametrize(("input_bits", "most"), [(8, 0.03), (15, 0.02)])
@pytest.mark.parametrize("kind", [{"scale": 0.3}, {"scale": 0.3, "bias": True}], ids=str)
def test_logits_are_those_of_the_float_network(
    kind: dict[str, Any], input_bits: int, most: float
) -> None:
    expected = float_logits(kind, SYMBOLS.tolist())
    found = random_transformer(input_bits, **kind).logits(SYMBOLS)
    error = np.sqrt(np.square(found - expected).mean())
    assert error < most * expected.std()


def steps(model: TransformerModel, texts: NDArray[np.int32], lanes: list[int]) -> NDArray[Any]:
    """Return frequencies after every prefix of each text, shape (n + 1, texts, alphabet)."""
    state, at = model.start(len(lanes)), np.array(lanes)
    rows = [model.step(state, np.full(len(lanes), FRESH, np.int32), at)]
    rows += [model.step(state, column, at) for column in texts.T.copy()]
    return np.array(rows)


def frequencies(logits: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the frequencies of 24 bits that rule 1 makes of integer logits."""
    rows = []
    for row in logits.tolist():
        below = [min(max(row) - logit, 31 * 1024) for logit in row]
        weights = [exp2(x % 1024) >> x // 1024 for x in below]
        total = sum(weights)
        shares = [1 + weight * (2**24 - len(row)) // total for weight in weights]
        shares[below.index(0)] += 2**24 - sum(shares)
        rows.append(shares)
    return np.array(rows)


@pytest.mark.parametrize("batch", [1, 7, 40])
def test_rows_do_not_depend_on_lanes_or_batch(batch: int) -> None:
    model = random_transformer()
    texts = np.random.default_rng(batch).integers(0, ALPHABET, (batch, 5)).astype(np.int32)
    found = steps(model, texts, list(range(batch))[::-1])
    for i in {0, batch // 2, batch - 1}:
        expected = frequencies(model.logits(texts[i]))
        assert (found[:, i] == expected).all()


def test_a_full_context_begins_again() -> None:
    model = random_transformer(context_length=8)
    symbols = SYMBOLS[:20]
    found = model.logits(symbols)
    assert (found == defined(model, symbols)).all()
    longer = random_transformer(context_length=POSITIONS)
    # `begin` and 7 symbols fill the context; the eighth makes it begin again with the last 4.
    assert (found[7] == longer.logits(symbols[:7])[-1]).all()
    for count in (8, 9, 11):
        assert (found[count] == longer.logits(symbols[4:count])[-1]).all()
    assert (found[12] == longer.logits(symbols[8:12])[-1]).all()
    rows = steps(model, symbols[None], [0])[:, 0]
    assert (rows == frequencies(found)).all()


def test_lanes_are_reset() -> None:
    model = random_transformer()
    state, lane = model.start(2), np.array([1])
    first = model.step(state, np.array([FRESH], np.int32), lane)
    model.step(state, np.array([5], np.int32), lane)
    model.reset(state, lane)
    assert (model.step(state, np.array([FRESH], np.int32), lane) == first).all()


def test_symbols_out_of_range_are_refused() -> None:
    model = random_transformer()
    with pytest.raises(ValueError, match="symbol"):
        model.logits([1, ALPHABET])


@pytest.mark.parametrize("context_length", [5, 8, 24])
def test_symbols_of_one_lane_may_be_predicted_together(context_length: int) -> None:
    # The encoder asks for many predictions of few lanes at a time, and for one each of many.
    codec = ArithmeticCodec(random_transformer(context_length=context_length))
    texts = [bytes(range(i, i + 60)) for i in range(40)]
    together = [codec.encode(text).tolist() for text in texts[:3]]
    assert [tokens.tolist() for tokens in codec.encode_batch(texts)][:3] == together


def test_codecs_restore_bytes() -> None:
    data = bytes(range(256))
    model = random_transformer()
    codec = ArithmeticCodec(model, check_bits=32)
    assert codec.decode_bytes(codec.encode(data[:60])) == data[:60]
    windows = WindowCodec(model, window_bits=24)
    assert windows.decode_bytes(windows.encode(data[:20])) == data[:20]
    assert model.detokenize(model.tokenize(data)) == data


def test_a_file_holds_everything(tmp_path: Path) -> None:
    model = random_transformer()
    model.save(tmp_path / "m")
    loaded = TransformerModel.load(tmp_path / "m")
    assert loaded.fingerprint == model.fingerprint
    assert loaded.metadata["name"] == "random"
    assert (loaded.logits(SYMBOLS) == model.logits(SYMBOLS)).all()
    again = pickle.loads(pickle.dumps(random_transformer(context_length=8)))
    assert again.fingerprint == random_transformer(context_length=8).fingerprint


def test_every_flipped_bit_is_noticed() -> None:
    model = random_transformer()
    data = transformer_file.to_bytes(model.tensors, model.metadata)
    tensors = 8 + int.from_bytes(data[:8], "little")
    # EQINFO_SLOW=1 tries every bit before the tensors and one of every byte of them.
    step = 1 if os.environ.get("EQINFO_SLOW") else 83
    flips = [(i // 8, i % 8) for i in range(0, 8 * tensors, step)]
    flips += [(i, i % 8) for i in range(tensors, len(data), 10 * step)]
    for place, bit in flips:
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        with pytest.raises((FormatError, ChecksumError, UnsupportedError)):
            transformer_file.parse(bytes(damaged), "m")


@pytest.mark.parametrize("size", [0, 7, 100, 5000])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m"
    random_transformer().save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FormatError, match=str(path)):
        TransformerModel.load(path)


def test_a_file_of_a_later_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformer_file, "VERSION", "3")
    random_transformer().save(tmp_path / "m")
    with pytest.raises(NewerVersionError, match="of version 1 or 2, found '3'"):
        TransformerModel.load(tmp_path / "m")


def changed(name: str, index: Any, value: int) -> dict[str, NDArray[Any]]:
    tensors = random_tensors(tied=False, bias=True)
    tensors[name] = tensors[name].copy()
    tensors[name][index] = value
    return tensors


@pytest.mark.parametrize(
    ("name", "index", "value"),
    [
        ("layers.1.gate.weight", (3, 4), -128),
        ("layers.0.down.scale", 2, 1 << 31),
        ("head.scale", 2, 1 << 31),
        ("layers.0.query.bias", 1, 1 << 30),
        ("exponents", 3, 257),
        ("exponents", 1, -257),
        ("parameters", 0, 3),  # heads that the key heads do not divide
        ("parameters", 1, 0),
        ("parameters", 2, 128),
        ("parameters", 3, 0),
        ("parameters", 4, 255),
        ("parameters", 5, ALPHABET),
        ("parameters", 6, (1 << 60) + 1),
        ("parameters", 7, 1 << 31),
        ("parameters", 8, 257),
        ("piece_ends", 3, 0),
        ("piece_ends", -1, 0),
    ],
)
def test_values_out_of_range_are_refused(name: str, index: Any, value: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        TransformerModel(changed(name, index, value))


def test_key_heads_that_do_not_divide_the_heads() -> None:
    """A head would read the keys of a head that there is not, though all shapes are right."""
    tensors = changed("parameters", 1, 3)
    for name, tensor in tensors.items():
        if ".key." in name or ".value." in name:
            tensors[name] = np.concatenate([tensor, tensor[:16]])
    with pytest.raises(ValueError, match=r"that divides that of heads, found 3 and 4"):
        TransformerModel(tensors)


@pytest.mark.parametrize("name", sorted(random_tensors(tied=False)))
def test_missing_and_misshapen_tensors_are_refused(name: str) -> None:
    tensors = random_tensors(tied=False)
    if name != "head.weight":  # without it, the head is the embedding
        with pytest.raises(ValueError, match="expected"):
            TransformerModel({key: value for key, value in tensors.items() if key != name})
    if name not in ("tokenizer", "pieces"):
        with pytest.raises(ValueError, match="expected"):
            TransformerModel(tensors | {name: tensors[name][:-1]})
    with pytest.raises(ValueError, match="expected"):
        TransformerModel(tensors | {name: tensors[name].astype(np.float32)})


@pytest.mark.parametrize("context_length", [1, POSITIONS + 1])
def test_context_lengths_out_of_range_are_refused(context_length: int) -> None:
    with pytest.raises(ValueError, match="context_length"):
        random_transformer(context_length=context_length)


def test_context_lengths_out_of_range_are_no_fault_of_the_file(tmp_path: Path) -> None:
    model = random_transformer()
    model.save(tmp_path / "m")
    for context_length in (0, POSITIONS + 1):
        with pytest.raises(ValueError, match=r"^expected context_length of 2 to") as refused:
            TransformerModel.load(tmp_path / "m", context_length=context_length)
        assert not isinstance(refused.value, FormatError)
    wrong = {"rotation.cosine": model.tensors["rotation.cosine"][:1]}
    transformer_file.write(tmp_path / "m", model.tensors | wrong, {})
    for context in (None, 1, 2):
        with pytest.raises(FormatError, match=str(tmp_path / "m")):
            TransformerModel.load(tmp_path / "m", context_length=context)


@pytest.mark.parametrize(
    ("input_bits", "residual_bits", "found"), [(7, 14, "7"), (8, 3, "3"), (15, 21, "21")]
)
def test_conversion_checks_its_parameters(input_bits: int, residual_bits: int, found: str) -> None:
    with pytest.raises(ValueError, match=f"found {found}"):
        quantise(float_transformer(), input_bits, residual_bits)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_must_be_finite(value: float) -> None:
    network = float_transformer(tied=False, bias=True)
    for name in ("embedding", "norm", "layers.1.down", "layers.0.query.bias", "head"):
        tensor = network.tensor(name)
        assert tensor is not None
        kept, tensor.flat[1] = tensor.flat[1], value
        with pytest.raises(ValueError, match=f"^expected finite weights in {name}, found others$"):
            quantise(network)
        tensor.flat[1] = kept


def test_hostile_values_overflow_no_sum() -> None:
    """At the limits of all values; in CI, sanitizers notice what overflows."""
    rng = np.random.default_rng(3)
    tensors = random_tensors(tied=False, bias=True)
    for name, array in tensors.items():
        if name.endswith(".weight"):
            tensors[name] = rng.choice([-127, 127], array.shape).astype(np.int8)
        elif name.endswith(".scale"):
            tensors[name] = np.full_like(array, 2**31 - 1)
        elif name.endswith(".bias"):
            tensors[name] = rng.choice([-(2**30) + 1, 2**30 - 1], array.shape).astype(np.int32)
        elif name.endswith("norm") or name.startswith("rotation"):
            tensors[name] = rng.choice([-32768, 32767], array.shape).astype(np.int16)
    for exponent in (-256, 0, 30, 256):
        tensors["exponents"] = np.full_like(tensors["exponents"], exponent)
        model = TransformerModel(tensors)
        symbols = SYMBOLS[:12]
        expected = list(transformer_logits(model.tensors, symbols.tolist()))
        assert defined(model, symbols).tolist() == expected
        for count in (6, 12):  # fewer rows than weights are put in another order for, and more
            assert model.logits(symbols[:count]).tolist() == expected[: count + 1]


GOLDEN = Path(__file__).parent / "golden" / "v1"


@pytest.mark.parametrize("level", LEVELS)
def test_golden_answers(level: str) -> None:
    golden = json.loads((GOLDEN / "transformer.json").read_text())
    model = TransformerModel.load(GOLDEN / "transformer.safetensors")
    assert model.fingerprint == golden["fingerprint"]
    codec = ArithmeticCodec(model, check_bits=32)
    with at_level(level):
        text = codec.decode_bytes(np.array(golden["arithmetic"], np.uint16))
        logits = model.logits(np.frombuffer(text, np.uint8))
        assert logits[0].tolist() == golden["first_logits"]
        digest = hashlib.blake2b(logits.astype("<i4").tobytes(), digest_size=16)
        assert digest.hexdigest() == golden["logits"]
        assert codec.encode(text).tolist() == golden["arithmetic"]
    assert text.startswith(b"Curtsey while")


def test_golden_logits_equal_the_reference() -> None:
    model = TransformerModel.load(GOLDEN / "transformer.safetensors")
    found = model.logits(np.frombuffer(b"Curtsey", np.uint8))
    assert found.tolist() == list(transformer_logits(model.tensors, b"Curtsey"))


def test_contexts_of_another_length_share_the_tensors() -> None:
    model = random_transformer()
    other = model.with_context_length(8)
    assert other.fingerprint == random_transformer(context_length=8).fingerprint
    assert model.fingerprint == random_transformer().fingerprint
    assert other.context_bytes < model.context_bytes
    assert other.tensors["embedding.weight"] is model.tensors["embedding.weight"]
    assert (other.logits(SYMBOLS) == random_transformer(context_length=8).logits(SYMBOLS)).all()
    with pytest.raises(ValueError, match="context_length of 2 to"):
        model.with_context_length(1)


@pytest.mark.parametrize("positions", [8, POSITIONS])
def test_a_context_takes_the_memory_of_the_definition(positions: int) -> None:
    found = random_transformer(context_length=positions).context_bytes
    heads = 2 * 2  # layers and key heads
    expected = positions * (heads * 2 * (16 + 2) + 4)  # keys and values, and the symbol
    assert 0 <= found - expected < 64 * (heads + 2)  # aligned


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("reset_every", [0, 1, 3])
def test_windows_of_every_kind_come_back(variant: Variant, reset_every: int) -> None:
    codec = WindowCodec(random_transformer(), 32, variant=variant, reset_every=reset_every)
    texts = [b"", b"a", b"abcdefgh" * 6]
    tokens = [codec.encode(text) for text in texts]
    assert [codec.decode_bytes(each) for each in tokens] == texts
    for found, expected in zip(codec.encode_batch(texts), tokens, strict=True):
        assert np.array_equal(found, expected)
    assert b"".join(window.text for window in codec.windows(texts[-1])) == texts[-1]


def test_windows_have_short_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqinfo.models.window_form.WINDOW_POSITIONS", 8)
    model = random_transformer()
    codec = WindowCodec(model, window_bits=32)
    assert codec.model.fingerprint == random_transformer(context_length=8).fingerprint
    assert codec.decode_bytes(codec.encode(b"abcdefgh" * 4)) == b"abcdefgh" * 4
    # Where the model is not reset at every window, its context goes on.
    assert WindowCodec(model, window_bits=32, reset_every=2).model is model
