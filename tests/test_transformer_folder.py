from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from eqinfo.cli import main
from eqinfo.common.byte_alphabet import spell
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.models.transformer import TransformerModel
from eqinfo.models.transformer.conversion import quantise
from eqinfo.models.transformer.importing import import_model
from eqinfo.models.transformer.vocabulary import byte_level_tokenizer, text_tokenizer
from transformer_cases import ALPHABET, BEGIN, POSITIONS, float_transformer

pytest.importorskip("tokenizers")
from eqinfo.models.transformer.hugging_face import _LAYER, _factors, import_folder

CONFIG = {
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 32,
    "head_dim": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "max_position_embeddings": POSITIONS,
    "rms_norm_eps": 1e-5,
    "rope_theta": 100.0,
    "bos_token_id": BEGIN,
    "tie_word_embeddings": False,
}


def write_tokenizer(folder: Path) -> None:
    tokens = [spell(bytes([i])) for i in range(256)] + ["th", "the", "ab"]
    tokens += [f"<{i}>" for i in range(len(tokens), ALPHABET)]
    content = byte_level_tokenizer("smollm", tokens, ["t h", "th e", "a b"])
    (folder / "tokenizer.json").write_text(content, "utf-8")


def write_folder(folder: Path, shards: int = 1, dtype: str = "F32", **changes: Any) -> None:
    """Write the random network of `transformer_cases`; changes are of the configuration."""
    network = float_transformer(tied=False, bias=True)
    names = {"embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}
    for layer in range(2):
        names |= {f"layers.{layer}.{a}": f"model.layers.{layer}.{b}" for a, b in _LAYER.items()}
    tensors = {}
    for own, name in names.items():
        for key, end in ((own, "weight"), (f"{own}.bias", "bias")):
            array = network.tensor(key)
            if array is not None:
                tensors[f"{name}.{end}"] = array.astype(np.float16 if dtype == "F16" else "f4")
    config = {key: value for key, value in (CONFIG | changes).items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    write_tokenizer(folder)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return
    places = {name: f"part-{i % shards}.safetensors" for i, name in enumerate(sorted(tensors))}
    for file in set(places.values()):
        save_file({n: t for n, t in tensors.items() if places[n] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


@pytest.mark.parametrize(("shards", "dtype"), [(1, "F32"), (3, "F32"), (1, "F16")])
def test_a_folder_becomes_the_network(tmp_path: Path, shards: int, dtype: str) -> None:
    write_folder(tmp_path, shards, dtype)
    model = import_folder(tmp_path)
    expected = quantise(float_transformer(tied=False, bias=True))
    for name, array in expected.items():
        difference = np.abs(model.tensors[name].astype(np.float64) - array)
        assert (difference <= 1 + 1e-3 * np.abs(array)).all(), name
    text = "the ab \u00e9".encode()
    assert model.tokenize(text)[0] == 257
    assert model.detokenize(model.tokenize(text)) == text


def test_the_command_converts_it(tmp_path: Path) -> None:
    write_folder(tmp_path)
    target = tmp_path / "m.model"
    done = CliRunner().invoke(
        main, ["import-model", str(tmp_path), "-o", str(target), "--input-bits", "15"]
    )
    assert done.exit_code == 0, done.output
    model = TransformerModel.load(target)
    assert model.fingerprint == import_folder(tmp_path, input_bits=15).fingerprint
    assert model.fingerprint in done.output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "gemma"}, "found 'gemma'"),
        ({"hidden_act": "gelu"}, "found 'gelu'"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "found 'yarn'"),
        ({"num_hidden_layers": 1}, "model.layers.1."),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    write_folder(tmp_path, **changes)
    with pytest.raises(UnsupportedError, match=message):
        import_folder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 3}, "layers.2.attention_norm"),
        ({"num_hidden_layers": None}, "num_hidden_layers"),
        ({"bos_token_id": None}, "begin-of-text"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_folder(tmp_path, **changes)
    with pytest.raises(FormatError, match=message):
        import_folder(tmp_path)


@pytest.mark.parametrize("arguments", [{"input_bits": 9}, {"begin": -1}, {"begin": ALPHABET}])
def test_wrong_arguments_are_no_fault_of_the_folder(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    write_folder(tmp_path)
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"^expected (a )?{name} of .*, found") as refused:
        import_model(tmp_path, **arguments)
    assert not isinstance(refused.value, FormatError)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    path = tmp_path / "model.safetensors"
    data = path.read_bytes()
    deep = (100_000).to_bytes(8, "little") + b"[" * 100_000
    for damaged in (b"", data[:4], b"\xff" * 100, data[:-1], data[:50], deep):
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=str(tmp_path)):
            import_folder(tmp_path)
    path.write_bytes(data)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(FormatError, match=r"tokenizer\.json"):
        import_folder(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(FormatError, match="JSON object"):
        import_folder(tmp_path)


def test_long_waves_are_stretched_as_in_llama_3() -> None:
    rope = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    factors = _factors(rope, 500000.0, 64)
    assert factors[0] == 1
    assert factors[-1] == 8
    assert ((factors >= 1) & (factors <= 8)).all()


@pytest.mark.parametrize("kind", ["Llama", "Mistral", "Qwen2"])
def test_logits_are_those_of_transformers(tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=ALPHABET, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        initializer_range=0.1, bos_token_id=BEGIN,
    )  # fmt: skip
    network = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    network.save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    symbols = np.random.default_rng(2).integers(0, ALPHABET, 40)
    with torch.no_grad():
        logits = network(torch.tensor([[BEGIN, *symbols.tolist()]])).logits[0].double().numpy()
    expected = logits * 1024 / np.log(2)
    found = import_folder(tmp_path, input_bits=15).logits(symbols)
    error = np.sqrt(np.square(found - expected).mean())
    assert error < 0.05 * expected.std()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json: expected JSON: "),
        ("config.json", "[]", "config.json: expected a JSON object, found list$"),
        ("config.json", "[" * 100_000, "config.json: expected JSON: "),
        ("tokenizer.json", "{}", ": expected a tokenizer in tokenizer.json: "),
        ("tokenizer.json", "no JSON", ": expected a tokenizer in tokenizer.json: "),
    ],
)
def test_files_of_another_content_are_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    write_folder(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(FormatError, match=f"^{tmp_path}.*{message}"):
        import_folder(tmp_path)


def test_a_tokenizer_in_a_model_that_is_none() -> None:
    with pytest.raises(FormatError, match=r"^expected the JSON of a tokenizer in the model: "):
        text_tokenizer("no JSON")
