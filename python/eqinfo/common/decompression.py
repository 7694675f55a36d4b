"""Compressed files as streams of bytes: gzip, bz2, xz and Zstandard, with nothing left unread.

The file objects of the standard library and of the package zstandard are not enough: those of bz2
and xz ignore damaged data after the first stream, and that of zstandard does not notice truncated
files.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, cast

from eqinfo.errors import UnsupportedError

if TYPE_CHECKING:
    from typing_extensions import Buffer

Compression = Literal["gzip", "bz2", "xz", "zstd"]

# Stored bytes that are decompressed at a time. Four bytes of Zstandard can stand for 128 KiB, so
# that even a file of nothing else takes at most 256 MiB of memory.
_STORED_BYTES = 1 << 13
_CONTENT_BYTES = 1 << 17  # decompressed at a time, where a library can be told
_MAX_WINDOW_BYTES = 1 << 31  # what zstd --long=31 writes; also the most that xz may take


class DamagedError(Exception):
    """Compressed data that are truncated, altered, or followed by something else."""


DAMAGED = (DamagedError, EOFError, gzip.BadGzipFile, zlib.error)
"""What reading the result of `decompressed` raises where the data are damaged."""


def decompressed(stored: BinaryIO, compression: Compression) -> BinaryIO:
    """Return the content of a compressed file, which may be several streams in a row.

    Where it is damaged, a read returns what comes before the damage, and the next one raises.

    Args:
        stored: the file, which stays open when the content is closed.
        compression: how it is compressed.

    Raises:
        UnsupportedError: Zstandard needs a package that is not installed.
    """
    content: _Content
    if compression == "gzip":
        content = gzip.GzipFile(fileobj=stored)
    else:
        content = io.BufferedReader(_StreamsFile(stored, compression), _CONTENT_BYTES)
    return cast(BinaryIO, _UpToDamage(content))


class _Content(Protocol):
    def read1(self, size: int, /) -> bytes: ...
    def tell(self) -> int: ...


class _UpToDamage(io.BufferedIOBase):
    """A content whose `read` does not lose, with an error, what it has read before it."""

    def __init__(self, content: _Content) -> None:
        self._content = content
        self._error: Exception | None = None

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._content.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes; fewer only at the end, or before damage."""
        left = sys.maxsize if size is None or size < 0 else size
        pieces: list[bytes] = []
        try:
            while left and (piece := self.read1(left)):
                pieces.append(piece)
                left -= len(piece)
        except DAMAGED:
            if not pieces:
                raise
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Read what there is, up to ``size`` bytes; none only at the end."""
        if self._error is not None:
            raise self._error
        try:
            return self._content.read1(_CONTENT_BYTES if size < 0 else min(size, _CONTENT_BYTES))
        except DAMAGED as error:
            self._error = error  # where reading on would lead is anyone's guess
            raise


class _Stream(Protocol):
    """One compressed stream: `bz2.BZ2Decompressor`, `lzma.LZMADecompressor`, or `_ZstdFrame`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _ZstdFrame:
    """A Zstandard frame; like the decompressors of the standard library, but without a limit."""

    needs_input = True

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return bytes(self._frame.decompress(data))


def _bz2_streams() -> tuple[Callable[[], _Stream], type[Exception]]:
    return bz2.BZ2Decompressor, OSError


def _xz_streams() -> tuple[Callable[[], _Stream], type[Exception]]:
    return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MAX_WINDOW_BYTES), lzma.LZMAError


def _zstd_streams() -> tuple[Callable[[], _Stream], type[Exception]]:
    try:
        import zstandard
    except ImportError:
        raise UnsupportedError(
            "Zstandard files need zstandard, which is not installed: pip install eqinfo[data]"
        ) from None
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    return lambda: _ZstdFrame(decompressor.decompressobj()), zstandard.ZstdError


_STREAMS = {"bz2": _bz2_streams, "xz": _xz_streams, "zstd": _zstd_streams}


class _StreamsFile(io.RawIOBase):
    """The content of one or more compressed streams."""

    def __init__(self, stored: BinaryIO, compression: Compression) -> None:
        self._stored = stored
        self._begin, self._error = _STREAMS[compression]()
        self._padded = compression == "xz"  # its streams may be followed by zero bytes
        self._stream: _Stream | None = None
        self._input = b""
        self._output = memoryview(b"")
        self._position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        while not self._output:
            if not self._has_input():
                if self._stream is not None:
                    raise DamagedError("the file ends inside a compressed stream")
                return 0
            self._decompress()
        target = memoryview(buffer)
        size = min(len(target), len(self._output))
        target[:size] = self._output[:size]
        self._output = self._output[size:]
        self._position += size
        return size

    def _has_input(self) -> bool:
        """Read more if there is nothing to decompress; return whether there is now."""
        if self._stream is not None and not self._stream.needs_input:
            return True
        while not self._input:
            self._input = self._stored.read(_STORED_BYTES)
            if not self._input:
                return False
            if self._stream is None and self._padded:
                self._input = self._input.lstrip(b"\0")
        return True

    def _decompress(self) -> None:
        data, self._input = self._input, b""
        try:
            self._stream = self._stream or self._begin()
            self._output = memoryview(self._stream.decompress(data, _CONTENT_BYTES))
        except self._error as error:
            raise DamagedError(str(error)) from None
        if self._stream.eof:
            self._input, self._stream = self._stream.unused_data, None
            if self._padded:
                self._input = self._input.lstrip(b"\0")
