"""Input files as streams of bytes, decompressed according to their names."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from eqinfo.common.files import named
from eqinfo.errors import FormatError, UnsupportedError

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Stored bytes that are decompressed at a time. Four bytes of Zstandard can stand for 128 KiB, so
# that even a file of nothing else takes at most 256 MiB of memory.
_STORED_BYTES = 1 << 13
_MAX_WINDOW_BYTES = 1 << 31  # what zstd --long=31 writes


@contextmanager
def open_stream(path: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open a file, and yield its content and the stored file.

    The position of the stored file tells how far reading has come.

    Raises:
        FormatError: the file is truncated or altered, when reading reaches the damage; the message
            gives the offset in the content.
        UnsupportedError: a ``.zst`` file needs zstandard, which is not installed.
        OSError: the file cannot be read.
    """
    with named(path), open(path, "rb") as stored:
        if path.endswith(".gz"):
            content = cast(BinaryIO, gzip.GzipFile(fileobj=stored))
        elif path.endswith(".zst"):
            content = cast(BinaryIO, io.BufferedReader(_ZstdFile(stored)))
        else:
            content = stored
        try:
            yield content, stored
        except (EOFError, gzip.BadGzipFile, zlib.error, _ZstdError) as error:
            raise FormatError(
                f"{path}: expected a whole compressed file, found damage after offset "
                f"{content.tell()} of its content: {error}"
            ) from None


class _ZstdError(Exception):
    pass


class _ZstdFile(io.RawIOBase):
    """The content of one or more Zstandard frames.

    The reader of the package zstandard is not used because it does not notice truncated files.
    """

    def __init__(self, stored: BinaryIO) -> None:
        try:
            import zstandard
        except ImportError:
            raise UnsupportedError(
                ".zst files need zstandard, which is not installed: pip install eqinfo[data]"
            ) from None
        self._stored = stored
        self._error = zstandard.ZstdError
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._input = b""
        self._output = memoryview(b"")
        self._position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        while not self._output:
            self._input = self._input or self._stored.read(_STORED_BYTES)
            if not self._input:
                if self._frame is not None:
                    raise _ZstdError("the file ends inside a frame")
                return 0
            self._decompress()
        target = memoryview(buffer)
        size = min(len(target), len(self._output))
        target[:size] = self._output[:size]
        self._output = self._output[size:]
        self._position += size
        return size

    def _decompress(self) -> None:
        self._frame = self._frame or self._decompressor.decompressobj()
        try:
            self._output = memoryview(self._frame.decompress(self._input))
        except self._error as error:
            raise _ZstdError(str(error)) from None
        self._input = b""
        if self._frame.eof:
            self._input, self._frame = self._frame.unused_data, None
