"""Reads in solid members, whose blocks need those before them."""

from __future__ import annotations

from collections.abc import Callable

from eqinfo.container.block import Block, decode_block, fresh_room
from eqinfo.container.block_codecs.solid import SolidBlockCodec, SolidCoder
from eqinfo.container.index import BlockPlace, Index


class SolidReader:
    """Decodes any block of solid members; remembers where the last one ended, and goes on there.

    A block before that, or in another member, takes decoding from the beginning of the member.

    Args:
        index: the members and blocks of the file.
        read: reads a block.
    """

    def __init__(self, index: Index, read: Callable[[BlockPlace], Block]) -> None:
        self._index = index
        self._read = read
        self._coder: SolidCoder | None = None
        self._member = -1  # the offset of its member
        self._next = 0  # the position of the block that it codes next

    def decode(self, place: BlockPlace, codec: SolidBlockCodec) -> memoryview:
        """Return the data of a block; raises as `read_block` and `decode_block`."""
        coder, position = self._coder, self._next
        if coder is None or self._member != place.member.offset or place.begin < position:
            coder, position = codec.begin(), place.member_begin
        self._coder = None  # after an error it has lost its place
        data = memoryview(b"")
        while position <= place.begin:
            each = self._index.find(position)
            assert each is not None
            block = self._read(each)
            data = decode_block(block, coder, fresh_room(block.raw_bytes))
            position = each.end
        self._coder, self._member, self._next = coder, place.member.offset, position
        return data
