"""The file object that `eqinfo.open` returns for writing."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from eqinfo.common.named import Writable
from eqinfo.container.block_codec import BlockCodec
from eqinfo.container.buffer import bytes_of
from eqinfo.container.header import Header
from eqinfo.container.turn import Turn
from eqinfo.container.writer import ContainerWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer


class WritableFile(io.BufferedIOBase):
    """A file object that compresses what is written to it.

    Only `close` completes the container. If a ``with`` block ends in an exception, or the file is
    never closed, the output is abandoned: a file that was opened by its path is left as it was.

    Threads may share the file: the data of each call of `write` stays together. Processes may not:
    the file belongs to the process that opened it. In a forked child, writing is refused, and
    closing neither completes nor removes anything.

    Args:
        file: receives the container.
        output: closed after the container is complete, or exited with the error that occurred.
        header: the header of every member.
        codec: the block codec of the header.
        num_threads: threads that encode.
        name: the path, or the name of the file object.

    Attributes:
        name: see above.
        mode: "wb".
    """

    mode = "wb"

    def __init__(
        self,
        file: Writable,
        output: ExitStack,
        header: Header,
        codec: BlockCodec,
        num_threads: int,
        name: str | bytes | int = "",
    ) -> None:
        self.name = name
        self._process = os.getpid()
        self._turn = Turn()
        shown = name if isinstance(name, str | bytes) else ""
        self._writer = ContainerWriter(file, header, codec, num_threads, shown)
        self._position = 0
        self._output = output

    def writable(self) -> bool:
        """Return True."""
        self._require_open()
        return True

    def readable(self) -> bool:
        """Return False."""
        self._require_open()
        return False

    def seekable(self) -> bool:
        """Return False."""
        self._require_open()
        return False

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("expected an open file, found a closed file")

    def write(self, data: Buffer, /) -> int:
        """Compress the bytes of any C-contiguous buffer; return how many.

        After an exception while writing, the output is abandoned.

        Raises:
            BufferError: the buffer is not C-contiguous.
            TypeError: not a buffer.
            ValueError: the file is closed, or another process opened it.
        """
        if self._is_inherited():
            raise ValueError(
                f"expected a write in the process that opened the file, {self._process}, found one "
                f"in {os.getpid()}; open a file of its own in each process"
            )
        with bytes_of(data) as view, self._turn:
            self._require_open()
            try:
                self._writer.write(view)
            except BaseException as error:
                # Some of the data may have been written: later writes must not complete the file.
                self._abandon(error)
                raise
            self._position += len(view)
            return len(view)

    def tell(self) -> int:
        """Return the number of bytes written so far, before compression."""
        self._require_open()
        return self._position

    def flush(self) -> None:
        """Do nothing: a block is written when it is full."""
        self._require_open()

    def close(self) -> None:
        """Write the remaining data and the trailer, and complete the file.

        Raises:
            OSError: the file cannot be written; one that was opened by its path is left as it was.
        """
        if self._is_inherited():
            super().close()
            return
        with self._turn:
            if self.closed:
                return
            try:
                self._writer.finish()
            except BaseException as error:
                self._abandon(error)
                raise
            super().close()
            self._output.close()

    def _is_inherited(self) -> bool:
        """Return whether this is a forked copy: the locks, threads and output are the parent's."""
        return os.getpid() != self._process

    def _abandon(self, error: BaseException) -> None:
        self._writer.close()
        super().close()
        try:
            self._output.__exit__(type(error), error, error.__traceback__)
        except BaseException as raised:
            if raised is not error:
                raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, or abandon it after an exception."""
        if error is None or self._is_inherited():
            self.close()
        else:
            with self._turn:
                if not self.closed:
                    self._abandon(error)

    def __del__(self) -> None:
        """Abandon a file that was not closed."""
        if hasattr(self, "_output") and not self.closed and not self._is_inherited():
            self._abandon(ResourceWarning("an eqinfo file was not closed"))


class WritableText(io.TextIOWrapper):
    """Text that goes to a `WritableFile`, and is abandoned when that is."""

    def __init__(
        self, file: WritableFile, encoding: str, errors: str | None, newline: str | None
    ) -> None:
        self._binary = file
        super().__init__(file, encoding, errors, newline)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, or abandon it after an exception."""
        if error is not None:
            self._binary.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)

    def __del__(self) -> None:
        """Abandon a file that was not closed."""
        if hasattr(self, "_binary"):
            self._binary.__del__()
