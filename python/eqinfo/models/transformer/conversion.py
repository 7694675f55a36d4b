"""Float weights of a transformer to the integers of its file (docs/transformer.md, "Conversion").

The conversion computes in floating point and need not repeat: its output is the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.progress import Progress

__all__ = ["FloatTransformer", "quantise"]

Floats = NDArray[np.floating[Any]]

WEIGHT_LEVELS = 127
INPUT_LEVELS = {8: 127, 15: 127 * 128}
RESIDUAL_BITS = 14
MATRICES = ("query", "key", "value", "attention", "gate", "up", "down")
VALUE_ONE = 2.0**16
ROTATION_ONE = 2.0**14
OCTAVE = 1024 / math.log(2)
# What the integers of attention are short of units of 2^-16.
ATTENDED_ONE = VALUE_ONE * WEIGHT_LEVELS * INPUT_LEVELS[15] / 2.0**21


@dataclass(frozen=True)
class FloatTransformer:
    """A transformer to be quantised.

    Attributes:
        tensor: returns a float array by name, or None where there is none: "embedding" of shape
            (alphabet, width); "norm" (width,); "head" (alphabet, width), absent where it is the
            embedding; and for every layer l, "layers.l.attention_norm" and "layers.l.units_norm"
            of shape (width,), and the matrices "layers.l." and a name of `MATRICES`, of shape
            (outputs, inputs), each with an optional "bias" of shape (outputs,), such as
            "layers.0.query.bias".
        layers: how many there are.
        heads: number of queries.
        key_heads: number of keys and values, a divisor of it.
        angles: of the rotation, in radians, shape (positions, head width / 2).
        epsilon: what norms add to the mean square.
        begin: the symbol before the first.
    """

    tensor: Callable[[str], Floats | None]
    layers: int
    heads: int
    key_heads: int
    angles: Floats
    epsilon: float
    begin: int

    def __getitem__(self, name: str) -> Floats:
        """Return a tensor that must be there.

        Raises:
            ValueError: it is missing, or has values that are not finite.
        """
        array = self.optional(name)
        if array is None:
            raise ValueError(f"expected a tensor for {name}, found none")
        return array

    def optional(self, name: str) -> Floats | None:
        """Return a tensor, or None where there is none.

        Raises:
            ValueError: it has values that are not finite.
        """
        array = self.tensor(name)
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f"expected finite weights in {name}, found others")
        return array


def quantise(
    network: FloatTransformer,
    input_bits: int = 8,
    residual_bits: int = RESIDUAL_BITS,
    *,
    progress: Progress | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the network's tensors of a `TransformerModel`; those of its symbols are apart.

    Args:
        network: the weights.
        input_bits: bits of the rows that matrices take, 8 or 15. With 8, the rows of the largest
            influence still have 15: those of the layers' last matrix and of the head.
        residual_bits: fraction bits of the residual stream, whose values stay within
            2^(30 - residual_bits).
        progress: called with the number of layers done and of all.

    Raises:
        ValueError: a parameter out of range, or a tensor that is missing or not finite.
    """
    _require_input_bits(input_bits)
    if not 4 <= residual_bits <= 20:
        raise ValueError(f"expected residual_bits of 4 to 20, found {residual_bits}")
    levels, wide = INPUT_LEVELS[input_bits], INPUT_LEVELS[15]
    residual = 2.0**residual_bits
    embedding = network["embedding"]
    width = embedding.shape[1]
    tensors: dict[str, NDArray[Any]] = {}
    exponents: list[int] = []

    def matrix(name: str, weight: Floats, unit: float, one: float) -> None:
        """Add a matrix of inputs in units of ``unit`` and outputs in which ``one`` is 1.0."""
        steps, scale = _rows(weight)
        tensors[f"{name}.weight"] = steps
        tensors[f"{name}.scale"], exponent = _scales(scale * unit * one)
        exponents.append(exponent)
        bias = network.optional(f"{name}.bias")
        if bias is not None:
            tensors[f"{name}.bias"] = np.rint(bias * one).astype(np.int32)

    def norm(name: str) -> float:
        weight = network[name]
        unit = float(np.abs(weight).max()) / 32767 or 1.0
        tensors[name] = np.rint(weight / unit).astype(np.int16)
        return unit * math.sqrt(width)

    matrix("embedding", embedding, 1.0, residual)
    head = network.optional("head")
    matrix("head", embedding if head is None else head, norm("norm") / wide, OCTAVE)
    if head is None:
        del tensors["head.weight"]
    for layer in range(network.layers):
        name = f"layers.{layer}."
        unit = norm(name + "attention_norm") / levels
        for part in ("query", "key", "value"):
            matrix(name + part, network[name + part], unit, VALUE_ONE)
        attended = 1 / levels / ATTENDED_ONE
        matrix(name + "attention", network[name + "attention"], attended, residual)
        unit = norm(name + "units_norm") / levels
        for part in ("gate", "up"):
            matrix(name + part, network[name + part], unit, VALUE_ONE)
        matrix(name + "down", network[name + "down"], 1 / wide / VALUE_ONE**2, residual)
        if progress is not None:
            progress(layer + 1, network.layers)
    tensors["exponents"] = np.array(exponents, np.int32)
    tensors["rotation.cosine"] = np.rint(np.cos(network.angles) * ROTATION_ONE).astype(np.int16)
    tensors["rotation.sine"] = np.rint(np.sin(network.angles) * ROTATION_ONE).astype(np.int16)
    root = math.sqrt(2 * network.angles.shape[1])
    score, exponent = _scales(np.array([OCTAVE / root / (wide * WEIGHT_LEVELS) / VALUE_ONE**2]))
    epsilon = round(network.epsilon * width * 4.0**residual_bits * 2.0**14)
    tensors["parameters"] = np.array(
        [
            network.heads,
            network.key_heads,
            levels,
            wide,
            wide,
            network.begin,
            epsilon,
            int(score[0]),
            exponent,
        ],
        np.int64,
    )
    return tensors


def require_arguments(input_bits: int, begin: int | None, alphabet: int) -> None:
    """Raise ValueError if an argument of an import is out of range, whatever the file says.

    Args:
        input_bits: as for `quantise`.
        begin: the symbol before the first; None: that of the file.
        alphabet: number of symbols.
    """
    _require_input_bits(input_bits)
    if begin is not None and not 0 <= begin < alphabet:
        raise ValueError(f"expected a begin of 0 to {alphabet - 1}, found {begin}")


def _require_input_bits(input_bits: int) -> None:
    if input_bits not in INPUT_LEVELS:
        raise ValueError(f"expected input_bits of 8 or 15, found {input_bits}")


def _rows(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return weights in `WEIGHT_LEVELS` steps each way, and the step of each row."""
    largest = np.abs(weight).max(axis=1).astype(np.float64)
    step = np.where(largest > 0, largest, 1) / WEIGHT_LEVELS
    return np.rint(weight / step[:, None]).astype(np.int8), np.where(largest > 0, step, 0)


def _scales(values: Floats) -> tuple[NDArray[np.uint32], int]:
    """Return numbers below 2^31 and an exponent, so that values = numbers 2^-exponent."""
    largest = float(values.max())
    exponent = 31 - math.frexp(largest)[1] if largest > 0 else 0
    numbers = np.minimum(np.rint(np.ldexp(values, exponent)), 2.0**31 - 1)
    return numbers.astype(np.uint32), exponent
