"""The index of a seekable container, read from its trailers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from eqinfo.container.block import HEADER_BYTES
from eqinfo.container.header import Header, read_header
from eqinfo.container.random_access import RandomAccess, random_access
from eqinfo.container.reader import read_members
from eqinfo.container.source import Source
from eqinfo.container.trailer import (
    END,
    ENTRY_BYTES,
    MAX_BLOCKS,
    TAIL_BYTES,
    Trailer,
    check_content,
    parse_trailer,
    tail_blocks,
)
from eqinfo.errors import ChecksumError, FormatError, TruncatedError, UnsupportedError


@dataclass(frozen=True)
class IndexedMember:
    """A member and the places of its blocks.

    Attributes:
        header: the member's parameters.
        trailer: the member's own index.
        offset: where the member begins in the file.
        raw_ends: int64, shape (blocks,): where each block's data ends in the member's data.
        offsets: int64, shape (blocks,): where each block begins in the file.
    """

    header: Header
    trailer: Trailer
    offset: int
    raw_ends: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @property
    def raw_bytes(self) -> int:
        """Bytes of data."""
        return int(self.raw_ends[-1]) if len(self.raw_ends) else 0


@dataclass(frozen=True)
class BlockPlace:
    """A block of an indexed file.

    Attributes:
        member: the member that the block belongs to.
        number: the block's number in its member.
        begin: where the block's data begins in the data of the file.
        end: where it ends.
        member_begin: where the member's data begins.
    """

    member: IndexedMember
    number: int
    begin: int
    end: int
    member_begin: int

    @property
    def offset(self) -> int:
        """Where the block begins in the file."""
        return int(self.member.offsets[self.number])


class Index:
    """The members and blocks of a seekable file; reads only headers and trailers.

    Args:
        file: a seekable file, at any position.
        name: the file's name, for messages.
        begin: the offset at which the first member begins.

    Raises:
        EqInfoError: as `read_members`, for a file that is not complete.
    """

    def __init__(self, file: BinaryIO | RandomAccess, name: str, begin: int = 0) -> None:
        access = file if isinstance(file, RandomAccess) else random_access(file)
        end = max(begin, access.end)
        members: list[IndexedMember] = []
        try:
            while end > begin or not members:
                members.append(_last_member(access, name, begin, end))
                end = members[-1].offset
        except (FormatError, UnsupportedError):
            # Reading from the beginning gives a better message.
            for _ in read_members(Source(access.forward(begin), name, begin)):
                pass
            raise
        self.members = members[::-1]
        self._ends = list(accumulate(member.raw_bytes for member in self.members))

    @property
    def raw_bytes(self) -> int:
        """Bytes of data of all members."""
        return self._ends[-1]

    def find(self, position: int) -> BlockPlace | None:
        """Return the block with the byte at ``position``, or None after the end."""
        number = bisect_right(self._ends, position)
        if number == len(self._ends):
            return None
        member = self.members[number]
        begin = self._ends[number] - member.raw_bytes
        block = int(np.searchsorted(member.raw_ends, position - begin, "right"))
        return self._place(member, block, begin)

    def blocks_from(self, position: int) -> Iterator[BlockPlace]:
        """Yield the block with the byte at ``position`` and all after it."""
        while (place := self.find(position)) is not None:
            yield place
            position = place.end

    @staticmethod
    def _place(member: IndexedMember, block: int, begin: int) -> BlockPlace:
        end = begin + int(member.raw_ends[block])
        size = int(member.trailer.entries[block, 0])
        return BlockPlace(member, block, end - size, end, begin)


def announced_bytes(file: RandomAccess) -> int | None:
    """Return how many bytes of data a file's trailers announce.

    None if some member has no complete trailer; decoding such a file raises an error.
    """
    end = file.end
    total = 0
    try:
        while True:
            trailer, _ = _last_trailer(file, "", 0, end)
            total += int(trailer.entries[:, 0].sum(dtype=np.int64))
            end -= trailer.member_bytes
            if end <= 0:
                return None if end else total
    except FormatError:
        return None


def _last_trailer(file: RandomAccess, name: str, first: int, end: int) -> tuple[Trailer, int]:
    """Return the trailer that ends at offset ``end``, and the offset where it begins."""
    if end - first < TAIL_BYTES + len(END):
        raise TruncatedError(
            f"{name}, offset {first}: expected a member, found {end - first} bytes"
        )
    tail = Source(file.forward(end - TAIL_BYTES), name, end - TAIL_BYTES)
    blocks = tail_blocks(tail.exactly(TAIL_BYTES, "the trailer"))
    begin = end - TAIL_BYTES - ENTRY_BYTES * blocks - len(END)
    if blocks > MAX_BLOCKS or begin < first:
        raise FormatError(
            f"{name}, offset {end - TAIL_BYTES}: expected a trailer that fits in the file, "
            f"found one of {blocks} blocks"
        )
    source = Source(file.forward(begin), name, begin)
    data = source.exactly(end - begin, "the trailer")
    return parse_trailer(data, blocks, source.at(begin)), begin


def _last_member(file: RandomAccess, name: str, first: int, end: int) -> IndexedMember:
    """Return the member that ends at offset ``end`` and begins at ``first`` or after it."""
    trailer, begin = _last_trailer(file, name, first, end)
    source = Source(file.forward(begin), name, begin)
    offset = end - trailer.member_bytes
    if offset < first:
        raise FormatError(
            f"{source.at(begin)}: expected a member of at most {end - first} bytes, "
            f"found one of {trailer.member_bytes}"
        )
    header = read_header(Source(file.forward(offset), name, offset), first=True)
    assert header is not None
    if header.size != trailer.header_bytes:
        raise ChecksumError(
            f"{source.at(offset)}: expected a header of {trailer.header_bytes} bytes, found "
            f"{header.size}"
        )
    if not len(trailer.entries):
        check_content(xxhash.xxh3_64(), trailer, source.at(offset))
    sizes = trailer.entries.astype(np.int64)
    ends = offset + header.size + np.cumsum(sizes[:, 1] + HEADER_BYTES)
    return IndexedMember(
        header, trailer, offset, np.cumsum(sizes[:, 0]), ends - sizes[:, 1] - HEADER_BYTES
    )
