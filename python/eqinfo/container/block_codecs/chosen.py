"""Blocks that say themselves which of several codecs they were coded with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from eqinfo.container.block_codec import BlockCodec, Data, Room
from eqinfo.container.header import CodecId
from eqinfo.errors import FormatError


class ChosenBlockCodec(ABC):
    """Base of block codecs that put the number of another codec before its code.

    Args:
        codecs: the block codecs, by number.
        exact: see `BlockCodec`.
    """

    def __init__(self, codecs: Mapping[CodecId, BlockCodec], exact: bool) -> None:
        self._codecs: dict[int, BlockCodec] = {int(key): codec for key, codec in codecs.items()}
        self.exact = exact

    @abstractmethod
    def encode(self, data: Data) -> Data:
        """See `BlockCodec`."""

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        codec, rest = self.chosen(coded)
        codec.decode(rest, room)

    def chosen(self, coded: Data) -> tuple[BlockCodec, Data]:
        """Return the codec of a block, and what that has coded.

        Raises:
            FormatError: another number.
        """
        number = coded[0] if len(coded) else None
        if number is None or number not in self._codecs:
            expected = " or ".join(str(int(known)) for known in self._codecs)
            raise FormatError(f"expected a codec of {expected} for the block, found {number}")
        return self._codecs[number], memoryview(coded)[1:]

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        return max(codec.working_bytes(raw_bytes) for codec in self._codecs.values())
