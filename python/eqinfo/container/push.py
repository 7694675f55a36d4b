"""Compression and decompression of data that comes in pieces, without files."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, NoReturn

from eqinfo.common.forks import Turn
from eqinfo.container.buffer import bytes_of
from eqinfo.container.dictionary import FileDictionary, dictionary_from
from eqinfo.container.push_reader import PushReader
from eqinfo.container.settings import CompressOptions, FileModel, candidates, check_threads
from eqinfo.container.writer import ContainerWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack


class _Collected:
    """A file that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Buffer, /) -> int:
        copy = bytes(data)
        self._parts.append(copy)
        return len(copy)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class _Pushed:
    """What `Compressor` and `Decompressor` share: turns, and a state that ends with an error."""

    def __init__(self) -> None:
        self._turn = Turn()
        self._error: Exception | None = None

    def _fail(self, error: BaseException) -> None:
        """Remember the first error: the state is lost, and nothing may look like a success."""
        name = type(self).__name__
        self._error = (
            error
            if isinstance(error, Exception)
            else ValueError(f"expected a {name} in use, found one that was interrupted")
        )

    def _require_no_error(self) -> None:
        if self._error is not None:
            raise self._error

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying: the state of a coder belongs to its stream."""
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")


class Compressor(_Pushed):
    """Compresses data that comes in pieces, as `bz2.BZ2Compressor` does.

    The pieces that it returns, concatenated, are what `eqinfo.compress` returns for all data and
    the same options, however the data is cut. It keeps one block, and with ``num_threads`` those
    at work, two per thread.

    Threads may share it: the data of each call stays together. After an exception, the call can
    only be repeated with another object: this one raises the same exception again.

    >>> compressor = Compressor(codec="ranged")
    >>> parts = [compressor.compress(b"It was the best of times, "), compressor.flush()]
    >>> Decompressor().decompress(b"".join(parts))
    b'It was the best of times, '

    Args:
        model: as for `eqinfo.compress`.
        options: see `CompressOptions`.

    Raises:
        ModelError, TypeError, ValueError: as `eqinfo.compress`.
    """

    def __init__(self, model: FileModel | None = None, **options: Unpack[CompressOptions]) -> None:
        super().__init__()
        choices = candidates(model, options)
        self._out = _Collected()
        num_threads = check_threads(options.get("num_threads", 1))
        self._writer = ContainerWriter(self._out, choices, num_threads)
        self._flushed = False

    def compress(self, data: Buffer, /) -> bytes:
        """Add the bytes of any C-contiguous buffer; return what can be written already.

        With no bytes, return what threads have compressed meanwhile.

        Raises:
            BufferError: data that are not C-contiguous.
            ModelError: the model's predictions cannot be used.
            TypeError: data that are not a buffer.
            ValueError: it has been flushed.
        """
        with bytes_of(data) as view, self._turn:
            self._require_use()
            try:
                self._writer.write(view)
                self._writer.write_done()
            except BaseException as error:
                self._fail(error)
                self._writer.close()
                raise
            return self._out.take()

    def flush(self) -> bytes:
        """Return the rest, with which the container is complete; nothing can be added any more.

        Raises:
            ModelError: the model's predictions cannot be used.
            ValueError: it has been flushed before.
        """
        with self._turn:
            self._require_use()
            self._flushed = True
            try:
                self._writer.finish()
            except BaseException as error:
                self._fail(error)
                self._writer.close()
                raise
            return self._out.take()

    def _require_use(self) -> None:
        self._require_no_error()
        if self._flushed:
            raise ValueError("expected a Compressor in use, found one that has been flushed")


class Decompressor(_Pushed):
    """Decompresses one member that comes in pieces, as `lzma.LZMADecompressor` does one stream.

    A file may have several members, one after the other: what is `concatenated`, and what was
    written with more than 2^20 blocks. Each takes a new object, which begins with the
    `unused_data` of the one before. `eqinfo.open` and `eqinfo.decompress` read all of them.

    It keeps the data that it was given and has not decoded, and the decoded data of one block that
    a ``max_length`` held back.

    Threads may share it. After an exception, it raises the same exception again: a later call
    cannot look like success.

    Args:
        model: as for `eqinfo.decompress`.
        dictionary: as for `eqinfo.decompress`.

    Attributes:
        eof: whether the end of the member has been read, and all its checksums are right. If it is
            not at the end of a file, the file has been truncated.
        unused_data: what follows the end of the member; empty before.
        needs_input: whether `decompress` cannot return any data before it is given more.
    """

    def __init__(
        self, model: FileModel | None = None, dictionary: FileDictionary | None = None
    ) -> None:
        super().__init__()
        self._reader = PushReader(
            "data", model, dictionary=dictionary_from(dictionary), one_member=True
        )
        self._data = memoryview(b"")

    @property
    def eof(self) -> bool:  # noqa: D102
        return self._error is None and self._reader.stopped and not self._data

    @property
    def unused_data(self) -> bytes:  # noqa: D102
        with self._turn:
            return self._reader.rest() if self.eof else b""

    @property
    def needs_input(self) -> bool:  # noqa: D102
        with self._turn:
            return not (self._data or self._reader.stopped or self._reader.complete)

    def decompress(self, data: Buffer, max_length: int = -1) -> bytes:
        """Add the next bytes of the container; return the data of the blocks that are complete.

        Args:
            data: bytes of the container, in any C-contiguous buffer; may be empty.
            max_length: the largest number of bytes to return, the rest of which later calls
                return; a negative number for no limit.

        Raises:
            BufferError: data that are not C-contiguous.
            EOFError: the member has ended.
            EqInfoError: as `eqinfo.decompress`, apart from TruncatedError and TrailingDataError.
            TypeError: data that are not a buffer, or a length that is not an integer.
        """
        limit = operator.index(max_length)
        with bytes_of(data) as view, self._turn:
            self._require_no_error()
            if self.eof:
                raise EOFError("expected no call after the end of the member, found one")
            try:
                self._reader.add(view)
                return self._take(limit)
            except BaseException as error:
                self._fail(error)
                raise

    def _take(self, limit: int) -> bytes:
        parts = []
        size = 0
        blocks = self._reader.blocks()
        while limit < 0 or size < limit:
            if not self._data:
                block = next(blocks, None)
                if block is None:
                    break
                self._data = block
            part = self._data if limit < 0 else self._data[: limit - size]
            parts.append(part)
            size += len(part)
            self._data = self._data[len(part) :]
        # The trailer holds no data, so that it need not wait for another call.
        if not self._data and self._reader.at_trailer:
            next(blocks, None)
        return b"".join(parts)
