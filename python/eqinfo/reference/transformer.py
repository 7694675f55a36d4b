"""Transformer stage: a causal language model of Llama's kind in integers (docs/transformer.md).

csrc/transformer.h defines the same natively.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from math import isqrt
from typing import Any

from numpy.typing import NDArray

from eqinfo.reference.frequency import exp2

_LIMIT = (1 << 30) - 1
_BYTE_LEVELS = 127
_WIDE_LEVELS = 127 * 128
_MAX_BELOW = 31 * 1024

Tensors = dict[str, NDArray[Any]]
Row = tuple[list[int], int, int]
"""Quantised values, and the mantissa and exponent of their unit."""


def _limit(value: int) -> int:
    return max(-_LIMIT, min(_LIMIT, value))


def _rounded(value: int, shift: int) -> int:
    """Return value / 2^shift rounded half up, with the shift clamped to 0 to 62."""
    shift = max(0, min(62, shift))
    return (value + (1 << shift >> 1)) >> shift


def _quantise(values: Sequence[int], levels: int, largest: int) -> Row:
    """Return values in ``levels`` steps each way, the mantissa of the largest, and its width."""
    if largest == 0:
        return [0] * len(values), 0, 31
    width = largest.bit_length()
    mantissa = (largest << 31) >> width
    reciprocal = (levels << 47) // mantissa
    steps = [(((value << 31) >> width) * reciprocal + (1 << 46)) >> 47 for value in values]
    return steps, mantissa, width


def _plain_row(values: Sequence[int], levels: int) -> Row:
    steps, mantissa, width = _quantise(values, levels, max(map(abs, values)))
    return steps, mantissa, 31 - width


def _norm_row(x: list[int], weight: list[int], epsilon: int, levels: int) -> Row:
    """Return x[i] weight[i] divided by the root of the sum of all x[i]^2, quantised."""
    products = [a * b for a, b in zip(x, weight, strict=True)]
    steps, mantissa, width = _quantise(products, levels, max(map(abs, products)))
    bits = max(1 << 15, *map(abs, x)).bit_length()
    total = epsilon >> 2 * (bits - 16)
    total += sum(((value << 30 - bits) >> 7) ** 2 for value in x)
    if total == 0:
        return steps, 0, 0
    half = (62 - total.bit_length()) // 2
    root = isqrt(total << 2 * half)
    return steps, (mantissa << 30) // root, 38 - width - half + bits


def _matrix(tensors: Tensors, name: str, exponent: int, row: Row) -> list[int]:
    steps, mantissa, scale_exponent = row
    weights = tensors[f"{name}.weight"]
    bias = tensors[f"{name}.bias"].tolist() if f"{name}.bias" in tensors else [0] * len(weights)
    outputs = []
    for o, scale in enumerate(tensors[f"{name}.scale"].tolist()):
        total = sum(w * x for w, x in zip(weights[o].tolist(), steps, strict=True))
        factor = mantissa * scale >> 38
        value = _rounded(total * factor, scale_exponent + exponent - 38)
        outputs.append(_limit(value + bias[o]))
    return outputs


def _rotate(head: list[int], cosine: list[int], sine: list[int]) -> list[int]:
    half = len(head) // 2
    pairs = list(zip(head[:half], head[half:], cosine, sine, strict=True))
    first = [_limit(_rounded(a * c - b * s, 14)) for a, b, c, s in pairs]
    return first + [_limit(_rounded(b * c + a * s, 14)) for a, b, c, s in pairs]


def _store(head: list[int]) -> tuple[list[int], int, int]:
    """Return keys or values in 8 bits, and their scale as 11 bits and a shift."""
    largest = max(map(abs, head))
    shift = max(0, largest.bit_length() - 11)
    digits = -(-largest >> shift)
    if digits == 1 << 11:
        digits, shift = digits >> 1, shift + 1
    return _quantise(head, _BYTE_LEVELS, digits << shift)[0], digits, shift


Stored = list[tuple[list[int], int, int]]


def _attend(query: list[int], keys: Stored, values: Stored, scale: int, exponent: int) -> list[int]:
    steps, mantissa, width = _quantise(query, _WIDE_LEVELS, max(map(abs, query)))
    factor = mantissa * scale >> 40
    scores = []
    for key, digits, shift in keys:
        product = sum(a * b for a, b in zip(steps, key, strict=True))
        scores.append(_limit(_rounded(product * digits * factor, exponent - 9 - width - shift)))
    weights = []
    for score in scores:
        below = min(max(scores) - score, _MAX_BELOW)
        weights.append(exp2(below % 1024) >> below // 1024)
    total = sum(weights)
    scaled = [
        weight * (digits << shift)
        for weight, (_, digits, shift) in zip(weights, values, strict=True)
    ]
    shares, mantissa, width = _quantise(scaled, _WIDE_LEVELS, max(scaled))
    bits = total.bit_length()
    factor = (mantissa << 24) // (total >> bits - 31)
    outputs = []
    for column in zip(*(value for value, _, _ in values), strict=True):
        product = sum(a * b for a, b in zip(shares, column, strict=True))
        outputs.append(_limit(_rounded(product * factor, bits + 45 - width)))
    return outputs


def _sigmoid(step: int) -> int:
    """Return 2^20 times the logistic function of step / 32."""
    odds = (Decimal(-step) / 32).exp()
    return int((Decimal(2**20) / (1 + odds)).to_integral_value(ROUND_HALF_EVEN))


def _silu(x: int) -> int:
    step, rest = divmod(abs(x), 1 << 11)
    if step < 512:
        low = _sigmoid(step)
        sigmoid = low + ((_sigmoid(step + 1) - low) * rest >> 11)
    else:
        sigmoid = 1 << 20
    return _rounded(x * (sigmoid if x >= 0 else (1 << 20) - sigmoid), 20)


def _split(values: list[int], width: int) -> list[list[int]]:
    return [values[i : i + width] for i in range(0, len(values), width)]


class _Layer:
    """A layer with the keys and values of the positions before, by key head."""

    def __init__(self, tensors: Tensors, index: int) -> None:
        self.tensors = tensors
        self.index = index
        self.heads, self.key_heads, self.levels, self.down_levels = tensors["parameters"].tolist()[
            :4
        ]
        self.epsilon, self.scale, self.exponent = tensors["parameters"].tolist()[6:]
        self.keys: list[Stored] = [[] for _ in range(self.key_heads)]
        self.values: list[Stored] = [[] for _ in range(self.key_heads)]

    def matrix(self, part: int, name: str, row: Row) -> list[int]:
        exponent = int(self.tensors["exponents"][2 + 7 * self.index + part])
        return _matrix(self.tensors, f"layers.{self.index}.{name}", exponent, row)

    def norm(self, x: list[int], name: str) -> Row:
        weight = self.tensors[f"layers.{self.index}.{name}"].tolist()
        return _norm_row(x, weight, self.epsilon, self.levels)

    def attention(self, x: list[int]) -> list[int]:
        position = len(self.keys[0])
        cosine = self.tensors["rotation.cosine"][position].tolist()
        sine = self.tensors["rotation.sine"][position].tolist()
        width = 2 * len(cosine)
        row = self.norm(x, "attention_norm")
        queries = _split(self.matrix(0, "query", row), width)
        keys = _split(self.matrix(1, "key", row), width)
        values = _split(self.matrix(2, "value", row), width)
        for k in range(self.key_heads):
            self.keys[k].append(_store(_rotate(keys[k], cosine, sine)))
            self.values[k].append(_store(values[k]))
        attended = []
        for h, query in enumerate(queries):
            k = h // (self.heads // self.key_heads)
            rotated = _rotate(query, cosine, sine)
            attended += _attend(rotated, self.keys[k], self.values[k], self.scale, self.exponent)
        return self.matrix(3, "attention", _plain_row(attended, self.levels))

    def feed_forward(self, x: list[int]) -> list[int]:
        row = self.norm(x, "units_norm")
        gate, up = self.matrix(4, "gate", row), self.matrix(5, "up", row)
        units = [_silu(a) * b for a, b in zip(gate, up, strict=True)]
        return self.matrix(6, "down", _plain_row(units, self.down_levels))


def _add(x: list[int], change: list[int]) -> list[int]:
    return [_limit(a + b) for a, b in zip(x, change, strict=True)]


def transformer_logits(tensors: Tensors, symbols: Sequence[int]) -> Iterator[list[int]]:
    """Yield the logits after ``symbols``' every prefix, in 1024ths of an octave.

    The empty prefix comes first. ``tensors`` are those of a `TransformerModel`; there must be more
    positions than symbols.
    """
    _, _, _, _, head_levels, begin, epsilon, _, _ = tensors["parameters"].tolist()
    layers = [_Layer(tensors, i) for i in range((len(tensors["exponents"]) - 2) // 7)]
    embedding, head = tensors["exponents"][:2].tolist()
    tied = "head.weight" not in tensors
    network = tensors | {"head.weight": tensors["embedding.weight"]} if tied else tensors
    for symbol in [begin, *symbols]:
        scale = int(tensors["embedding.scale"][symbol])
        weights = tensors["embedding.weight"][symbol].tolist()
        x = [_limit(_rounded(scale * weight, embedding)) for weight in weights]
        for layer in layers:
            x = _add(x, layer.attention(x))
            x = _add(x, layer.feed_forward(x))
        row = _norm_row(x, tensors["norm"].tolist(), epsilon, head_levels)
        yield _matrix(network, "head", head, row)
