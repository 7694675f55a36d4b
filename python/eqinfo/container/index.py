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
from eqinfo.container.compact import CompactHead, CompactMember, last_compact, read_compact
from eqinfo.container.header import Header, read_header
from eqinfo.container.magic import MAGIC_BYTES, read_magic
from eqinfo.container.random_access import RandomAccess, random_access
from eqinfo.container.reader import Member, read_members
from eqinfo.container.source import Source
from eqinfo.container.trailer import (
    END,
    ENTRY_BYTES,
    MAX_BLOCKS,
    TAIL_BYTES,
    Entries,
    Trailer,
    check_content,
    is_like_trailer,
    parse_trailer,
    tail_blocks,
)
from eqinfo.errors import ChecksumError, FormatError, TruncatedError, UnsupportedError


@dataclass(frozen=True)
class IndexedMember:
    """A member and the places of its blocks.

    Attributes:
        header: the member's parameters.
        trailer: the member's own index; None in the compact form.
        entries: the bytes of data and the coded bytes of every block, as in the index.
        offset: where the member begins in the file.
        size: bytes of the member in the file.
        raw_ends: int64, shape (blocks,): where each block's data ends in the member's data.
        offsets: int64, shape (blocks,): where each block begins in the file.
    """

    header: Header
    trailer: Trailer | None
    entries: Entries
    offset: int
    size: int
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

    It goes from the end of the file from one member to the one before. If no member ends there, the
    file is read from its beginning, which gives better messages. It also decides if the end of a
    compact member looks like a trailer, by a rare chance.

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
            members.reverse()
        except (FormatError, UnsupportedError):
            members = list(_members_from_beginning(access, name, begin))
        self.members = members
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
        size = int(member.entries[block, 0])
        return BlockPlace(member, block, end - size, end, begin)


def announced_bytes(file: RandomAccess) -> int | None:
    """Return how many bytes of data a file's trailers and compact members announce.

    None if some member has no complete trailer; decoding such a file mostly raises an error.
    """
    end = file.end
    total = 0
    try:
        while True:
            last = _last_end(file, "", 0, end)
            if isinstance(last, CompactHead):
                total += last.raw_bytes
                end -= last.size
            else:
                total += int(last.entries[:, 0].sum(dtype=np.int64))
                end -= last.member_bytes
            if end <= 0:
                return None if end else total
    except FormatError:
        return None


def _last_end(file: RandomAccess, name: str, first: int, end: int) -> Trailer | CompactHead:
    """Return the trailer that ends at offset ``end``, or the beginning of a compact member."""
    size = min(TAIL_BYTES, end - first)
    tail = Source(file.forward(end - size), name, end - size).exactly(size, "the end of a member")
    if not is_like_trailer(tail):
        compact = last_compact(file, name, first, end, tail)
        if compact is not None:
            return compact
    if end - first < TAIL_BYTES + len(END):
        raise TruncatedError(
            f"{name}, offset {first}: expected a member, found {end - first} bytes"
        )
    blocks = tail_blocks(tail)
    begin = end - TAIL_BYTES - ENTRY_BYTES * blocks - len(END)
    if blocks > MAX_BLOCKS or begin < first:
        raise FormatError(
            f"{name}, offset {end - TAIL_BYTES}: expected a trailer that fits in the file, "
            f"found one of {blocks} blocks"
        )
    source = Source(file.forward(begin), name, begin)
    data = source.exactly(end - begin, "the trailer")
    return parse_trailer(data, blocks, source.at(begin))


def _last_member(file: RandomAccess, name: str, first: int, end: int) -> IndexedMember:
    """Return the member that ends at offset ``end`` and begins at ``first`` or after it."""
    last = _last_end(file, name, first, end)
    size = last.size if isinstance(last, CompactHead) else last.member_bytes
    offset = end - size
    if offset < first:
        raise FormatError(
            f"{name}, offset {end}: expected the end of a member of at most {end - first} bytes, "
            f"found that of one of {size}"
        )
    source = Source(file.forward(offset), name, offset)
    if isinstance(last, CompactHead):
        if not last.raw_bytes:  # nothing else will compare its checksum
            read_compact(source, source.exactly(MAGIC_BYTES, "header"))
        return _compact(last, offset)
    magic = read_magic(source, first=True)
    assert magic is not None
    header = read_header(source, magic)
    if header.size != last.header_bytes:
        raise ChecksumError(
            f"{source.at(offset)}: expected a header of {last.header_bytes} bytes, found "
            f"{header.size}"
        )
    return _long(header, last, offset, size, source.at(offset))


def _members_from_beginning(file: RandomAccess, name: str, begin: int) -> Iterator[IndexedMember]:
    """Yield all members, and read everything for it; raises as `read_members`."""
    source = Source(file.forward(begin), name, begin)
    for part in read_members(source):
        if isinstance(part, CompactMember):
            yield _compact(part.head, source.offset - part.head.size)
        elif isinstance(part, Member):
            size = part.trailer.member_bytes
            yield _long(part.header, part.trailer, source.offset - size, size, part.place)


def _long(header: Header, trailer: Trailer, offset: int, size: int, place: str) -> IndexedMember:
    if not len(trailer.entries):
        check_content(xxhash.xxh3_64(), trailer, place)
    sizes = trailer.entries.astype(np.int64)
    raw, coded = sizes.T
    sound = (raw >= 1) & (raw <= header.block_bytes) & (coded <= raw)
    if not sound.all():
        number = int(np.argmin(sound))
        raise FormatError(
            f"{place}: expected an index of blocks of 1 to {header.block_bytes} bytes in no more "
            f"bytes, found {raw[number]} in {coded[number]} for block {number}"
        )
    ends = offset + header.size + np.cumsum(coded + HEADER_BYTES)
    return IndexedMember(
        header,
        trailer,
        trailer.entries,
        offset,
        size,
        np.cumsum(raw),
        ends - coded - HEADER_BYTES,
    )


def _compact(head: CompactHead, offset: int) -> IndexedMember:
    blocks = 1 if head.raw_bytes else 0
    entries = np.array([[head.raw_bytes, head.coded_bytes]][:blocks], np.uint32).reshape(-1, 2)
    ends, offsets = (np.array([place][:blocks], np.int64) for place in (head.raw_bytes, offset))
    return IndexedMember(head.header, None, entries, offset, head.size, ends, offsets)
