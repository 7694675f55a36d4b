"""Transformers with random weights, small enough for the reference."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.models.transformer.conversion import FloatTransformer, quantise
from eqinfo.models.transformer.file import piece_tensors
from eqinfo.models.transformer.model import TransformerModel

ALPHABET = 300  # the bytes, some pairs of them, and symbols that stand for no text
BEGIN = 299
POSITIONS = 24


def pieces() -> list[bytes | None]:
    pairs = [bytes([97 + i, 98 + i]) for i in range(20)]
    return [bytes([i]) for i in range(256)] + pairs + [None] * (ALPHABET - 276)


@cache
def float_transformer(
    seed: int = 0,
    *,
    tied: bool = True,
    bias: bool = False,
    scale: float = 1.0,
    width: int = 32,
    units: int = 48,
    head_width: int = 16,
    positions: int = POSITIONS,
) -> FloatTransformer:
    """Return a network of two layers; ``scale`` multiplies what comes into the residual stream."""
    rng = np.random.default_rng(seed)
    heads, key_heads, layers = 4, 2, 2
    tensors: dict[str, NDArray[Any]] = {
        "embedding": rng.normal(size=(ALPHABET, width)) * scale,
        "norm": rng.normal(1, 0.2, width),
    }
    if not tied:
        tensors["head"] = rng.normal(size=(ALPHABET, width)) / 4
    for layer in range(layers):
        name = f"layers.{layer}."
        tensors[name + "attention_norm"] = rng.normal(1, 0.2, width)
        tensors[name + "units_norm"] = rng.normal(1, 0.2, width)
        shapes = {
            "query": (heads * head_width, width),
            "key": (key_heads * head_width, width),
            "value": (key_heads * head_width, width),
            "attention": (width, heads * head_width),
            "gate": (units, width),
            "up": (units, width),
            "down": (width, units),
        }
        for part, shape in shapes.items():
            tensors[name + part] = rng.normal(size=shape) * scale / 3
            if bias:
                tensors[f"{name}{part}.bias"] = rng.normal(size=shape[0])
    powers = 100.0 ** (-np.arange(head_width / 2) / (head_width / 2))
    return FloatTransformer(
        tensor=tensors.get,
        layers=layers,
        heads=heads,
        key_heads=key_heads,
        angles=np.arange(positions)[:, None] * powers,
        epsilon=1e-5,
        begin=BEGIN,
    )


def random_tensors(input_bits: int = 8, **kind: Any) -> dict[str, NDArray[Any]]:
    return quantise(float_transformer(**kind), input_bits) | piece_tensors(pieces(), "")


def random_transformer(
    input_bits: int = 8, context_length: int | None = None, **kind: Any
) -> TransformerModel:
    return TransformerModel(
        random_tensors(input_bits, **kind), {"name": "random"}, context_length=context_length
    )
