from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eqinfo import ArithmeticCodec
from eqinfo.common.byte_alphabet import spell
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.models.transformer import TransformerModel
from eqinfo.models.transformer.conversion import quantise
from transformer_cases import ALPHABET, BEGIN, POSITIONS, float_transformer

gguf = pytest.importorskip("gguf")
pytest.importorskip("tokenizers")
from eqinfo.models.transformer.gguf import import_gguf  # noqa: E402

HEADS, KEY_HEADS, WIDTH, UNITS, LAYERS = 4, 2, 32, 48, 2
NAMES = {
    "embedding": "token_embd",
    "norm": "output_norm",
    "head": "output",
    "attention_norm": "attn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "attention": "attn_output",
    "units_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
MERGES = ["t h", "th e", "a b"]


def pairs_of_halves(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """Put rows that are rotated together beside each other, as llama.cpp has them."""
    halves = weight.reshape(heads, 2, -1, *weight.shape[1:])
    return np.asarray(halves.swapaxes(1, 2).reshape(weight.shape))


def write_gguf(path: Path, kind: str = "llama", **changes: Any) -> None:
    """Write the random network of `transformer_cases` with a tokenizer; changes are of fields."""
    network = float_transformer(tied=False, bias=True)
    writer = gguf.GGUFWriter(path, kind)
    tokens = [spell(bytes([i])) for i in range(256)] + ["th", "the", "ab"]
    tokens += [f"<{i}>" for i in range(len(tokens), ALPHABET)]
    fields: dict[str, Any] = {
        "general.name": "tiny",
        "general.license": "apache-2.0",
        f"{kind}.block_count": LAYERS,
        f"{kind}.context_length": POSITIONS,
        f"{kind}.embedding_length": WIDTH,
        f"{kind}.attention.head_count": HEADS,
        f"{kind}.attention.head_count_kv": KEY_HEADS,
        f"{kind}.attention.key_length": 16,
        f"{kind}.rope.freq_base": 100.0,
        f"{kind}.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * 259 + [3] * (ALPHABET - 259),
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.bos_token_id": BEGIN,
    } | changes
    for key, value in fields.items():
        if isinstance(value, list):
            writer.add_array(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif value is not None:
            writer.add_uint32(key, value)
    layers = [f"layers.{i}.{name}" for i in range(LAYERS) for name in list(NAMES)[3:]]
    for name in ["embedding", "norm", "head", *layers]:
        part = name.rpartition(".")[2]
        block = f"blk.{name.split('.')[1]}." if "." in name else ""
        for own, end in ((name, "weight"), (f"{name}.bias", "bias")):
            array = network.tensor(own)
            if array is None:
                continue
            if kind == "llama" and part in ("query", "key"):
                array = pairs_of_halves(array, HEADS if part == "query" else KEY_HEADS)
            writer.add_tensor(f"{block}{NAMES[part]}.{end}", array.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize("input_bits", [8, 15])
def test_a_gguf_file_becomes_the_network(tmp_path: Path, kind: str, input_bits: int) -> None:
    write_gguf(tmp_path / "m.gguf", kind)
    model = import_gguf(tmp_path / "m.gguf", input_bits=input_bits)
    expected = quantise(float_transformer(tied=False, bias=True), input_bits)
    for name, array in expected.items():
        difference = np.abs(model.tensors[name].astype(np.float64) - array)
        # The file's weights are float32.
        assert (difference <= 1 + 1e-6 * np.abs(array)).all(), name
    assert model.metadata["name"] == "tiny"
    assert model.metadata["licence"] == "apache-2.0"


def test_text_becomes_the_vocabularys_symbols(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf")
    import_gguf(tmp_path / "m.gguf").save(tmp_path / "m")
    model = TransformerModel.load(tmp_path / "m")
    assert model.tokenize(b"the ab").tolist() == [257, 32, 258]
    text = "the <280> \u00e9 \x00".encode() + b"\xff\xfe"
    assert model.detokenize(model.tokenize(text)) == text
    assert model.detokenize(np.array([280, 257], np.int32)) == b"<280>the"
    codec = ArithmeticCodec(model, check_bits=32)
    assert codec.decode_bytes(codec.encode(text)) == text


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("gemma", {}, "found 'gemma'"),
        ("llama", {"llama.expert_count": 4}, "expert_count"),
        ("llama", {"llama.rope.scaling.type": "yarn"}, "'yarn'"),
        ("llama", {"llama.rope.dimension_count": 8}, "found 8"),
        ("llama", {"tokenizer.ggml.model": "llama"}, "byte-level tokenizer"),
        ("llama", {"tokenizer.ggml.pre": "unheard-of"}, "'unheard-of'"),
        ("llama", {"llama.block_count": 1}, "'blk.1."),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    tmp_path: Path, kind: str, changes: dict[str, Any], message: str
) -> None:
    write_gguf(tmp_path / "m.gguf", kind, **changes)
    with pytest.raises(UnsupportedError, match=message) as refused:
        import_gguf(tmp_path / "m.gguf")
    assert str(tmp_path / "m.gguf") in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"llama.block_count": 3}, "layers.2.attention_norm"),
        ({"llama.block_count": None}, "llama.block_count"),
        ({"tokenizer.ggml.bos_token_id": None}, "begin-of-text"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_gguf(tmp_path / "m.gguf", **changes)
    with pytest.raises(FormatError, match=message):
        import_gguf(tmp_path / "m.gguf")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"no such thing" * 100)
    with pytest.raises(FormatError, match="expected a GGUF file"):
        import_gguf(tmp_path / "m.gguf")
    with pytest.raises(FileNotFoundError):
        import_gguf(tmp_path / "none.gguf")
