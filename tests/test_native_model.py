from __future__ import annotations

import hashlib
import json
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import eqinfo
import eqinfo._core as _core
from eqinfo import ArithmeticCodec, Codebook, WindowCodec
from eqinfo.errors import ChecksumError, FormatError, NewerVersionError, UnsupportedError
from eqinfo.models import FRESH, NativeModel, load
from eqinfo.models.lanes import ModelLanes, coding_lanes
from eqinfo.models.native_model import BUNDLED_MODELS
from eqinfo.models.quantise import HIDDEN_ONE, FloatNetwork, quantise
from eqinfo.range_coder import RangeDecoder, RangeEncoder
from eqinfo.reference import exp2
from eqinfo.reference.native_model import context_rows, native_logits
from levels import LEVELS, at_level
from native_cases import STATE, UNITS, random_native_model

TEXT = (
    b"It was the best of times, it was the worst of times, it was the age of wisdom,\r\n"
    b"it was the age of foolishness; \xc3\xa9poque, 1859. It was the best of times! \x00\xff\xfe"
)


def rows_of(text: bytes, history: bool) -> list[list[int]]:
    contexts = _core.TextContexts(1, history)
    # Places are returned for the context before each byte, so one byte more gives the whole text's.
    rows = contexts.rows(np.frombuffer(text + b"\0", np.uint8).reshape(1, -1))
    return [list(row) for row in rows[:, 0].tolist()]


@given(st.binary(max_size=60).map(lambda b: b + b[:30] + b), st.booleans())
def test_context_rows_equal_the_reference(text: bytes, history: bool) -> None:
    assert rows_of(text, history) == list(context_rows(text, history))


def test_matches_reach_back_64_kib() -> None:
    phrase = b"a phrase that is not met again for long, "
    found = []
    for distance in (65_400, 65_536):
        # Other bytes would take the places of the phrase's.
        text = phrase + b"-" * distance + phrase
        rows = rows_of(text, True)
        assert rows[-40:] == list(context_rows(text, True))[-40:]
        found.append(rows[-2][-2] // 16 == text[-1])
    assert found == [True, False]


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("scale", [60, 127])
def test_logits_equal_the_reference(history: bool, scale: int) -> None:
    model = random_native_model(1, scale)
    used = model if history else model.without_history()
    expected = list(native_logits(model.tensors, TEXT, history))
    assert used.logits(TEXT).tolist() == expected


def test_the_history_matters() -> None:
    model = random_native_model()
    assert (model.logits(TEXT) != model.without_history().logits(TEXT)).any()
    assert model.fingerprint != model.without_history().fingerprint


def walk(
    model: NativeModel, texts: NDArray[np.int32], lanes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return frequencies after every prefix of each text, shape (n + 1, texts, 256)."""
    state = model.start(len(lanes))
    steps = [model.frequencies(state, np.full(len(lanes), FRESH, np.int32), lanes, 16)]
    steps += [model.frequencies(state, column, lanes, 16) for column in texts.T.copy()]
    return np.array(steps, np.int64)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("batch", [1, 3, 7, 256])
@pytest.mark.parametrize("history", [True, False])
def test_frequencies_are_those_of_the_definition(level: str, batch: int, history: bool) -> None:
    model = random_native_model(2)
    if not history:
        model = model.without_history()
    text = np.frombuffer(TEXT[:80], np.uint8)
    texts = np.stack([np.roll(text, -k % 5) for k in range(batch)]).astype(np.int32)
    lanes = np.random.default_rng(batch).permutation(batch).astype(np.int64)
    with at_level(level):
        found = walk(model, texts, lanes)
    for k in range(min(batch, 5)):
        assert (found[:, k] == found[:, k % 5]).all()
        logits = model.logits(texts[k].astype(np.uint8).tobytes()).tolist()
        assert found[:, k].tolist() == [integer_frequencies(row, 16) for row in logits]
    for k in range(5, batch):
        assert (found[:, k] == found[:, k % 5]).all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("batch", [1, 5])
def test_pairs_of_weights_of_any_size(level: str, batch: int) -> None:
    """Kernels that sum in 16 bits take pairs of large weights apart; half of the units are 255."""
    rng = np.random.default_rng(5)
    tensors = dict(random_native_model().tensors)
    for name in ("recurrent", "hidden", "output"):
        shape = tensors[f"{name}.weight"].shape
        weights = np.array([-128, -127, -65, -64, -63, 0, 0, 63, 64, 65, 127], np.int8)
        tensors[f"{name}.weight"] = rng.choice(weights, shape)
    tensors["hidden.bias"] = rng.choice(np.array([-(2**24), 2**24], np.int32), UNITS)
    tensors["output.weight"][:8] = rng.choice(np.array([-128, 127], np.int8), (8, 1))
    model = NativeModel(tensors, {"name": "large"})
    text = TEXT[:9]
    expected = [integer_frequencies(row, 16) for row in model.logits(text).tolist()]
    texts = np.tile(np.frombuffer(text, np.uint8).astype(np.int32), (batch, 1))
    with at_level(level):
        found = walk(model, texts, np.arange(batch, dtype=np.int64))
    for k in range(batch):
        assert found[:, k].tolist() == expected


def integer_frequencies(logits: list[int], precision: int) -> list[int]:
    """Apply frequency rule 1 from its third step on."""
    most = max(logits)
    weights = [
        exp2(x % 1024) >> x // 1024 for x in (min(most - logit, 31 * 1024) for logit in logits)
    ]
    total = sum(weights)
    frequencies = [1 + w * ((1 << precision) - len(logits)) // total for w in weights]
    frequencies[logits.index(most)] += (1 << precision) - sum(frequencies)
    return frequencies


@pytest.mark.parametrize("level", LEVELS)
def test_what_one_setting_encodes_another_decodes(level: str) -> None:
    model = random_native_model()
    documents = [
        np.frombuffer(text, np.uint8).astype(np.int32)
        for text in (TEXT * 2, TEXT[:1], b"", TEXT[::-1])
    ]
    for codec, other in (
        (ArithmeticCodec(model, lanes=3), ArithmeticCodec(model, lanes=256)),
        (WindowCodec(model, 32, lanes=2), WindowCodec(model, 32, lanes=7, memory=0)),
        (WindowCodec(model, 32, reset_every=0), WindowCodec(model, 32, reset_every=0, lanes=1)),
        (WindowCodec(model, 24, variant="padded"), WindowCodec(model, 24, variant="padded")),
    ):
        tokens = codec.encode_symbols(documents)
        with at_level(level):
            again = other.encode_symbols(documents)
            decoded = other.decode_symbols(tokens)
        assert [t.tolist() for t in again] == [t.tolist() for t in tokens]
        assert [d.tolist() for d in decoded] == [d.tolist() for d in documents]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("count", [1, 3, 20])
def test_known_symbols_are_predicted_as_one_at_a_time(level: str, count: int) -> None:
    # The encoder lets the model predict several symbols of few lanes together.
    model = random_native_model()
    lanes = np.random.default_rng(count).permutation(count).astype(np.int64)
    text = np.frombuffer(TEXT[:70], np.uint8).astype(np.int32)
    symbols = np.stack([np.roll(text, k) for k in range(count)], axis=1)
    streams = []
    for contexts in (ModelLanes(model, count, 16), coding_lanes(model, count, 16)):
        coder = RangeEncoder(count, 16)
        with at_level(level):
            for rounds in (symbols[:33], symbols[33:33], symbols[33:34], symbols[34:]):
                contexts.encode(coder, rounds.copy(), lanes)
        streams.append([coder.finish(int(lane)) for lane in lanes])
    assert streams[0] == streams[1]
    decoder = RangeDecoder(count, 16)
    for lane, (stream, _) in zip(lanes, streams[0], strict=True):
        decoder.start(stream, int(lane))
    found = coding_lanes(model, count, 16).decode(decoder, len(symbols), lanes)
    assert found.tolist() == symbols.tolist()


def test_threads_share_a_model() -> None:
    codec = ArithmeticCodec(random_native_model())
    expected = codec.encode(TEXT).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: codec.encode(TEXT).tolist(), range(16)))
    assert found == [expected] * 16


def test_windows_take_the_model_without_history() -> None:
    model = random_native_model()
    assert (
        WindowCodec(model, 32).fingerprint == WindowCodec(model.without_history(), 32).fingerprint
    )
    assert WindowCodec(model, 32, reset_every=0).model is model


def test_no_float_comes_out() -> None:
    model = random_native_model()
    lanes = np.zeros(1, np.int64)
    row = model.step(model.start(1), np.array([FRESH], np.int32), lanes)
    assert row.dtype == np.uint32
    assert int(row.sum()) == 1 << 24
    assert model.logits(b"").dtype == np.int32


def test_wrong_calls() -> None:
    model = random_native_model()
    state = model.start(2)
    both = np.arange(2, dtype=np.int64)
    with pytest.raises(ValueError, match="symbol number 1"):
        model.step(state, np.array([3, 256], np.int32), both)
    with pytest.raises(ValueError, match="expected precision of 12 to 24"):
        model.frequencies(state, np.array([3, 4], np.int32), both, 11)
    with pytest.raises(ValueError, match="expected symbols of shape"):
        model.step(state, np.array([3], np.int32), both)
    with pytest.raises(ValueError, match="expected the name of a model"):
        load("nonsense")


def test_files(tmp_path: Path) -> None:
    model = random_native_model()
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = NativeModel.load(path)
    assert again.fingerprint == model.fingerprint == pickle.loads(pickle.dumps(model)).fingerprint
    assert again.metadata["name"] == "random 0"
    assert (again.logits(TEXT) == model.logits(TEXT)).all()
    data = path.read_bytes()
    for size in (0, 7, 100, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(FormatError):
            NativeModel.load(path)
    for at in (len(data) - 1, len(data) // 2):
        altered = bytearray(data)
        altered[at] ^= 1
        path.write_bytes(altered)
        with pytest.raises(ChecksumError, match="fingerprint"):
            NativeModel.load(path)
    for before, after, error in (
        (b'"version":"1"', b'"version":"2"', NewerVersionError),
        (b'"architecture":"hashed', b'"architecture":"cached', UnsupportedError),
        (b"eqinfo-native-model", b"eqinfo-naive--model", FormatError),
    ):
        assert before in data
        path.write_bytes(data.replace(before, after))
        with pytest.raises(error, match="expected"):
            NativeModel.load(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hidden.shift", np.full(UNITS, 25, np.uint8), "hidden.shift"),
        ("output.bias", np.full(258, 2**24 + 1, np.int32), "output.bias"),
        ("recurrent.weight", np.zeros((2 * STATE, 3), np.int8), "recurrent.weight"),
        ("hidden.weight", np.zeros((UNITS, 176), np.int16), "hidden.weight"),
        ("rows.3", np.zeros((3, 8), np.uint8), "rows.3"),
        ("hidden.bias", np.zeros(UNITS + 1, np.int32), "number of units"),
        ("recurrent.bias", np.zeros(0, np.int32), "state"),
    ],
)
def test_weights_out_of_range(name: str, value: NDArray[np.generic], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NativeModel(random_native_model().tensors | {name: value})


def test_the_largest_weights_do_not_overflow() -> None:
    """All units at 255, the largest weights and biases, and both matches predict the same byte."""
    inputs = 16 * len(_core.feature_rows())
    sizes = {"recurrent": (32, inputs), "hidden": (2048, inputs + 16), "output": (258, 2048)}
    tensors = {k: v for k, v in random_native_model().tensors.items() if k.startswith("rows")}
    for name, shape in sizes.items():
        tensors[f"{name}.weight"] = np.full(shape, 127 if name == "output" else 0, np.int8)
        tensors[f"{name}.bias"] = np.full(shape[0], 2**24, np.int32)
        tensors[f"{name}.shift"] = np.zeros(shape[0], np.uint8)
    logits = NativeModel(tensors, {"name": "large"}).logits(b"abcdefgh" * 3)
    one = 8 * (2048 * 255 * 127 + 2**24)
    assert set(np.unique(logits).tolist()) == {one, 2 * one, 3 * one}


def test_missing_tensors() -> None:
    tensors = dict(random_native_model().tensors)
    del tensors["output.bias"]
    with pytest.raises(ValueError, match=r"'output\.bias'"):
        NativeModel(tensors)


def float_network(scale: float = 1) -> FloatNetwork:
    """A network whose hidden layer has weights of this scale; all biases are of the same size."""
    rng = np.random.default_rng(0)
    inputs = 16 * len(_core.feature_rows())

    def layer(outputs: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return rng.normal(0, width**-0.5, (outputs, width)), rng.normal(0, 0.3, outputs)

    rows = [rng.normal(0, 0.3, (size, 16)) for size in _core.feature_rows()]
    hidden = layer(UNITS, inputs + STATE)
    return FloatNetwork(
        rows,
        np.full(len(rows), 0.1),
        layer(2 * STATE, inputs),
        (scale * hidden[0], hidden[1]),
        layer(258, UNITS),
    )


@pytest.mark.parametrize("scale", [1e-3, 1e-6, 0])
def test_units_that_are_nearly_all_bias(scale: float) -> None:
    network = float_network(scale)
    tensors = NativeModel(quantise(network)).tensors
    one = HIDDEN_ONE * np.exp2(tensors["hidden.shift"].astype(float))
    assert np.allclose(tensors["hidden.bias"] / one, network.hidden[1], atol=0.01)


def test_weights_that_are_too_large() -> None:
    with pytest.raises(
        ValueError, match=r"^expected weights of layer 'hidden' that are at most 12"
    ):
        quantise(float_network(1e4))
    network = float_network()
    network.output[1][3] = 1e6
    with pytest.raises(ValueError, match=r"^expected weights of layer 'output' .* biases of at mo"):
        quantise(network)


@pytest.mark.parametrize("given", ["en", Path("en.model")])
def test_a_name_or_a_file_is_not_tensors(given: Any) -> None:
    message = rf"^expected tensors by name, found {type(given).__name__}; use eqinfo.models.load"
    with pytest.raises(TypeError, match=message):
        NativeModel(given)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_quantised_weights_say_what_the_floats_do(seed: int) -> None:
    """One step of the network in floats, from an empty state, against its integers."""
    rng = np.random.default_rng(seed)
    count = len(_core.feature_rows())
    rows = [rng.normal(0, 0.3, (size, 16)) for size in _core.feature_rows()]
    scales = np.full(count, 0.1)
    inputs = 16 * count

    def layer(outputs: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return rng.normal(0, width**-0.5, (outputs, width)), rng.normal(0, 0.3, outputs)

    network = FloatNetwork(
        rows, scales, layer(2 * STATE, inputs), layer(UNITS, inputs + STATE), layer(258, UNITS)
    )
    model = NativeModel(quantise(network))
    numbers = next(iter(context_rows(b"", False)))
    x = np.concatenate(
        [np.clip(np.rint(rows[k][n] / 0.1), -8, 7) * 0.1 for k, n in enumerate(numbers)]
    )
    result = network.recurrent[0] @ x + network.recurrent[1]
    state = np.clip(result[:STATE], -1, 1) / (1 + np.exp(-result[STATE:]))
    units = np.clip(network.hidden[0] @ np.concatenate([x, state]) + network.hidden[1], 0, 255 / 64)
    logits = (network.output[0] @ units + network.output[1])[:256]
    found = model.logits(b"")[0] * (math.log(2) / 1024)
    assert np.abs(found - logits).max() < 0.1


def test_bundled_model() -> None:
    model = load("en")
    assert load("en") is model
    text = "The bundled model has read some English; it is surprised by little of this."
    tokens = eqinfo.encode(text, window_bits=32)
    assert eqinfo.decode(tokens, window_bits=32) == text
    assert tokens.tolist() == WindowCodec(model, 32).encode(text).tolist()
    bits = 16 * len(ArithmeticCodec(model).encode(text * 4))
    assert bits < 1.5 * len(text * 4)


def test_codebooks_of_a_native_model_have_the_ids_of_its_windows() -> None:
    model = load("en")
    text = "A codebook asks for frequencies at its own precision, as windows do."
    for bits in (12, 14):
        codebook = Codebook.from_model(model, bits)
        tokens = WindowCodec(model, bits).encode(text)
        assert codebook.encode(text).tolist() == tokens.tolist()
    assert Codebook.optimal(model, 9).decode(Codebook.optimal(model, 9).encode(text)) == text


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", BUNDLED_MODELS)
def test_golden_answers_of_the_bundled_models(level: str, name: str) -> None:
    golden = json.loads((Path(__file__).parent / "golden" / "v1" / "native_model.json").read_text())
    data = golden["text"].encode()
    answers = golden["answers"][name]
    model = load(name)
    assert model.fingerprint == answers["fingerprint"]
    lanes = np.zeros(1, np.int64)
    state = model.start(1)
    with at_level(level):
        rows = [
            model.frequencies(state, np.array([symbol], np.int32), lanes, 24)[0]
            for symbol in (FRESH, *data)
        ]
        assert rows[0].tolist() == answers["first_frequencies"]
        digest = hashlib.blake2b(np.array(rows, "<u4").tobytes(), digest_size=16)
        assert digest.hexdigest() == answers["frequencies"]
        assert ArithmeticCodec(model).encode(data).tolist() == answers["arithmetic"]
        assert ArithmeticCodec(model).decode_bytes(answers["arithmetic"]) == data
        for bits, tokens in answers["windows"].items():
            codec = WindowCodec(model, int(bits))
            assert codec.encode(data).tolist() == tokens
            assert codec.decode_bytes(tokens) == data
