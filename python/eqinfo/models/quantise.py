"""Float weights of the native model's network as the integers of its file.

The integers are what csrc/native_model.h computes with: rows of 4 bits, weights of 8, and for every
output of a layer a power of two that brings its sums to the unit of what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROW_VALUES = 16
# Units of the integers: a value of 1 is this many of them.
ROW_UNIT = 16  # of a row's quantised value, which is -8 to 7 times its table's scale
CANDIDATE_UNIT = 1 << 11
GATE_UNIT = 64
STATE_UNIT = 128
UNIT_UNIT = 64
LOGIT_UNIT = 128 / np.log(2.0)  # logits come in nats
_MAX_SHIFT = 24


@dataclass(frozen=True)
class FloatNetwork:
    """The trained network, all float64.

    Attributes:
        rows: by feature, shape (`_core.feature_rows()` [k], 16).
        scales: by feature, the value of one step of 4 bits.
        recurrent: weight (2 state, 16 features) and bias; candidates, then gates.
        hidden: weight (units, 16 features + state) and bias.
        output: weight (256 + matches, units) and bias.
    """

    rows: list[Floats]
    scales: Floats
    recurrent: tuple[Floats, Floats]
    hidden: tuple[Floats, Floats]
    output: tuple[Floats, Floats]


def quantise(network: FloatNetwork) -> dict[str, NDArray[Any]]:
    """Return the tensors of a `NativeModel`.

    Raises:
        ValueError: weights too large for their unit; says which.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for k, (rows, scale) in enumerate(zip(network.rows, network.scales, strict=True)):
        tensors[f"rows.{k}"] = pack_rows(np.clip(np.rint(rows / scale), -8, 7).astype(np.int8))
    inputs = np.repeat(network.scales, ROW_VALUES) / ROW_UNIT
    state = len(network.recurrent[1]) // 2
    with_state = np.concatenate([inputs, np.full(state, 1 / STATE_UNIT)])
    units = np.full(len(network.hidden[1]), 1 / UNIT_UNIT)
    recurrent = np.repeat([CANDIDATE_UNIT, GATE_UNIT], state)
    for name, layer, column, row in (
        ("recurrent", network.recurrent, inputs, recurrent),
        ("hidden", network.hidden, with_state, np.full(len(units), UNIT_UNIT)),
        ("output", network.output, units, np.full(len(network.output[1]), LOGIT_UNIT)),
    ):
        weight, bias = layer
        tensors |= _quantise_layer(name, weight * column * row[:, None], bias * row)
    return tensors


def pack_rows(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Pack values of -8 to 7, shape (n, 16), two a byte, the even one low."""
    nibbles = values.astype(np.uint8) & 15
    return np.ascontiguousarray(nibbles[:, 0::2] | nibbles[:, 1::2] << 4)


def _quantise_layer(name: str, weight: Floats, bias: Floats) -> dict[str, NDArray[Any]]:
    largest = np.maximum(np.abs(weight).max(axis=1), 1e-9)
    shift = np.minimum(np.floor(np.log2(127 / largest)), _MAX_SHIFT)
    if shift.min() < 0:
        raise ValueError(f"{name}: a weight of {largest.max():.1f} units, expected at most 127")
    scale = np.exp2(shift)
    return {
        f"{name}.weight": np.rint(weight * scale[:, None]).astype(np.int8),
        f"{name}.bias": np.rint(bias * scale).astype(np.int32),
        f"{name}.shift": shift.astype(np.uint8),
    }
