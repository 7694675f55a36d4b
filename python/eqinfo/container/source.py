"""A file that is read from its beginning to its end, and says where it ends too early."""

from __future__ import annotations

from typing import Protocol

from eqinfo.errors import TruncatedError

# Memory is taken for what has come, not for what was announced.
_PIECE_BYTES = 1 << 20


class Readable(Protocol):
    """What a container is read from: a binary file, a pipe, `io.BytesIO`."""

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

    def at(self, offset: int) -> str:
        """Return the place in the file, for messages."""
        return f"{self.name}, offset {offset}"
