"""The trailer of a member: an index of its blocks, and a checksum of all its data."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import xxhash
from numpy.typing import NDArray

from eqinfo.container.block import HEADER_BYTES as BLOCK_HEADER_BYTES
from eqinfo.container.block import LENGTH
from eqinfo.container.block_codec import Data
from eqinfo.container.checksum import checksum
from eqinfo.container.header import MAX_HEADER_BYTES, MIN_HEADER_BYTES
from eqinfo.container.source import Source
from eqinfo.errors import ChecksumError, FormatError

MAX_BLOCKS = 1 << 20
"""Blocks per member. A writer begins another member then, so no index is longer than 8 MiB."""

END = LENGTH.pack(0)
_HEADER_SIZES = range(MIN_HEADER_BYTES, MAX_HEADER_BYTES + 1)
# Number of blocks, bytes of the header, checksum of the data. The checksum of the trailer follows.
_TAIL = struct.Struct("<IIQ")
_CHECKSUM = struct.Struct("<Q")
TAIL_BYTES = _TAIL.size + _CHECKSUM.size
_ENTRY = np.dtype("<u4")
ENTRY_BYTES = 2 * _ENTRY.itemsize

Entries = NDArray[np.uint32]
"""uint32, shape (blocks, 2): bytes of data and coded bytes of every block, in order."""


@dataclass(frozen=True)
class Trailer:
    """The end of a member.

    Attributes:
        entries: the index.
        header_bytes: bytes of the member's header.
        content: checksum of all data of the member.
    """

    entries: Entries
    header_bytes: int
    content: int

    def pack(self) -> bytes:
        """Return the bytes of the trailer in the file."""
        tail = _TAIL.pack(len(self.entries), self.header_bytes, self.content)
        body = b"".join((END, index_bytes(self.entries), tail))
        return body + _CHECKSUM.pack(checksum(body))

    @property
    def size(self) -> int:
        """Bytes of the trailer in the file."""
        return trailer_bytes(len(self.entries))

    @property
    def member_bytes(self) -> int:
        """Bytes of the whole member in the file."""
        blocks = int(self.entries[:, 1].sum(dtype=np.int64))
        return self.header_bytes + blocks + BLOCK_HEADER_BYTES * len(self.entries) + self.size


def index_bytes(entries: Entries) -> memoryview:
    """Return the bytes of an index in the file."""
    return np.ascontiguousarray(entries, _ENTRY).reshape(-1).view(np.uint8).data


def trailer_bytes(blocks: int) -> int:
    """Return the bytes of the trailer of a member with this many blocks."""
    return len(END) + ENTRY_BYTES * blocks + TAIL_BYTES


def read_trailer(source: Source, blocks: int) -> Trailer:
    """Read the trailer of a member of ``blocks`` blocks, whose `END` has been read already.

    Raises:
        TruncatedError: the file ends within the trailer.
        ChecksumError: the trailer has been altered.
        FormatError: the index has another number of blocks.
    """
    begin = source.offset - len(END)
    rest = source.exactly(ENTRY_BYTES * blocks + TAIL_BYTES, "the trailer")
    return _parse(END, rest, blocks, source.at(begin))


def is_like_trailer(tail: bytes) -> bool:
    """Return whether the end of a file could be that of a trailer.

    Args:
        tail: its last `TAIL_BYTES` bytes, or all of them if there are fewer.
    """
    if len(tail) < TAIL_BYTES:
        return False
    blocks, header_bytes, _ = _TAIL.unpack_from(tail)
    return int(blocks) <= MAX_BLOCKS and header_bytes in _HEADER_SIZES


def tail_blocks(tail: bytes) -> int:
    """Return the number of blocks from the last `TAIL_BYTES` bytes of a member."""
    return int(_TAIL.unpack_from(tail)[0])


def parse_trailer(data: bytes, blocks: int, place: str) -> Trailer:
    """Return a trailer from its bytes, `END` included; raises as `read_trailer`."""
    return _parse(data[: len(END)], memoryview(data)[len(END) :], blocks, place)


def check_content(content: xxhash.xxh3_64, trailer: Trailer, place: str) -> None:
    """Compare the checksum of all data of a member with the one in its trailer.

    Args:
        content: has seen all data of the member.
        trailer: the member's trailer.
        place: file and offset of the member, for messages.

    Raises:
        ChecksumError: they differ.
    """
    if content.intdigest() != trailer.content:
        raise ChecksumError(
            f"{place}: expected data with the checksum {trailer.content:016x}, found "
            f"{content.intdigest():016x}"
        )


def _parse(end: bytes, rest: Data, blocks: int, place: str) -> Trailer:
    # Without copies: an index may have 8 MiB.
    with memoryview(rest) as view:
        (expected,) = _CHECKSUM.unpack(view[-_CHECKSUM.size :])
        found = checksum(end, view[: -_CHECKSUM.size])
    if found != expected:
        raise ChecksumError(
            f"{place}: expected a trailer with the checksum {expected:016x}, found {found:016x}"
        )
    count, header_bytes, content = _TAIL.unpack_from(rest, len(rest) - TAIL_BYTES)
    if count != blocks or end != END:
        raise FormatError(f"{place}: expected an index of {blocks} blocks, found {count}")
    entries = np.frombuffer(rest, _ENTRY, 2 * blocks).reshape(-1, 2)
    return Trailer(entries.astype(np.uint32, copy=False), header_bytes, content)
