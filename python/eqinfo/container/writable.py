"""The file object that `eqinfo.open` returns for writing."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, SupportsIndex

from eqinfo.common.forks import Turn
from eqinfo.common.named import Writable
from eqinfo.container.buffer import bytes_of
from eqinfo.container.choice import Codings
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
        candidates: see `ContainerWriter`.
        num_threads: threads that encode.
        name: the path, or the name of the file object.
        mode: "wb", "ab" or "xb".
        position: bytes of data that the file has already.

    Attributes:
        name: see above.
        mode: see above.
    """

    seems_seekable = False  # see `WritableText`

    def __init__(
        self,
        file: Writable,
        output: ExitStack,
        candidates: Sequence[Codings],
        num_threads: int,
        name: str | bytes | int = "",
        mode: str = "wb",
        position: int = 0,
    ) -> None:
        self.name = name
        self.mode = mode
        self._process = os.getpid()
        self._turn = Turn()
        shown = name if isinstance(name, str | bytes) else ""
        self._file = file
        self._writer = ContainerWriter(file, candidates, num_threads, name=shown)
        self._position = position
        self._ends = False  # closing a file of `io` flushes it once more
        self._output = output

    def __repr__(self) -> str:
        """Return a short description, as files of `io` do."""
        return f"<eqinfo.{type(self).__name__} name={self.name!r} mode={self.mode!r}>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        """Refuse pickling and copying: a copy would abandon the output when it is collected."""
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

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
        return self.seems_seekable

    def peek(self, size: int = 0, /) -> bytes:
        """Raise UnsupportedOperation, as all methods that read do."""
        self._require_open()
        raise io.UnsupportedOperation("expected a file that is read, found one that is written")

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
        """Return the position in the data, with those that were in the file before."""
        self._require_open()
        return self._position

    def flush(self) -> None:
        """Write the blocks that are full, and flush the file; the rest waits for more data.

        A part of a block is not written: it would become a block of its own, and coded worse.
        """
        self._require_open()
        if self._ends or self._is_inherited():
            return
        with self._turn:
            self._require_open()
            try:
                self._writer.write_full()
            except BaseException as error:
                self._abandon(error)
                raise
            if hasattr(self._file, "flush"):
                self._file.flush()

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
            self._ends = True
            super().close()
            self._output.close()

    def _is_inherited(self) -> bool:
        """Return whether this is a forked copy: the locks, threads and output are the parent's."""
        return os.getpid() != self._process

    def _abandon(self, error: BaseException) -> None:
        self._writer.close()
        self._ends = True
        super().close()
        self._output.__exit__(type(error), error, error.__traceback__)

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
        # At the exit, the modules may be gone already; what was written stays beside its place.
        if os and hasattr(self, "_output") and not self.closed and not self._is_inherited():
            self._abandon(ResourceWarning("an eqinfo file was not closed"))


class WritableText(io.TextIOWrapper):
    """Text that goes to a `WritableFile`, and is abandoned when that is.

    Args:
        file: where the text goes.
        encoding: as for `io.TextIOWrapper`. A byte order mark is only written at the
            beginning of the data.
        errors: as for `io.TextIOWrapper`.
        newline: as for `io.TextIOWrapper`.
    """

    def __init__(
        self, file: WritableFile, encoding: str, errors: str | None, newline: str | None
    ) -> None:
        self._binary = file
        # `io.TextIOWrapper` looks at the position of seekable files only: to write the mark of
        # UTF-16 at the beginning, without which nobody could read the text, and none later.
        file.seems_seekable = True
        super().__init__(file, encoding, errors, newline)
        file.seems_seekable = False

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
