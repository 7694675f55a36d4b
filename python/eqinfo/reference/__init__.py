"""Every stage in plain Python integers: the definition that the native code is tested against.

Nothing here is fast and nothing is shared with the native code; the codebook's part is in
`eqinfo.reference.codebook`. A window is a pair, a stream is bytes, and a prediction is a list of
integer frequencies.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

Frequencies = Sequence[int]
Predict = Callable[[Sequence[int]], Frequencies]
"""The frequencies of the next symbol after a context."""


# --- frequency ---


@cache
def exp2(k: int) -> int:
    """Return round(2^31 * 2^(-k/1024)): half the 1024th root of 2^(32 * 1024 - k)."""
    root = 1 << (32 * 1024 - k)
    for _ in range(10):
        root = math.isqrt(root)
    return (root + 1) // 2


def float32(value: float) -> float:
    """Round to float32; correct also for a sum or product of two float32 done in double."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


LOGIT_SCALE = float32(1024 / math.log(2))
MAX_QUANTISED = 31 * 1024


def quantise(maximum: float, logit: float) -> int:
    """Return rint((maximum - logit) * 1024 log2 e) in float32, at most 31 * 1024."""
    scaled = float32(float32(maximum - logit) * LOGIT_SCALE)
    return round(min(scaled, float(MAX_QUANTISED)))


def frequencies(logits: Sequence[float], precision: int) -> list[int]:
    """Frequency rule 1: integers of at least 1 that sum to 2^precision.

    Raises:
        ValueError: NaN, +infinity or only -infinity.
    """
    maximum = max(logits)
    if any(math.isnan(x) or x == math.inf for x in logits) or maximum == -math.inf:
        raise ValueError("unusable logits")
    quantised = [quantise(maximum, x) for x in logits]
    weights = [exp2(x % 1024) >> (x // 1024) for x in quantised]
    total, weight_sum = 1 << precision, sum(weights)
    spread = total - len(logits)
    result = [1 + weight * spread // weight_sum for weight in weights]
    result[quantised.index(0)] += total - sum(result)
    return result


# --- range_coder ---

WORD = 1 << 32


class RangeEncoder:
    """The whole stream as one unbounded integer, so that carries need no care.

    ``low`` counts in units of 2^-(64 + 32 words): `words` have left the coder.
    """

    def __init__(self) -> None:
        self.low, self.range, self.words = 0, (1 << 64) - 1, 0

    def encode(self, start: int, frequency: int, precision: int) -> None:
        """Narrow the range to [start, start + frequency) of 2^precision."""
        first = self.range * start >> precision
        last = self.range * (start + frequency) >> precision
        self.low += first
        self.range = last - first
        if self.range < WORD:
            self.low, self.range, self.words = self.low * WORD, self.range * WORD, self.words + 1

    def finish(self) -> tuple[bytes, int]:
        """Return the words and the fewest bits more that lie in the range; the length in bits."""
        for bits in range(33):
            unit = 1 << (64 - bits)
            value = -(-self.low // unit) * unit
            if value < self.low + self.range:
                length = 32 * self.words + bits
                digits = value >> (64 - bits)
                size = (length + 7) // 8
                return (digits << (8 * size - length)).to_bytes(size, "big"), length
        raise AssertionError("a range of 2^32 contains a multiple of 2^32")


class RangeDecoder:
    """The reverse, by following the encoder's every step."""

    def __init__(self, stream: bytes) -> None:
        self.stream = int.from_bytes(stream, "big")
        self.size = 8 * len(stream)
        self.encoder = RangeEncoder()

    def decode(self, frequencies: Frequencies, precision: int) -> int:
        """Return the symbol whose part of the range holds the stream."""
        encoder = self.encoder
        shift = 64 + 32 * encoder.words - self.size
        value = self.stream << shift if shift >= 0 else self.stream >> -shift
        start = 0
        for symbol, frequency in enumerate(frequencies):
            end = encoder.low + (encoder.range * (start + frequency) >> precision)
            if value < end:
                encoder.encode(start, frequency, precision)
                return symbol
            start += frequency
        raise ValueError("not a stream of this coder")


def range_encode(
    symbols: Sequence[int], predictions: Sequence[Frequencies], precision: int
) -> bytes:
    """Encode symbols, each with its own frequencies."""
    encoder = RangeEncoder()
    for symbol, row in zip(symbols, predictions, strict=True):
        encoder.encode(sum(row[:symbol]), row[symbol], precision)
    return encoder.finish()[0]


def arithmetic_tokens(
    symbols: Sequence[int], predict: Predict, precision: int, token_bits: int
) -> list[int]:
    """Return the tokens of `ArithmeticCodec`: the number of symbols, then the symbols."""
    encoder = RangeEncoder()
    width = len(symbols).bit_length()
    encoder.encode(width, 1, 6)
    left = max(0, width - 1)
    while left:
        taken = min(left, 16)
        left -= taken
        encoder.encode((len(symbols) >> left) % (1 << taken), 1, taken)
    for position, symbol in enumerate(symbols):
        row = predict(symbols[:position])
        encoder.encode(sum(row[:symbol]), row[symbol], precision)
    stream, length = encoder.finish()
    bits = "".join(f"{byte:08b}" for byte in stream)[:length]
    return tokens_of_bits(bits, token_bits)


# --- window ---


def shares(shared: int, frequencies: Frequencies, precision: int) -> list[tuple[int, int]]:
    """Share codewords among symbols: for each the first one, counted from 0, and how many."""
    total = 1 << precision
    quotient, rest = divmod(shared, total)
    if quotient:
        bounds, cumulative = [0], 0
        for frequency in frequencies:
            cumulative += frequency
            bounds.append(cumulative * quotient + cumulative * rest // total)
        counts = [end - begin for begin, end in pairwise(bounds)]
    else:
        counts = [frequency * rest // total for frequency in frequencies]
        by_remainder = sorted(
            range(len(frequencies)), key=lambda i: (-(frequencies[i] * rest % total), i)
        )
        for symbol in by_remainder[: shared - sum(counts)]:
            counts[symbol] += 1
    firsts = [sum(counts[:i]) for i in range(len(counts))]
    return list(zip(firsts, counts, strict=True))


def encode_windows(
    symbols: Sequence[int],
    predict: Predict,
    window_bits: int,
    precision: int,
    reset_every: int = 1,
) -> list[int]:
    """Return the codewords of bijective windows."""
    codewords: list[int] = []
    context: list[int] = []
    base, shared = 0, (1 << window_bits) - 1
    for symbol in symbols:
        first, count = shares(shared, predict(context), precision)[symbol]
        if count == 0:
            codewords.append(base)
            base, shared = 0, (1 << window_bits) - 1
            if reset_every and len(codewords) % reset_every == 0:
                context = []
            first, count = shares(shared, predict(context), precision)[symbol]
        base, shared = base + 1 + first, count - 1
        context.append(symbol)
    return [*codewords, base] if symbols else []


def decode_windows(
    codewords: Sequence[int],
    predict: Predict,
    window_bits: int,
    precision: int,
    reset_every: int = 1,
) -> list[int]:
    """Return the symbols of bijective windows."""
    symbols: list[int] = []
    context: list[int] = []
    for number, codeword in enumerate(codewords):
        if reset_every and number % reset_every == 0:
            context = []
        base, shared = 0, (1 << window_bits) - 1
        while codeword > base:
            target = codeword - base - 1
            for symbol, (first, count) in enumerate(shares(shared, predict(context), precision)):
                if first <= target < first + count:
                    base, shared = base + 1 + first, count - 1
                    context.append(symbol)
                    symbols.append(symbol)
                    break
    return symbols


# --- padded windows: intervals [base, base + width) in units of 2^-32 of a codeword ---


def padded_child(
    base: int, width: int, frequencies: Frequencies, precision: int, symbol: int
) -> tuple[int, int]:
    """Return the interval of the text that is one symbol longer."""
    start = sum(frequencies[:symbol])
    first = width * start >> precision
    last = width * (start + frequencies[symbol]) >> precision
    return base + first, last - first


def whole_codewords(base: int, width: int) -> range:
    """Return the codewords that lie wholly inside an interval."""
    return range(-(-base // WORD), (base + width) // WORD)


def padded_codeword(base: int, width: int) -> int:
    """Return the contained codeword with the most trailing zeros."""
    inside = whole_codewords(base, width)
    unit = 1
    while -(-inside.start // (unit * 2)) * unit * 2 < inside.stop and unit < inside.stop:
        unit *= 2
    return -(-inside.start // unit) * unit


def padded_decode(
    codeword: int, context: Sequence[int], predict: Predict, window_bits: int, precision: int
) -> list[int]:
    """Follow a codeword to the end of its path: the decoder of arXiv 2404.03626, D.5."""
    text: list[int] = []
    base, width = 0, WORD << window_bits
    while len(text) < (1 << min(window_bits, 16)) - 1:
        row = predict([*context, *text])
        for symbol in range(len(row)):
            child = padded_child(base, width, row, precision, symbol)
            if codeword in whole_codewords(*child):
                (base, width), text = child, [*text, symbol]
                break
        else:
            break
    return text


def delay_encode(
    symbols: Sequence[int], predict: Predict, window_bits: int, precision: int
) -> list[int]:
    """Return the codewords of delayed windows (A.5), the model reset at each."""
    codewords = []
    begin = 0
    while begin < len(symbols):
        base, width = 0, WORD << window_bits
        written: list[int] = []
        for position in range(begin, len(symbols)):
            row = predict(symbols[begin:position])
            child = padded_child(base, width, row, precision, symbols[position])
            if not whole_codewords(*child):
                break
            base, width = child
            written.append(padded_codeword(base, width))
        codewords.append(written[-1])
        begin += 1 + written.index(written[-1])
    return codewords


# --- bits ---


def tokens_of_bits(bits: str, token_bits: int) -> list[int]:
    """Cut a string of 0 and 1 into tokens, the last one padded with zeros."""
    padded = bits + "0" * (-len(bits) % token_bits)
    return [int(padded[i : i + token_bits], 2) for i in range(0, len(padded), token_bits)]


def pack(codewords: Sequence[int], window_bits: int, token_bits: int) -> list[int]:
    """Write codewords one after the other and cut them into tokens."""
    bits = "".join(f"{codeword:0{window_bits}b}" for codeword in codewords)
    return tokens_of_bits(bits, token_bits)
