"""Reading at any offset of a file or of memory."""

from __future__ import annotations

import io
import os
import stat
from abc import ABC, abstractmethod
from typing import BinaryIO

from eqinfo.common.named import read_some


class RandomAccess(ABC):
    """Something that can be read at any offset.

    Attributes:
        end: the offset of the end.
    """

    end: int

    @abstractmethod
    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset`` on; none only at the end."""

    def forward(self, offset: int) -> Forward:
        """Return a file that begins at ``offset``."""
        return Forward(self, offset)


class Forward:
    """The bytes from an offset on, one after the other.

    Args:
        file: what is read.
        offset: where to begin.
    """

    # A block's lengths and checksums, which are read in two steps.
    _AHEAD_BYTES = 20

    def __init__(self, file: RandomAccess, offset: int) -> None:
        self._file = file
        self._offset = offset
        self._ahead = b""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; none only at the end."""
        if not self._ahead:
            data = self._file.read(self._offset, max(size, self._AHEAD_BYTES))
            self._offset += len(data)
            if len(data) <= size:
                return data
            self._ahead = data
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data


class _Descriptor(RandomAccess):
    """A regular file; nothing depends on the position, which forked processes share."""

    def __init__(self, file: io.FileIO | io.BufferedReader | io.BufferedRandom) -> None:
        self._file = file
        self.end = os.fstat(file.fileno()).st_size

    def read(self, offset: int, size: int) -> bytes:
        """See `RandomAccess`."""
        # Not a number that was kept: it may belong to another file after the file is closed.
        return os.pread(self._file.fileno(), size, offset)


class _Seeking(RandomAccess):
    """Any other seekable file object."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.end = file.seek(0, os.SEEK_END)

    def read(self, offset: int, size: int) -> bytes:
        """See `RandomAccess`."""
        self._file.seek(offset)
        return read_some(self._file, size, "")


class Memory(RandomAccess):
    """Bytes in memory."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.end = len(data)

    def read(self, offset: int, size: int) -> bytes:
        """See `RandomAccess`."""
        return bytes(self._data[offset : offset + size])


def random_access(file: BinaryIO) -> RandomAccess:
    """Return access to a seekable file."""
    # Of these types exactly: what is derived from them, or has a descriptor as gzip's files do, may
    # have other content than the descriptor.
    raw = file.raw if type(file) in (io.BufferedReader, io.BufferedRandom) else file  # type: ignore[attr-defined]
    if type(raw) is io.FileIO and raw.readable() and hasattr(os, "pread"):
        file.flush()
        if stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
            return _Descriptor(raw)
    return _Seeking(file)
