"""What surrounds a document's symbols in the stream of `ArithmeticCodec`: its length and its check.

docs/pipeline.md, "ArithmeticCodec", defines both.
"""

from __future__ import annotations

import zlib

from eqinfo.common.symbols import Symbols
from eqinfo.errors import ChecksumError
from eqinfo.range_coder import RangeDecoder, RangeEncoder

MAX_CHECK_BITS = 32
"""The most check bits: those of a CRC-32."""
# A number's bit width is coded in 6 bits; numbers are coded 16 bits at a time.
_WIDTH_BITS = 6
_CHUNK_BITS = 16


def crc(symbols: Symbols, before: int = 0) -> int:
    """Return the CRC-32 of symbols as four little-endian bytes each, after others."""
    return zlib.crc32(symbols.astype("<i4").tobytes(), before)


def _check_of(value: int, bits: int) -> int:
    # Inverted: the check of the empty text is all ones, so that no tokens at all, which are read as
    # zeros, are not the empty text.
    return ~value & ((1 << bits) - 1)


def put_check(coder: RangeEncoder, document: Symbols, bits: int, lane: int) -> None:
    """Encode the check of a document; nothing if it has no bits."""
    if bits:
        _put_number(coder, _check_of(crc(document), bits), bits, lane)


def compare_check(coder: RangeDecoder, decoded: int, bits: int, lane: int) -> None:
    """Decode the check of a document and compare it with the `crc` of the decoded symbols.

    Raises:
        ChecksumError: they differ.
    """
    expected = _get_number(coder, bits, lane)
    found = _check_of(decoded, bits)
    if expected != found:
        raise ChecksumError(
            f"expected a text with the checksum {expected:#x} of {bits} bits, found {found:#x}: "
            "the tokens are truncated, altered, or from another model"
        )


def put_length(coder: RangeEncoder, length: int, lane: int) -> None:
    """Encode the number of symbols, below 2^63."""
    width = length.bit_length()
    coder.put_bits(width, _WIDTH_BITS, lane)
    below = max(0, width - 1)
    _put_number(coder, length & ((1 << below) - 1), below, lane)


def get_length(coder: RangeDecoder, lane: int) -> int:
    """Decode what `put_length` encoded."""
    width = coder.get_bits(_WIDTH_BITS, lane)
    if width == 0:
        return 0
    return 1 << (width - 1) | _get_number(coder, width - 1, lane)


def _put_number(coder: RangeEncoder, value: int, bits: int, lane: int) -> None:
    """Encode a number below 2^bits, the most significant bits first."""
    while bits > 0:
        taken = min(bits, _CHUNK_BITS)
        bits -= taken
        coder.put_bits((value >> bits) & ((1 << taken) - 1), taken, lane)


def _get_number(coder: RangeDecoder, bits: int, lane: int) -> int:
    value = 0
    while bits > 0:
        taken = min(bits, _CHUNK_BITS)
        bits -= taken
        value = value << taken | coder.get_bits(taken, lane)
    return value
