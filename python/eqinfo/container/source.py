"""A file that is read from its beginning to its end, and says where it ends too early."""

from __future__ import annotations

import io
from typing import Protocol

from eqinfo.container.block_codecs.protocol import Data
from eqinfo.errors import TruncatedError

# Memory is taken for what has come, not for what was announced.
_PIECE_BYTES = 1 << 20


class Readable(Protocol):
    """What a container is read from: a binary file, a pipe."""

    def read(self, size: int, /) -> bytes | None: ...  # noqa: D102


class Source:
    """Counts what has been read.

    Attributes:
        name: of the file, for messages.
        offset: of the next byte.
    """

    def __init__(self, file: Readable, name: str, offset: int = 0) -> None:
        self._file = file
        self.name = name
        self.offset = offset

    def up_to(self, size: int) -> bytes:
        """Read ``size`` bytes, or fewer where the file ends."""
        pieces: list[bytes] = []
        left = size
        while left > 0:
            piece = self._file.read(min(left, _PIECE_BYTES))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        self.offset += size - left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def exactly(self, size: int, what: str) -> bytes:
        """Read ``size`` bytes.

        Raises:
            TruncatedError: the file ends before.
        """
        begin = self.offset
        data = self.up_to(size)
        if len(data) < size:
            raise TruncatedError(
                f"{self.at(begin)}: expected {size} bytes of {what}, found the end of the file "
                f"after {len(data)}"
            )
        return data

    def block(self, size: int) -> Data:
        """Read what a block of ``size`` bytes has coded; raises as `exactly`."""
        return self.exactly(size, "a block")

    def at(self, offset: int) -> str:
        """Return the place in the file, for messages."""
        return f"{self.name}, offset {offset}"


class MemorySource(Source):
    """Bytes in memory, whose blocks are not copied."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(), "data")
        self._data = memoryview(data)

    def up_to(self, size: int) -> bytes:
        """See `Source`."""
        data = bytes(self._data[self.offset : self.offset + size])
        self.offset += len(data)
        return data

    def block(self, size: int) -> Data:
        """See `Source`."""
        begin = self.offset
        if begin + size > len(self._data):
            return super().block(size)  # says so
        self.offset += size
        return self._data[begin : begin + size]
