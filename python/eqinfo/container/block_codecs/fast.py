"""Blocks as matches, and literals that are ids of a codebook or bytes."""

from __future__ import annotations

from eqinfo.codebook.table import Codebook
from eqinfo.container import lz77
from eqinfo.container.block_codec import Data, Room
from eqinfo.container.block_codecs.codebook import CodebookBlockCodec
from eqinfo.container.sample import sample_of
from eqinfo.errors import FormatError

# The first byte of a block's code.
_BYTES, _IDS = 0, 1
# Blocks of at most so many bytes are coded in both ways.
_SHORT_BYTES = 1 << 14
# Many small pieces say as much as 16 kB in one, and wait less for the memory of a codebook that the
# block before has driven out of the cache.
_PIECES, _PIECE_BYTES = 16, 1 << 8
# Ids are taken if they have at most so many bits per byte of the sample. English has 2.7 to 4.0;
# C++, CMake and JavaScript, which are shorter as bytes, have 4.7 and more.
_MOST_ID_BITS = 4.25


class FastBlockCodec:
    """Codes a block with `eqinfo.container.lz77`.

    The literals of a block that the codebook suits are ids, those of others are bytes. A short
    block is coded in both ways.

    Args:
        codebook: a codebook of at most 16 bits.

    Raises:
        ValueError: a codebook of more bits.
    """

    exact = True

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = CodebookBlockCodec(codebook).codebook

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`."""
        if len(data) <= _SHORT_BYTES:
            return min(self._as_bytes(data), self._as_ids(data), key=len)
        return self._as_ids(data) if self._suits(data) else self._as_bytes(data)

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        kind = coded[0] if len(coded) else None
        if kind not in (_BYTES, _IDS):
            raise FormatError(f"expected a first byte of {_BYTES} or {_IDS}, found {kind}")
        lz77.decode_into(memoryview(coded)[1:], room, self._codebook if kind == _IDS else None)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        return lz77.working_bytes(raw_bytes)

    def _suits(self, data: Data) -> bool:
        """Whether the codebook suits pieces of the data."""
        sample = sample_of(data, _PIECE_BYTES, _PIECES)
        bits = self._codebook.window_bits * len(self._codebook.encode(sample))
        return bits <= _MOST_ID_BITS * len(sample)

    def _as_bytes(self, data: Data) -> bytes:
        return bytes([_BYTES]) + lz77.encode(data)

    def _as_ids(self, data: Data) -> bytes:
        return bytes([_IDS]) + lz77.encode(data, self._codebook)
