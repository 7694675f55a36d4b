"""LZ77 stage: data as literals and matches, which are copies of what came earlier.

Literals are bytes, or ids of a codebook (``csrc/lz77.h``; docs/pipeline.md, "LZ77";
`eqinfo.reference.lz77`). All is coded with frequencies that follow from what was coded before, so
no tables are stored.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codebook.table import Codebook
from eqinfo.common.integers import check_bits
from eqinfo.common.text import to_array
from eqinfo.errors import FormatError

# Tables of 256 bytes, or the counts, frequencies and guesses of 2^16 ids.
_TABLE_BYTES = 2 << 20


class Sequences(NamedTuple):
    """Data as literals and matches.

    Attributes:
        rows: uint32, shape (sequences, 3): the number of literals; the length of the match after
            them, 3 or more, or 0 where the data end with literals; how many bytes before the match
            the copied bytes begin.
        literals: uint8, shape (bytes,): the literals of all sequences.
    """

    rows: NDArray[np.uint32]
    literals: NDArray[np.uint8]


def find(data: str | bytes | bytearray | memoryview, *, long_only: bool = False) -> Sequences:
    """Find matches in at most 2^23 bytes.

    Args:
        data: any bytes; a str is encoded as UTF-8.
        long_only: leave short matches to a codebook.

    Raises:
        ValueError: more bytes.
    """
    return Sequences(*_core.lz77_find(to_array(data), long_only))


def encode(data: str | bytes | bytearray | memoryview, codebook: Codebook | None = None) -> bytes:
    """Encode at most 2^23 bytes into one stream, which does not store their number.

    Args:
        data: any bytes; a str is encoded as UTF-8.
        codebook: a codebook of at most 16 bits, whose ids the literals become; None to code bytes.

    Raises:
        ValueError: more bytes, or a codebook of more bits.

    Example:
        >>> from eqinfo.container import lz77
        >>> data = b"a line that comes back\\n" * 50
        >>> stream = lz77.encode(data)
        >>> len(data), len(stream)
        (1150, 40)
        >>> lz77.decode(stream, len(data)) == data
        True
    """
    array = to_array(data)
    if codebook is None:
        return _core.lz77_encode(array, None, None, 0)
    rows, literals = find(data, long_only=True)
    ids = codebook.encode(literals.data)
    return _core.lz77_encode(array, rows, ids, codebook.window_bits)


def decode(
    stream: bytes | bytearray | memoryview, size: int, codebook: Codebook | None = None
) -> bytes:
    """Decode what `encode` returned.

    Args:
        stream: the stream.
        size: the number of bytes that were encoded.
        codebook: the codebook that encoded them.

    Raises:
        FormatError: the stream does not give exactly that many bytes, or does not end with them.
        TypeError: a size that is not an integer.
        ValueError: a negative size, or as for `encode`.
    """
    check_bits(63, size=size)
    room = np.empty(size, np.uint8)
    decode_into(stream, room, codebook)
    return room.tobytes()


def decode_into(
    stream: bytes | bytearray | memoryview,
    room: NDArray[np.uint8],
    codebook: Codebook | None = None,
) -> None:
    """Decode into memory of the caller what `encode` returned.

    Args:
        stream: the stream.
        room: uint8, shape (bytes,), contiguous and writable: as many bytes as were encoded.
        codebook: the codebook that encoded them.

    Raises:
        FormatError, ValueError: as for `decode`.
    """
    native = codebook.native if codebook is not None else None
    try:
        _core.lz77_decode(to_array(stream), room, native)
    except FormatError:
        raise FormatError(
            f"expected the stream of {len(room)} bytes, found {len(stream)} bytes that no encoder "
            "writes"
        ) from None


def working_bytes(size: int) -> int:
    """Return how much memory decoding ``size`` bytes takes, at most, besides them.

    Without the stream.
    """
    # Literals, and their ids, which are at most as many.
    return 3 * size + _TABLE_BYTES
