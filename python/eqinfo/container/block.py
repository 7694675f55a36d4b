"""A block: lengths and checksums, then the coded data."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eqinfo.common.progress import Advance
from eqinfo.container.block_codec import BlockCodec, Data, Room
from eqinfo.container.block_codecs.chosen import ChosenBlockCodec
from eqinfo.container.block_codecs.segments import SegmentedBlockCodec
from eqinfo.container.block_codecs.solid import SolidCoder
from eqinfo.container.block_codecs.text import TextBlockCodec
from eqinfo.container.checksum import checksum, short_checksum
from eqinfo.container.header import Header
from eqinfo.container.source import Source
from eqinfo.errors import ChecksumError, FormatError, NumericMismatchError

# Bytes of data, coded bytes, checksum of the data. Then a second checksum, over these three, the
# block's number in its member (so that blocks cannot be swapped), and the coded bytes.
_LENGTHS = struct.Struct("<IIQ")
_CHECKSUM = struct.Struct("<I")
_NUMBER = struct.Struct("<I")
HEADER_BYTES = _LENGTHS.size + _CHECKSUM.size
_MISMATCH = "the model gives different numbers on this machine"
LENGTH = struct.Struct("<I")
"""The first field of a block: its bytes of data. A trailer begins with 0 instead."""


@dataclass(frozen=True)
class Block:
    """A block that was read from a file and has the right checksum.

    Attributes:
        raw_bytes: bytes of data, at least 1.
        content: checksum of the data.
        coded: the coded data; the data itself if coding does not make it shorter.
        place: file and offset, for messages.
        code_is_checked: whether what is coded has the right checksum, so that a part of it may be
            decoded alone.
        digits: hexadecimal digits of ``content``, for messages.
    """

    code_is_checked: ClassVar[bool] = True
    digits: ClassVar[int] = 16

    raw_bytes: int
    content: int
    coded: Data
    place: str

    @property
    def stored(self) -> bool:
        """Whether the block contains the data itself."""
        return len(self.coded) == self.raw_bytes

    @property
    def size(self) -> int:
        """Bytes of the block in the file."""
        return HEADER_BYTES + len(self.coded)

    def checksum_of(self, data: Data) -> int:
        """Return what ``content`` is for these decoded data."""
        return checksum(data)


def encode_block(
    data: Data, number: int, codec: BlockCodec | SolidCoder, advance: Advance = lambda _: None
) -> tuple[bytes, Data]:
    """Return the header of a block and the coded data, which is never longer than ``data``.

    ``advance`` is called with bytes of data that have been coded, while a codec works that takes
    minutes for a block.
    """
    with memory_for(len(data), codec):
        if isinstance(codec, TextBlockCodec):
            coded = codec.encode(data, advance)
        else:
            coded = codec.encode(data)
    if len(coded) >= len(data):
        coded = data
    lengths = _LENGTHS.pack(len(data), len(coded), checksum(data))
    return lengths + _CHECKSUM.pack(_checksum(lengths, number, coded)), coded


def _checksum(lengths: bytes, number: int, coded: Data) -> int:
    return short_checksum(lengths, _NUMBER.pack(number), coded)


def block_bytes(begin: bytes, header: Header) -> int:
    """Return how many bytes of a file `read_block` needs, from those that are there.

    The answer is final once there are so many. Lengths that no writer uses are refused as they are,
    so they need no more.
    """
    if len(begin) < HEADER_BYTES:
        return HEADER_BYTES
    raw_bytes, coded_bytes, _ = _LENGTHS.unpack_from(begin)
    return HEADER_BYTES + (coded_bytes if _are_lengths(raw_bytes, coded_bytes, header) else 0)


def _are_lengths(raw_bytes: int, coded_bytes: int, header: Header) -> bool:
    return 1 <= raw_bytes <= header.block_bytes and coded_bytes <= raw_bytes


def read_block(source: Source, length: bytes, header: Header, number: int) -> Block:
    """Read block ``number`` of a member, whose first field ``length`` has been read already.

    Raises:
        TruncatedError: the file ends within the block.
        ChecksumError: the block has been altered.
        FormatError: lengths that no writer uses.
    """
    begin = source.offset - len(length)
    place = source.at(begin)
    fixed = length + source.exactly(HEADER_BYTES - len(length), "the header of a block")
    raw_bytes, coded_bytes, content = _LENGTHS.unpack_from(fixed)
    if not _are_lengths(raw_bytes, coded_bytes, header):
        raise FormatError(
            f"{place}: expected a block of 1 to {header.block_bytes} bytes in no more bytes, "
            f"found {raw_bytes} in {coded_bytes}"
        )
    coded = source.block(coded_bytes)
    (expected,) = _CHECKSUM.unpack_from(fixed, _LENGTHS.size)
    found = _checksum(fixed[: _LENGTHS.size], number, coded)
    if found != expected:
        raise ChecksumError(
            f"{place}: expected a block with the checksum {expected:08x}, found {found:08x}"
        )
    return Block(raw_bytes, content, coded, place)


def fresh_room(size: int) -> Room:
    """Return memory that takes up no pages until it is written to."""
    return np.empty(size, np.uint8)


def decode_block(block: Block, codec: BlockCodec | SolidCoder, room: Room) -> memoryview:
    """Decode a block into ``room``, which has exactly its size, and return a view of it.

    Raises:
        NumericMismatchError: wrong data from a codec that is not exact.
        ChecksumError: wrong data from an exact codec.
        FormatError: content that no codec writes.
    """
    if block.stored:
        room[:] = np.frombuffer(block.coded, np.uint8)
        if isinstance(codec, SolidCoder):
            codec.learn(room)
    else:
        with _explained(block, codec), memory_for(block.raw_bytes, codec):
            codec.decode(block.coded, room)
    found = block.checksum_of(room.data)
    if found == block.content:
        return room.data
    message = (
        f"{block.place}: expected data with the checksum {block.content:0{block.digits}x}, found "
        f"{found:0{block.digits}x}"
    )
    if block.stored or codec.exact:
        raise ChecksumError(message)
    raise NumericMismatchError(f"{message}; {_MISMATCH}")


def decode_part(block: Block, codec: BlockCodec, begin: int, end: int) -> tuple[int, memoryview]:
    """Return a part of the data that contains bytes ``begin`` to ``end`` - 1, and where it begins.

    Only the segments that are needed are decoded, where the codec allows it. Their streams must end
    where they should, but the checksum, which covers the whole data, is not compared. A codec that
    is not exact must decode the batches that it encoded, so it decodes the whole block.

    Raises:
        EqInfoError: as `decode_block`.
    """
    segmented, coded = codec, block.coded
    if isinstance(codec, ChosenBlockCodec) and not block.stored:
        with _explained(block, codec):
            segmented, coded = codec.chosen(block.coded)
    in_parts = block.code_is_checked and not block.stored and codec.exact
    if not in_parts or not isinstance(segmented, SegmentedBlockCodec):
        return 0, decode_block(block, codec, fresh_room(block.raw_bytes))
    step = segmented.segment_bytes
    first = begin // step
    last = min(-(-end // step), -(-block.raw_bytes // step))
    if first == 0 and last * step >= block.raw_bytes:
        return 0, decode_block(block, codec, fresh_room(block.raw_bytes))
    with _explained(block, codec):
        data = segmented.decode_segments(coded, block.raw_bytes, first, last)
    return first * step, data.data


@contextmanager
def memory_for(raw_bytes: int, codec: BlockCodec | SolidCoder) -> Iterator[None]:
    """Say in a MemoryError what needs how much."""
    try:
        yield
    except MemoryError:
        raise MemoryError(
            f"expected about {(codec.working_bytes(raw_bytes) >> 20) + 1} MiB for a block of "
            f"{raw_bytes:,} bytes, found less; fewer threads, smaller blocks and the level fast "
            "need less"
        ) from None


@contextmanager
def _explained(block: Block, codec: BlockCodec | SolidCoder) -> Iterator[None]:
    """Add the place of the block, and a likely cause, to an error of its codec."""
    try:
        yield
    except FormatError as error:
        if codec.exact:
            raise type(error)(f"{block.place}: {error}") from None
        raise NumericMismatchError(f"{block.place}: {error}; {_MISMATCH}") from None
