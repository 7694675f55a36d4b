from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqinfo import ArithmeticCodec
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.models.transformer import TransformerModel
from eqinfo.models.transformer.conversion import quantise
from eqinfo.models.transformer.importing import import_model
from gguf_cases import write_gguf
from transformer_cases import float_transformer

pytest.importorskip("gguf")
pytest.importorskip("tokenizers")
from eqinfo.models.transformer.gguf import import_gguf


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_bits": 9}, "^expected input_bits of 8 or 15, found 9$"),
        ({"begin": -1}, "^expected a begin of 0 to 299, found -1$"),
        ({"begin": 300}, "^expected a begin of 0 to 299, found 300$"),
    ],
)
def test_wrong_arguments_are_no_fault_of_the_file(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    write_gguf(tmp_path / "m.gguf")
    with pytest.raises(ValueError, match=message) as refused:
        import_model(tmp_path / "m.gguf", **arguments)
    assert not isinstance(refused.value, FormatError)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"no such thing" * 100)
    with pytest.raises(FormatError, match="expected a GGUF file"):
        import_gguf(tmp_path / "m.gguf")
    with pytest.raises(FileNotFoundError):
        import_gguf(tmp_path / "none.gguf")
