"""Blocks as range-coded ids of a codebook, with adaptive frequencies."""

from __future__ import annotations

import struct

from eqinfo.codebook.table import Codebook
from eqinfo.container.block_codec import Data, Room
from eqinfo.container.block_codecs.codebook import CodebookBlockCodec
from eqinfo.errors import FormatError
from eqinfo.range_coder import RangeDecoder, RangeEncoder

PRECISION = 24
# Counts and frequencies of 2^16 ids.
_TABLE_BYTES = 1 << 20
_COUNT = struct.Struct("<I")


class RangedBlockCodec:
    """Stores the ids of `CodebookBlockCodec` with the range coder.

    Ids are coded in runs. The frequencies of a run are the counts of the ids before it in the block
    (docs/format.md), so a block decodes alone and no table is stored.

    Args:
        codebook: a codebook of at most 16 bits.

    Raises:
        ValueError: a codebook of more bits.
    """

    exact = True

    def __init__(self, codebook: Codebook) -> None:
        self._plain = CodebookBlockCodec(codebook)
        self._window_bits = codebook.window_bits

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`."""
        ids = self._plain.ids(data)
        coder = RangeEncoder(1, PRECISION)
        coder.extend_counted(ids, self._window_bits)
        return _COUNT.pack(len(ids)) + coder.finish()[0]

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        if len(coded) < _COUNT.size:
            raise FormatError(
                f"expected the number of ids in {_COUNT.size} bytes, found {len(coded)} bytes"
            )
        (count,) = _COUNT.unpack_from(coded)
        if count > len(room):
            raise FormatError(f"expected at most {len(room)} ids, found {count}")
        stream = bytes(coded[_COUNT.size :])
        coder = RangeDecoder(1, PRECISION)
        coder.start(stream)
        ids = coder.extend_counted(count, self._window_bits)
        if coder.overrun():
            raise FormatError(f"expected {count} ids, found the end of the stream at {len(ids)}")
        expected = (coder.end() + 7) // 8
        if expected != len(stream):
            raise FormatError(f"expected a stream of {expected} bytes, found {len(stream)}")
        self._plain.text(ids, room)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        # The stream, twice, and the ids, which are at most as many as bytes.
        return 4 * raw_bytes + _TABLE_BYTES
