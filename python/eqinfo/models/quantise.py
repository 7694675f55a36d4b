"""Float weights of the native model's network to the integers of its file.

csrc/native_model.h defines what the integers compute. Embeddings have 4 bits per value and weights
8 bits. Every output of a layer has a power of two of its own (its shift), which brings its sums to
the scale that the next stage expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatNetwork", "quantise"]

Floats = NDArray[np.float64]

EMBEDDING_SIZE = 16
# The integers that stand for 1.0.
EMBEDDING_ONE = 16  # for a 4-bit value (-8 to 7) that is to be multiplied by its table's scale
CANDIDATE_ONE = 1 << 11
GATE_ONE = 64
STATE_ONE = 128
HIDDEN_ONE = 64
LOGIT_ONE = 128 / np.log(2.0)  # float logits are in nats, integer ones in 128ths of an octave
MAX_WEIGHT = 127
MAX_BIAS = 1 << 24
_MAX_SHIFT = 24


@dataclass(frozen=True)
class FloatNetwork:
    """The trained network; all arrays are float64, and weights have shape (outputs, inputs).

    Attributes:
        embeddings: the table of each feature k, shape (`_core.feature_rows()` [k], 16).
        scales: for each feature, the value of one step of 4 bits.
        recurrent: weight (2 state, 16 features) and bias; candidates first, then gates.
        hidden: weight (units, 16 features + state) and bias.
        output: weight (256 + matches, units) and bias.
    """

    embeddings: list[Floats]
    scales: Floats
    recurrent: tuple[Floats, Floats]
    hidden: tuple[Floats, Floats]
    output: tuple[Floats, Floats]


def quantise(network: FloatNetwork) -> dict[str, NDArray[Any]]:
    """Return the tensors of a `NativeModel`.

    Raises:
        ValueError: a layer's weights or biases are too large; the message names the layer.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for k, (table, scale) in enumerate(zip(network.embeddings, network.scales, strict=True)):
        steps = np.clip(np.rint(table / scale), -8, 7).astype(np.int8)
        tensors[f"rows.{k}"] = pack_embeddings(steps)
    state = len(network.recurrent[1]) // 2
    scales = layer_scales(network.scales, state, len(network.hidden[1]))
    for name, (column, row) in scales.items():
        weight, bias = getattr(network, name)
        tensors |= _quantise_layer(name, weight * column * row[:, None], bias * row)
    return tensors


def layer_scales(scales: Floats, state: int, units: int) -> dict[str, tuple[Floats, Floats]]:
    """Return for each layer what brings its weights to integers, without a shift.

    Args:
        scales: as in `FloatNetwork`.
        state: number of gated averages.
        units: size of the hidden layer.

    Returns:
        for each name, factors by input and by output. Their product with a weight is to be at most
        `MAX_WEIGHT`.
    """
    inputs = np.repeat(scales, EMBEDDING_SIZE) / EMBEDDING_ONE
    with_state = np.concatenate([inputs, np.full(state, 1 / STATE_ONE)])
    return {
        "recurrent": (inputs, np.repeat([float(CANDIDATE_ONE), GATE_ONE], state)),
        "hidden": (with_state, np.full(units, float(HIDDEN_ONE))),
        "output": (np.full(units, 1 / HIDDEN_ONE), np.array([LOGIT_ONE])),
    }


def pack_embeddings(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Pack values of -8 to 7, shape (n, 16), two per byte; the even one is in the low bits."""
    nibbles = values.astype(np.uint8) & 15
    return np.ascontiguousarray(nibbles[:, 0::2] | nibbles[:, 1::2] << 4)


def _quantise_layer(name: str, weight: Floats, bias: Floats) -> dict[str, NDArray[Any]]:
    weights, biases = np.abs(weight).max(axis=1), np.abs(bias)
    room = np.minimum(
        MAX_WEIGHT / np.maximum(weights, 1e-9),
        MAX_BIAS / np.maximum(biases, 1e-9),  # of a unit that has hardly any weights
    )
    shift = np.minimum(np.floor(np.log2(room)), _MAX_SHIFT)
    if shift.min() < 0:
        raise ValueError(
            f"expected weights of layer {name!r} that are at most {MAX_WEIGHT} in integer steps "
            f"and biases of at most {MAX_BIAS}, found {weights.max():.1f} and {biases.max():.1f}"
        )
    scale = np.exp2(shift)
    return {
        f"{name}.weight": np.rint(weight * scale[:, None]).astype(np.int8),
        f"{name}.bias": np.rint(bias * scale).astype(np.int32),
        f"{name}.shift": shift.astype(np.uint8),
    }
