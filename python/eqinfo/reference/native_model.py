"""Native model stage: the integer network, one byte at a time (docs/models.md, "The native model").

csrc/text_context.h and csrc/native_model.h define the same natively.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_ORDER_BITS = (0, 14, 16, 17, 17, 17)
_WORD_BITS = 17
_MATCH_BYTES = (6, 4)
_HISTORY = 1 << 16
_POSITION_BITS = 13
_NO_MATCH = 256 * 16


def _mix(x: int) -> int:
    x = x * 0x9E3779B97F4A7C15 & _MASK
    x ^= x >> 29
    x = x * 0xBF58476D1CE4E5B9 & _MASK
    return x ^ x >> 32


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


class _Match:
    """The place after an earlier occurrence of the last bytes, which predicts the next byte.

    Attributes:
        size: how many last bytes must occur again to begin a match.
        next: place of the predicted byte.
        length: how many bytes have matched, at most 255; 0 without a match.
        positions: for each hash of ``size`` bytes, where they last ended.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.next = 0
        self.length = 0
        self.positions: dict[int, int] = {}

    def follow(self, text: bytes) -> None:
        """Continue or end the match: compare the last byte with the predicted one."""
        if self.length and text[self.next] == text[-1]:
            self.length = min(255, self.length + 1)
            self.next += 1
        else:
            self.length = 0

    def find(self, text: bytes) -> None:
        """Begin a match if there is none and the last bytes occurred before; note their place."""
        end = len(text)
        if end < self.size:
            return
        slot = _mix(_number(text[-self.size :])) >> (64 - _POSITION_BITS)
        position = self.positions.get(slot, 0)
        if self.length == 0 and position and end - position < _HISTORY:
            common = 0
            while (
                common < min(32, position)
                and end - position + common < _HISTORY - 1
                and text[position - 1 - common] == text[end - 1 - common]
            ):
                common += 1
            if common >= self.size:
                self.next, self.length = position, common
        self.positions[slot] = end

    def row(self, text: bytes) -> int:
        """Return the place in the feature's table: the predicted byte and a class of length."""
        if not self.length:
            return _NO_MATCH
        bounds = (24, 32, 64)
        length = self.length
        kind = max(0, length - 4) if length < 16 else 12 + sum(length >= b for b in bounds)
        return text[self.next] * 16 + kind


def context_rows(data: bytes, history: bool) -> Iterator[list[int]]:
    """Yield, for every prefix of ``data``, the empty one first, a place in each feature's table."""
    word = previous = 0
    matches = [_Match(size) for size in _MATCH_BYTES]
    for end in range(len(data) + 1):
        text = data[:end]
        if end:
            byte = text[-1]
            if history:
                for match in matches:
                    match.follow(text)
                    match.find(text)
            lower = byte + 32 if 65 <= byte <= 90 else byte
            if 97 <= lower <= 122 or lower >= 128 or lower == 39:
                word = (word + lower + 1) * 0x2F0B4C47 & 0xFFFFFFFF
            else:
                previous = word or previous
                word = 0
        rows = [text[-1] if end else 256]
        for order in range(2, 7):
            known = min(end, order)
            kind = (order * 16 + known) * 0xD6E8FEB86659FD93
            key = _number(text[end - known :]) + kind & _MASK
            rows.append(_mix(key) >> (64 - _ORDER_BITS[order - 1]))
        separator = 0 if word or not end else text[-1]
        begins = int(end == 0)
        key = (word << 8 | separator) * 0x8CB92BA72F3D8DD7 + begins + 7
        rows.append(_mix(key & _MASK) >> (64 - _WORD_BITS))
        key = (word << 32 | previous) * 0x8CB92BA72F3D8DD7
        key += separator * 0x94D049BB133111EB + begins + 9
        rows.append(_mix(key & _MASK) >> (64 - _WORD_BITS))
        yield rows + [match.row(text) for match in matches]


def _gate(value: int) -> int:
    """Return 2^14 times the logistic function of value / 64, with the argument clamped."""
    argument = Decimal(-max(-512, min(511, value))) / 64
    return int((Decimal(2**14) / (1 + argument.exp())).to_integral_value(ROUND_HALF_EVEN))


def _layer(tensors: dict[str, NDArray[Any]], name: str, inputs: list[int]) -> list[int]:
    """Return bias + weight @ inputs, each sum divided by 2^shift and rounded."""
    outputs = []
    for weight, bias, shift in zip(
        tensors[f"{name}.weight"].tolist(),
        tensors[f"{name}.bias"].tolist(),
        tensors[f"{name}.shift"].tolist(),
        strict=True,
    ):
        total = bias + sum(w * x for w, x in zip(weight, inputs, strict=True))
        outputs.append((total + (1 << shift >> 1)) >> shift)
    return outputs


def native_logits(
    tensors: dict[str, NDArray[Any]], data: bytes, history: bool
) -> Iterator[list[int]]:
    """Yield the 256 logits after every prefix of ``data``, the empty one first.

    Logits are in 1024ths of an octave. ``tensors`` are those of a `NativeModel`, and ``history``
    says whether matches are looked for.
    """
    count = len(tensors["recurrent.bias"]) // 2
    state = [0] * count
    for rows in context_rows(data, history):
        inputs = []
        for k, row in enumerate(rows):
            for byte in tensors[f"rows.{k}"][row].tolist():
                inputs += [((byte & 15 ^ 8) - 8) * 16, ((byte >> 4 ^ 8) - 8) * 16]
        results = _layer(tensors, "recurrent", inputs)
        for i in range(count):
            candidate = 16 * max(-2047, min(2047, results[i]))
            change = (candidate - state[i]) * _gate(results[count + i])
            state[i] += (change + (1 << 13)) >> 14
        units = _layer(tensors, "hidden", inputs + [value >> 8 for value in state])
        outputs = _layer(tensors, "output", [max(0, min(255, unit)) for unit in units])
        logits = [8 * value for value in outputs[:256]]
        for bonus, row in zip(outputs[256:], rows[-2:], strict=True):
            if row != _NO_MATCH:
                logits[row // 16] += 8 * bonus
        yield logits
