"""Range coder stage, and the tokens of `ArithmeticCodec` (docs/pipeline.md, "Range coder")."""

from __future__ import annotations

from collections.abc import Sequence

from eqinfo.reference.bits import tokens_of_bits
from eqinfo.reference.frequency import Frequencies, Predict

WORD = 1 << 32
"""2 to the power of a word's bits."""


class RangeEncoder:
    """Encodes symbols to a stream, with ``low`` as one unbounded integer.

    Because ``low`` contains the words that have left the coder, carries need no special care.

    Attributes:
        low: the lower end of the interval, in units of 2^-(64 + 32 words).
        range: the width of the interval, in the same units.
        words: how many words of 32 bits have left the coder.
    """

    def __init__(self) -> None:
        self.low, self.range, self.words = 0, (1 << 64) - 1, 0

    def encode(self, start: int, frequency: int, precision: int) -> None:
        """Narrow the interval to the symbol's part, [start, start + frequency) of 2^precision.

        If the range is then below 2^32, a word leaves the coder.
        """
        first = self.range * start >> precision
        last = self.range * (start + frequency) >> precision
        self.low += first
        self.range = last - first
        if self.range < WORD:
            self.low, self.range, self.words = self.low * WORD, self.range * WORD, self.words + 1

    def finish(self) -> tuple[bytes, int]:
        """Return the stream, filled up to whole bytes, and its length in bits.

        After the words come the fewest bits that make a number in the interval.
        """
        for bits in range(33):
            unit = 1 << (64 - bits)
            value = -(-self.low // unit) * unit
            if value < self.low + self.range:
                length = 32 * self.words + bits
                digits = value >> (64 - bits)
                size = (length + 7) // 8
                return (digits << (8 * size - length)).to_bytes(size, "big"), length
        raise AssertionError("a range of 2^32 or more contains a multiple of 2^32")


class RangeDecoder:
    """Decodes a stream by repeating the encoder's steps."""

    def __init__(self, stream: bytes) -> None:
        self.stream = int.from_bytes(stream, "big")
        self.size = 8 * len(stream)
        self.encoder = RangeEncoder()

    def decode(self, frequencies: Frequencies, precision: int) -> int:
        """Return the symbol whose part of the interval contains the stream.

        Raises:
            ValueError: no part contains it.
        """
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
        raise ValueError("expected a stream of this coder, found one outside its interval")


def range_encode(
    symbols: Sequence[int], predictions: Sequence[Frequencies], precision: int
) -> bytes:
    """Return the stream of symbols, each with its own frequencies."""
    encoder = RangeEncoder()
    for symbol, row in zip(symbols, predictions, strict=True):
        encoder.encode(sum(row[:symbol]), row[symbol], precision)
    return encoder.finish()[0]


def arithmetic_tokens(
    symbols: Sequence[int],
    predict: Predict,
    precision: int,
    token_bits: int,
    check_bits: int = 0,
) -> list[int]:
    """Return the tokens of `ArithmeticCodec` for one document.

    The stream begins with the number of symbols: its bit width in 6 bits, then its bits below the
    leading one. The symbols follow, then the check (docs/pipeline.md, "ArithmeticCodec"). Without a
    check, the empty document has no tokens.
    """
    encoder = RangeEncoder()
    width = len(symbols).bit_length()
    encoder.encode(width, 1, 6)
    below = max(0, width - 1)
    _encode_number(encoder, len(symbols) % (1 << below), below)
    for position, symbol in enumerate(symbols):
        row = predict(symbols[:position])
        encoder.encode(sum(row[:symbol]), row[symbol], precision)
    _encode_number(encoder, document_check(symbols) % (1 << check_bits), check_bits)
    stream, length = encoder.finish()
    bits = "".join(f"{byte:08b}" for byte in stream)[:length]
    return tokens_of_bits(bits, token_bits)


def document_check(symbols: Sequence[int]) -> int:
    """Return the check of a document, of which ``check_bits`` of the lowest bits are coded.

    That is the remainder of a CRC-32 (polynomial 0x04C11DB7, bits reflected, all ones at the
    beginning, not inverted at the end) over the symbols as four little-endian bytes each.
    """
    remainder = WORD - 1
    for symbol in symbols:
        for byte in symbol.to_bytes(4, "little"):
            remainder ^= byte
            for _ in range(8):
                remainder = remainder >> 1 ^ (0xEDB88320 if remainder & 1 else 0)
    return remainder


def _encode_number(encoder: RangeEncoder, value: int, bits: int) -> None:
    """Encode a number of so many bits, 16 at a time, the most significant ones first."""
    while bits:
        taken = min(bits, 16)
        bits -= taken
        encoder.encode((value >> bits) % (1 << taken), 1, taken)
