"""Folders of Hugging Face models as transformers in integers: `import_folder`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.progress import Progress
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.models.hf_vocabulary import backend_pieces
from eqinfo.models.transformer.architecture import Architecture
from eqinfo.models.transformer.conversion import FloatTransformer, quantise, require_arguments
from eqinfo.models.transformer.file import piece_tensors
from eqinfo.models.transformer.model import TransformerModel
from eqinfo.models.transformer.safetensors_folder import SafetensorsFolder, read_json

try:
    from tokenizers import Tokenizer
except ImportError as error:
    raise UnsupportedError(
        "expected the package tokenizers, which reads a model's tokenizer: "
        f"install it with pip install eqinfo[llm] ({error})"
    ) from None

_KINDS = ("llama", "mistral", "qwen2")
_LAYER = {
    "attention_norm": "input_layernorm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "attention": "self_attn.o_proj",
    "units_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}
_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
_IGNORED = "rotary_emb.inv_freq"  # computed anew


def import_folder(
    folder: str | os.PathLike[str],
    *,
    input_bits: int = 8,
    begin: int | None = None,
    progress: Progress | None = None,
) -> TransformerModel:
    """Return the model of a Hugging Face folder in integers.

    Args:
        folder: has ``config.json``, ``tokenizer.json`` and safetensors of a model of Llama's kind
            (Llama, SmolLM2, Mistral, Qwen2).
        input_bits: bits of the rows that matrices take, 8 or 15.
        begin: the symbol before the first. Default: the begin-of-text id of the configuration, or
            else its end-of-text id.
        progress: called with the number of layers done and of all.

    Raises:
        FormatError: a file is damaged, or something is missing in it.
        UnsupportedError: an architecture, a tokenizer or a tensor that this release does not know;
            the message names it.
        OSError: a file cannot be read.
        ValueError: ``input_bits`` or ``begin`` is out of range.
    """
    path = Path(folder)
    config = read_json(path / "config.json")
    with _named(path):
        network = _network(SafetensorsFolder(path), config, _architecture(config, begin))
        alphabet = len(network["embedding"])
    require_arguments(input_bits, begin, alphabet)
    with _named(path):
        content = (path / "tokenizer.json").read_text("utf-8")
        try:
            tokenizer = Tokenizer.from_str(content)
        except Exception as error:  # tokenizers raises nothing more special
            raise FormatError(f"expected a tokenizer in tokenizer.json: {error}") from None
        tensors = quantise(network, input_bits, progress=progress)
        tensors |= piece_tensors(backend_pieces(tokenizer, alphabet), content)
        name = config.get("_name_or_path") or path.resolve().name
        metadata = {"name": str(name), "converted_from": "Hugging Face folder"}
        return TransformerModel(tensors, metadata)


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Name the folder in errors, which are due to its content."""
    try:
        yield
    except UnsupportedError as error:
        raise UnsupportedError(f"{folder}: {error}") from None
    except (ValueError, KeyError, TypeError) as error:
        missing = isinstance(error, KeyError)
        reason = f"expected {error} in config.json, found none" if missing else str(error)
        raise FormatError(f"{folder}: {reason}") from None


def _architecture(config: dict[str, Any], begin: int | None) -> Architecture:
    kind = config.get("model_type")
    if kind not in _KINDS:
        raise UnsupportedError(f"expected a model_type of {', '.join(_KINDS)}, found {kind!r}")
    activation = config.get("hidden_act", "silu")
    if activation != "silu":
        raise UnsupportedError(f"expected the activation 'silu', found {activation!r}")
    heads = config["num_attention_heads"]
    head_width = config.get("head_dim") or config["hidden_size"] // heads
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    base = float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    positions = config["max_position_embeddings"]
    window = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    if begin is None:
        ids = config.get("bos_token_id"), config.get("eos_token_id")
        begin = next((i[0] if isinstance(i, list) else i for i in ids if i is not None), None)
    if begin is None:
        raise ValueError("expected a begin-of-text or end-of-text id, found none; pass begin")
    return Architecture(
        layers=config["num_hidden_layers"],
        heads=heads,
        key_heads=config.get("num_key_value_heads") or heads,
        head_width=head_width,
        positions=min(positions, window or positions),
        base=base,
        factors=_factors(rope, base, head_width // 2),
        epsilon=config["rms_norm_eps"],
        begin=int(begin),
    )


def _factors(rope: dict[str, Any], base: float, half: int) -> NDArray[np.float64]:
    """Return what divides the rotation's frequencies: 1, or as Llama 3.1 stretches long waves."""
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return np.ones(half)
    if kind != "llama3":
        raise UnsupportedError(f"expected positions of 'default' or 'llama3', found {kind!r}")
    frequencies = base ** (-np.arange(half) / half)
    waves = rope["original_max_position_embeddings"] * frequencies / (2 * np.pi)
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    kept = np.clip((waves - low) / (high - low), 0, 1)
    return np.asarray(1 / ((1 - kept) / factor + kept), np.float64)


def _network(
    weights: SafetensorsFolder, config: dict[str, Any], architecture: Architecture
) -> FloatTransformer:
    names = {"embedding": _EMBEDDING, "norm": "model.norm.weight", "head": _HEAD}
    for layer in range(architecture.layers):
        for own, name in _LAYER.items():
            names[f"layers.{layer}.{own}"] = f"model.layers.{layer}.{name}.weight"
            if not own.endswith("norm"):
                names[f"layers.{layer}.{own}.bias"] = f"model.layers.{layer}.{name}.bias"
    rest = weights.names - set(names.values())
    unknown = sorted(name for name in rest if not name.endswith(_IGNORED))
    if unknown:
        raise UnsupportedError(f"expected only known tensors, found {unknown[0]!r}")
    if config.get("tie_word_embeddings"):
        del names["head"]
    elif _HEAD not in weights.names:
        raise ValueError(f"expected a tensor {_HEAD}, since embeddings are not tied, found none")

    return FloatTransformer(
        tensor=lambda name: weights.get(names[name]) if name in names else None,
        layers=architecture.layers,
        heads=architecture.heads,
        key_heads=architecture.key_heads,
        angles=architecture.angles(),
        epsilon=architecture.epsilon,
        begin=architecture.begin,
    )
