"""Sequential reading of a file, with errors that say where it ends too early."""

from __future__ import annotations

import io

from eqinfo.common.named import Readable, read_some
from eqinfo.container.block_codec import Data
from eqinfo.container.buffer import is_constant
from eqinfo.errors import TruncatedError

# Memory is allocated for bytes that were read, not for bytes that a header announces.
_PIECE_BYTES = 1 << 20


class Source:
    """A file and the offset of the next byte.

    Attributes:
        name: the file's name, for messages.
        offset: the offset of the next byte.
    """

    def __init__(self, file: Readable, name: str, offset: int = 0) -> None:
        self._file = file
        self.name = name
        self.offset = offset

    def up_to(self, size: int) -> bytes:
        """Read ``size`` bytes, or fewer at the end of the file."""
        pieces: list[bytes] = []
        left = size
        while left > 0:
            piece = read_some(self._file, min(left, _PIECE_BYTES), self.name)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        self.offset += size - left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def exactly(self, size: int, what: str) -> bytes:
        """Read ``size`` bytes; ``what`` they are is for messages.

        Raises:
            TruncatedError: the file has fewer.
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
        """Read the ``size`` coded bytes of a block; raises as `exactly`."""
        return self.exactly(size, "a block")

    def at(self, offset: int) -> str:
        """Return an offset with the name of the file, for messages."""
        return f"{self.name}, offset {offset}"


class MemorySource(Source):
    """Bytes in memory; its blocks are views, unless somebody could change them meanwhile."""

    def __init__(self, data: memoryview) -> None:
        super().__init__(io.BytesIO(), "data")
        self._data = data
        self._constant = is_constant(data)

    def up_to(self, size: int) -> bytes:
        """See `Source`."""
        data = bytes(self._data[self.offset : self.offset + size])
        self.offset += len(data)
        return data

    def block(self, size: int) -> Data:
        """See `Source`."""
        begin = self.offset
        if begin + size > len(self._data) or not self._constant:
            return super().block(size)
        self.offset += size
        return self._data[begin : begin + size]


class PushedSource(Source):
    """Bytes that come in pieces; behind those that have come, the file seems to end."""

    def __init__(self, name: str) -> None:
        super().__init__(io.BytesIO(), name)
        self._data = bytearray()

    def add(self, data: memoryview) -> None:
        """Add the next bytes."""
        self._data += data

    def __len__(self) -> int:
        """Return how many bytes have come and have not been read."""
        return len(self._data)

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes without reading them, or fewer if no more have come."""
        with memoryview(self._data) as view:
            return bytes(view[:size])

    def up_to(self, size: int) -> bytes:
        """See `Source`."""
        data = self.peek(size)
        del self._data[: len(data)]
        self.offset += len(data)
        return data
