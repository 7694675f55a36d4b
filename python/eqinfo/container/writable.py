"""The file object that `eqinfo.open` returns for writing."""

from __future__ import annotations

import io
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from eqinfo.container.block_codecs.protocol import BlockCodec
from eqinfo.container.header import Header
from eqinfo.container.writer import ContainerWriter, Writable

if TYPE_CHECKING:
    from typing_extensions import Buffer


class WritableFile(io.BufferedIOBase):
    """Compresses what is written to it.

    Only `close` completes the container. A file whose ``with`` block ends in an exception, or that
    is never closed, is given up: a file that was opened by its path is then as it was before.

    Args:
        file: gets the container.
        output: closed behind it: completes ``file``, or gives it up.
        header: of every member.
        codec: the header's.
        num_threads: that code.
    """

    def __init__(
        self, file: Writable, output: ExitStack, header: Header, codec: BlockCodec, num_threads: int
    ) -> None:
        self._output = output
        self._writer = ContainerWriter(file, header, codec, num_threads)
        self._position = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take bytes; return how many. An exception gives the file up."""
        if self.closed:
            raise ValueError("write to a closed file")
        with memoryview(data).cast("B") as view:
            try:
                self._writer.write(view)
            except BaseException as error:
                # Part of it may have been written: what comes later must not complete the file.
                self._give_up(error)
                raise
            self._position += len(view)
            return len(view)

    def tell(self) -> int:
        """Return the number of bytes taken."""
        return self._position

    def flush(self) -> None:
        """Do nothing: blocks are written when they are full."""
        if self.closed:
            raise ValueError("flush of a closed file")

    def close(self) -> None:
        """Write what is left, and complete the file.

        Raises:
            OSError: it cannot be written; then a file that was opened by its path is as before.
        """
        if self.closed:
            return
        try:
            self._writer.finish()
        except BaseException as error:
            self._give_up(error)
            raise
        super().close()
        self._output.close()

    def _give_up(self, error: BaseException) -> None:
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
        """Close, or give up where an exception came."""
        if error is None:
            self.close()
        elif not self.closed:
            self._give_up(error)

    def __del__(self) -> None:
        """Give up what was not closed."""
        if hasattr(self, "_output") and not self.closed:
            self._give_up(ResourceWarning("an eqinfo file was not closed"))
