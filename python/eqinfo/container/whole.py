"""The checksum of all data of a member, while a seekable file is read."""

from __future__ import annotations

import xxhash

from eqinfo.container.index import BlockPlace
from eqinfo.container.trailer import check_content
from eqinfo.errors import ChecksumError


class WholeMembers:
    """Compares the checksum of a member that is read from its beginning to its end.

    Reads may overlap and go back. What is skipped is not decoded, so that the member it belongs to
    is checked only block by block.
    """

    def __init__(self) -> None:
        self._content = xxhash.xxh3_64()
        self._position = 0  # the data of the member before it have been seen
        self._refused: dict[int, ChecksumError] = {}  # by the offset of the member

    def see(self, place: BlockPlace, begin: int, data: memoryview, name: str) -> None:
        """Take in data of a block that begin at the position ``begin`` of the file's data.

        Raises:
            ChecksumError: they complete a member with another checksum, now or earlier.
        """
        member = place.member
        if member.trailer is None:  # compact: its only checksum has been compared
            return
        if member.offset in self._refused:
            raise self._refused[member.offset]
        first = place.member_begin
        if begin == first:
            self._content = xxhash.xxh3_64()
            self._position = first
        end = begin + len(data)
        if not begin <= self._position < end:
            return
        self._content.update(data[self._position - begin :])
        self._position = end
        if end < first + member.raw_bytes:
            return
        try:
            check_content(self._content, member.trailer, f"{name}, offset {member.offset}")
        except ChecksumError as error:
            self._refused[member.offset] = error
            raise
