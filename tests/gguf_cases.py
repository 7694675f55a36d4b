"""GGUF files of the random network of `transformer_cases`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eqinfo.common.byte_alphabet import spell
from transformer_cases import ALPHABET, BEGIN, POSITIONS, float_transformer

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
    gguf = pytest.importorskip("gguf")
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
