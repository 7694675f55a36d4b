"""Mixer: bits predicted from many contexts, and coded (docs/pipeline.md, "Mixer").

csrc/mixer.h and csrc/cpu/mixer define the same natively.

A byte is eight bits, the most significant first; its node is 1, followed by the bits so far. A
probability is that of a one. stretch(p) = ln(p / (1 - p)) in 256ths, squash its inverse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import mul

from eqinfo.reference.mixer_tables import (
    MAX_INPUT,
    MAX_OUTPUT,
    UNSEEN,
    History,
    history_table,
    squash,
    stretch,
    within,
)
from eqinfo.reference.range_coder import RangeDecoder, RangeEncoder

_CONTEXTS = 12
_MIN_MATCHES = (5, 12)
_BIAS = 256
_ROW_ENTRIES = 23
_WORD_FACTOR = 0x2F0B4C47
_SEPARATORS = b',\t;|" '

Frequencies = Sequence[int]


def _signed(value: int) -> int:
    """Return the number from -2^31 to 2^31 - 1 that equals the value modulo 2^32."""
    return (value + 2**31) % 2**32 - 2**31


def _hash(value: int) -> int:
    value = value * 0x9E3779B97F4A7C15 % 2**64
    value ^= value >> 29
    value = value * 0xBF58476D1CE4E5B9 % 2**64
    return value ^ value >> 32


# What is known of single nodes.


@dataclass
class _Adaptive:
    """A probability of 22 bits that approaches what happens, slower with every bit."""

    probability: int
    count: int = 0

    def input(self) -> int:
        return stretch(self.probability >> 6)

    def learn(self, bit: int) -> None:
        error = (bit << 22) - self.probability
        change = (error >> 3) * (2**13 // (2 * self.count + 3)) >> 9
        self.probability = within(self.probability + change, 0, 2**22 - 1)
        self.count = min(self.count + 1, 255)


@dataclass
class _Slot:
    """What a context knows of a node: a probability, the history and the number of bits."""

    probability: int = 1 << 15
    history: History = UNSEEN
    count: int = 0

    def input(self) -> int:
        """Return the stretched probability, smaller while few bits are known."""
        if self.count == 0:
            return 0
        confidence = 80 + 11 * self.count if self.count < 16 else 256
        return stretch(self.probability) * confidence >> 8

    def learn(self, bit: int) -> None:
        error = 65535 * bit - self.probability
        self.probability += error * (2**15 // (2 * self.count + 3)) >> 14
        self.history = history_table()[self.history][bit]
        self.count = min(self.count + 1, 30)


def _slots() -> list[_Slot]:
    return [_Slot() for _ in range(15)]


@dataclass
class _Bucket:
    """The slots of half a byte, and the byte that followed a context last, and how often."""

    check: int = 0
    run_byte: int = 0
    run_count: int = 0
    slots: list[_Slot] = field(default_factory=_slots)

    def reset(self, check: int) -> None:
        """Forget all, also for those that still hold this bucket."""
        self.check, self.run_byte, self.run_count, self.slots = check, 0, 0, _slots()


class _Context:
    """A context: a table of buckets by hash, and the inputs that come from it."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.buckets: defaultdict[int, _Bucket] = defaultdict(_Bucket)
        self.adaptive = {history: _Adaptive(history.start()) for history in history_table()}

    def find(self, key: int) -> _Bucket:
        """Return the bucket of a hash, in one of two places; the less used one may be lost."""
        place, check = key >> (64 - self.bits), key % 2**16 | 1
        bucket, other = self.buckets[place], self.buckets[place ^ 1]
        for candidate in (bucket, other):
            if candidate.check == check:
                return candidate
        if bucket.check and other.slots[0].count < bucket.slots[0].count:
            bucket = other
        bucket.reset(check)
        return bucket

    def begin_byte(self, key: int) -> None:
        self.key = key
        self.first = self.bucket = self.find(key)
        self.run = (self.first.run_byte, self.first.run_count)

    def begin_second_half(self, node: int) -> None:
        self.bucket = self.find(_hash((self.key + node * 0x3D4D51CB) % 2**64))

    def inputs(self, node: int, half: int, shift: int) -> list[int]:
        """Return three inputs; `half` is the node within half a byte."""
        self.slot = self.bucket.slots[half - 1]
        history = self.slot.history
        known = self.adaptive[history].input() if history != UNSEEN else 0
        byte, count = self.run
        run = 0
        if count and (256 | byte) >> (shift + 1) == node:
            size = min(256 + 64 * min(count, 31), MAX_INPUT)
            run = size if byte >> shift & 1 else -size
        return [self.slot.input(), known, run]

    def learn(self, bit: int) -> None:
        self.adaptive[self.slot.history].learn(bit)
        self.slot.learn(bit)

    def end_byte(self, byte: int) -> None:
        first = self.first
        same = first.run_count > 0 and first.run_byte == byte
        first.run_byte, first.run_count = byte, min(first.run_count + 1, 255) if same else 1


# What is known of the data before a byte.


class _Text:
    """The bytes so far, and the hashes that name the contexts of the next one."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.word = self.previous_word = 0
        self.line = self.previous_line = 0
        self.field = self.field_hash = 0

    def last(self, count: int) -> int:
        """Return the last bytes as a number, the last byte lowest; 0 before the data."""
        return int.from_bytes(self.data[-count:], "big")

    def append(self, byte: int) -> None:
        self.data.append(byte)
        letter = byte | 32
        if 97 <= letter <= 122 or byte >= 128:
            self.word = (self.word + letter + 1) * _WORD_FACTOR % 2**32
        else:
            self.previous_word = self.word or self.previous_word
            self.word = 0
        if byte == 10:
            self.previous_line, self.line = self.line, len(self.data)
            self.field = self.field_hash = 0
        elif byte in _SEPARATORS:
            self.field, self.field_hash = self.field + 1, 0
        else:
            self.field_hash = (self.field_hash + byte + 1) * _WORD_FACTOR % 2**32

    def above(self) -> int:
        """Return the byte above the next one, in the line before; 0 if there is none."""
        up = self.previous_line + len(self.data) - self.line
        return self.data[up] if up < self.line else 0

    def forget(self, count: int) -> None:
        """Lose the first bytes; a line that began among them begins after them now."""
        del self.data[:count]
        self.line = max(self.line - count, 0)
        self.previous_line = max(self.previous_line - count, 0)

    def hashes(self) -> list[int]:
        separator = 0 if self.word else self.last(1)
        words = (self.word << 32 | self.previous_word) * 0x9E3779B97F4A7C15 + separator
        values = [
            self.last(1),
            self.last(2),
            self.last(3),
            self.last(4),
            self.last(6),
            self.word << 8 | separator,
            words,
            min(len(self.data) - self.line, 255) << 8 | self.above(),
            self.field << 32 | self.field_hash,
            self.last(3) & 0xF0F0FF,
            self.last(3) & 0xFFFF00,
            self.last(3) & 0xFF0000,
        ]
        return [_hash((value + (i << 56)) % 2**64) for i, value in enumerate(values, 1)]


class _Match:
    """The place after an earlier occurrence of the last bytes, and how many agree with it."""

    def __init__(self, shortest: int, bits: int) -> None:
        self.shortest, self.bits = shortest, bits
        self.ends: dict[int, int] = {}
        self.place = self.length = 0
        self.adaptive = [_Adaptive(2**22 - 1 - 2**22 // (2 * i + 3)) for i in range(64)]
        self.expected: int | None = None

    def append(self, data: bytearray) -> None:
        """Continue the match with a byte that has become known, or look for one."""
        if self.length:
            self.place, self.length = self.place + 1, min(self.length + 1, 65535)
        end = len(data)
        if end < self.shortest:
            return
        key = 0
        for byte in reversed(data[-self.shortest :]):
            key = (key * 8 * _WORD_FACTOR + byte + 1) % 2**64
        key = _hash(key) >> (64 - self.bits)
        earlier = self.ends.get(key, 0)
        if not self.length and earlier:
            limit = min(earlier, 400)
            agree = (data[earlier - 1 - i] == data[end - 1 - i] for i in range(limit))
            length = next((i for i, same in enumerate(agree) if not same), limit)
            if length >= self.shortest:
                self.place, self.length = earlier, length
        self.ends[key] = end

    def forget(self, count: int) -> None:
        """Lose the places among the first bytes; a match that continues in the rest stays."""
        self.ends = {key: end - count for key, end in self.ends.items() if end > count}
        if self.place < count:
            self.length = 0
        self.place = max(self.place - count, 0)

    def inputs(self, data: bytearray, shift: int) -> list[int]:
        """Return two inputs: how often matches of this length were right, and the length."""
        self.expected = None
        if not self.length:
            return [0, 0]
        self.expected = data[self.place] >> shift & 1
        sign = 1 if self.expected else -1
        return [sign * self.experience().input(), sign * 16 * min(self.length, 32)]

    def experience(self) -> _Adaptive:
        length = self.length
        return self.adaptive[length if length < 16 else min(16 + (length - 16) // 8, 63)]

    def learn(self, bit: int) -> None:
        """Learn whether the match was right; a wrong one ends, so the others agree so far."""
        if self.expected is None:
            return
        self.experience().learn(int(bit == self.expected))
        if bit != self.expected:
            self.length = 0


# The network.


class _Set:
    """Vectors of weights, of which a context chooses one."""

    def __init__(self, start: list[int]) -> None:
        self.rows: defaultdict[int, list[int]] = defaultdict(start.copy)

    def output(self, row: int, inputs: list[int]) -> int:
        self.row, self.inputs = row, inputs
        total = sum(map(mul, self.rows[row], inputs))
        self.value = within(_signed(total) >> 14, 1 - MAX_OUTPUT, MAX_OUTPUT - 1)
        return self.value

    def learn(self, bit: int, rate: int) -> None:
        error = (bit << 16) - squash(self.value)
        step = within(error * rate >> 8, -32767, 32767)
        self.rows[self.row] = [
            within(w + (x * step + 2**14 >> 15), -32768, 32767)
            for w, x in zip(self.rows[self.row], self.inputs, strict=True)
        ]


class _Refinement:
    """Rows of probabilities at outputs of -2816, -2560, ..., 2816, interpolated between them."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.rows: defaultdict[int, list[int]] = defaultdict(
            lambda: [squash((i - 11) * 256) for i in range(_ROW_ENTRIES)]
        )

    def probability(self, key: int, output: int) -> int:
        self.row = self.rows[_hash(key) >> (64 - self.bits)]
        entry, part = divmod(output + MAX_OUTPUT, 256)
        self.nearest = entry + (part >= 128)
        return self.row[entry] * (256 - part) + self.row[entry + 1] * part >> 8

    def learn(self, bit: int) -> None:
        self.row[self.nearest] += 65535 * bit - self.row[self.nearest] >> 5


class Mixer:
    """Predicts the next bit of at most ``size`` bytes, and learns from every bit.

    Attributes:
        text: what is known of the data so far.
        node: the bits of the unfinished byte so far, behind a 1.
    """

    def __init__(self, size: int, with_model: bool) -> None:
        bits = within(max(size - 1, 0).bit_length() - 1, 8, 16)
        self.with_model = with_model
        self.text = _Text()
        self.contexts = [_Context(bits) for _ in range(_CONTEXTS)]
        self.matches = [_Match(shortest, bits + 2) for shortest in _MIN_MATCHES]
        self.order0 = [1 << 15] * 256
        # The inputs of M1 come first: its stretched probability, its probability.
        others = 3 * _CONTEXTS + 2 * len(_MIN_MATCHES) + 2
        start = [12000, 1000] + [1000] * others if with_model else [1500] * (2 + others)
        self.sets = [_Set(start) for _ in range(4)]
        self.set_weights = [[1 << 14] * 4 for _ in range(256)]
        self.refinements = [_Refinement(min(bits, 12)) for _ in range(2)]
        self.node, self.shift = 1, 7

    def _begin_byte(self) -> None:
        for context, key in zip(self.contexts, self.text.hashes(), strict=True):
            context.begin_byte(key)

    def _half(self) -> int:
        """Return the node within half a byte."""
        depth = (7 - self.shift) % 4
        return 1 << depth | self.node % (1 << depth)

    def _rows(self, model_input: int) -> list[int]:
        """Return which weights each set uses."""
        known = sum(context.slot.count > 0 for context in self.contexts)
        short, long = (match.length for match in self.matches)
        near = sum(short >= bound for bound in (1, 8, 16, 32))
        far = min(long // 16 + 1, 7) if long else 0
        certainty = min(abs(model_input) // 128, 15) * 8 + self.shift
        return [
            self.node,
            near * 64 + far * 8 + known * 8 // 13,
            self.text.last(1) * 8 + self.shift,
            certainty if self.with_model else self.text.last(2) >> 8,
        ]

    def predict(self, model_probability: int = 1 << 15) -> int:
        """Return the probability of a one, 1 to 65535.

        ``model_probability`` is M1's, 1 to 65535, used if the mixer is made for a model.
        """
        if self.shift == 7:
            self._begin_byte()
        if self.shift == 3:
            for context in self.contexts:
                context.begin_second_half(self.node)
        model_inputs = [0, 0]
        if self.with_model:
            model_inputs = [stretch(model_probability), model_probability - 32768 >> 4]
        inputs = [*model_inputs, stretch(self.order0[self.node]), _BIAS]
        for context in self.contexts:
            inputs += context.inputs(self.node, self._half(), self.shift)
        for match in self.matches:
            inputs += match.inputs(self.text.data, self.shift)
        rows = self._rows(model_inputs[0])
        outputs = [s.output(row, inputs) for s, row in zip(self.sets, rows, strict=True)]
        weights = self.set_weights[self.node]
        total = _signed(sum(map(mul, weights, outputs)))
        output = within(total >> 16, 1 - MAX_OUTPUT, MAX_OUTPUT - 1)
        self.mixed = squash(output)
        refined = 2 * self.mixed + 2
        for refinement, order in zip(self.refinements, (1, 3), strict=True):
            refined += refinement.probability(self.text.last(order) << 8 | self.node, output)
        return within(refined >> 2, 1, 65535)

    def update(self, bit: int) -> None:
        """Learn the bit that was predicted."""
        rate = 32 + (96 << 14) // ((1 << 14) + len(self.text.data))
        error = (bit << 16) - self.mixed >> 1
        weights = self.set_weights[self.node]
        for i, each in enumerate(self.sets):
            change = each.value * error + 2**15 >> 16
            weights[i] = within(weights[i] + change, -(2**17), 2**17)
            each.learn(bit, rate)
        for context in self.contexts:
            context.learn(bit)
        for refinement in self.refinements:
            refinement.learn(bit)
        for match in self.matches:
            match.learn(bit)
        self.order0[self.node] += 65535 * bit - self.order0[self.node] >> 6
        self.node, self.shift = self.node * 2 + bit, self.shift - 1
        if self.shift < 0:
            self._end_byte(self.node - 256)

    def _end_byte(self, byte: int) -> None:
        for context in self.contexts:
            context.end_byte(byte)
        self.text.append(byte)
        for match in self.matches:
            match.append(self.text.data)
        self.node, self.shift = 1, 7

    def keep(self, count: int) -> None:
        """Forget the data, between two bytes, except for their last ``count`` bytes."""
        lost = max(len(self.text.data) - count, 0)
        self.text.forget(lost)
        for match in self.matches:
            match.forget(lost)


def node_probability(frequencies: Frequencies, node: int) -> int:
    """Return M1's probability of a one at a node, from the frequencies of the 256 bytes."""
    width = 2 ** (9 - node.bit_length())  # of the bytes below the node
    first = node * width - 256
    below = frequencies[first : first + width]
    return within(2**16 * sum(below[width // 2 :]) // sum(below), 1, 65535)


def _bits(data: bytes) -> Iterable[int]:
    return (byte >> shift & 1 for byte in data for shift in range(7, -1, -1))


def probabilities(data: bytes, model: Sequence[Frequencies] | None = None) -> list[int]:
    """Return the probability of a one, with 16 bits, of each of the 8 * len(data) bits.

    ``model`` has, for each byte, the 256 frequencies of M1.
    """
    mixer = Mixer(len(data), model is not None)
    found = []
    for bit in _bits(data):
        row = model[len(mixer.text.data)] if model is not None else None
        found.append(mixer.predict(node_probability(row, mixer.node)) if row else mixer.predict())
        mixer.update(bit)
    return found


def encode(data: bytes, model: Sequence[Frequencies] | None = None) -> bytes:
    """Return the stream of data; `probabilities` says what ``model`` is.

    A one has the interval from 0 to its probability, a zero the rest.
    """
    encoder = RangeEncoder()
    for bit, one in zip(_bits(data), probabilities(data, model), strict=True):
        encoder.encode(*((0, one) if bit else (one, 2**16 - one)), 16)
    return encoder.finish()[0]


def encode_solid(blocks: Sequence[bytes], table_bits: int, kept_bytes: int) -> list[bytes]:
    """Return a stream per block, of one mixer that goes on from block to block.

    Before each block, all data but the last ``kept_bytes`` are forgotten.
    """
    mixer = Mixer(2 << table_bits, with_model=False)
    streams = []
    for block in blocks:
        mixer.keep(kept_bytes)
        encoder = RangeEncoder()
        for bit in _bits(block):
            one = mixer.predict()
            encoder.encode(*((0, one) if bit else (one, 2**16 - one)), 16)
            mixer.update(bit)
        streams.append(encoder.finish()[0])
    return streams


def decode(
    stream: bytes, size: int, frequencies_of: Callable[[bytes], Frequencies] | None = None
) -> bytes:
    """Return ``size`` bytes of data. ``frequencies_of`` returns M1's frequencies after a prefix."""
    mixer = Mixer(size, frequencies_of is not None)
    decoder = RangeDecoder(stream)
    for _ in range(size):
        row = frequencies_of(bytes(mixer.text.data)) if frequencies_of is not None else None
        for _ in range(8):
            one = mixer.predict(node_probability(row, mixer.node)) if row else mixer.predict()
            mixer.update(1 - decoder.decode([one, 2**16 - one], 16))
    return bytes(mixer.text.data)
