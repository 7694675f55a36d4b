"""Reading and writing with errors that name the file, and with nothing lost between two calls."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

Name = str | bytes | os.PathLike[str]


class Writable(Protocol):
    """What can be written to: a binary file object, raw or buffered."""

    def write(self, data: Buffer, /) -> int | None: ...  # noqa: D102


class Readable(Protocol):
    """What can be read from: a binary file object, raw or buffered."""

    def read(self, size: int, /) -> bytes | None: ...  # noqa: D102


def require_binary(file: object, method: Literal["read", "write"]) -> None:
    """Raise TypeError for an object that is not a binary file to read or to write."""
    if isinstance(getattr(file, "file", file), io.TextIOBase):  # `tempfile` wraps its files
        raise TypeError(
            f"expected a binary file object, found the text file {type(file).__name__}; open it "
            f"with the mode '{method[0]}b', or give its buffer"
        )
    if not hasattr(file, method):
        raise TypeError(
            f"expected a path or a file object to {method}, found {type(file).__name__}"
        )


@contextmanager
def named(path: Name) -> Iterator[None]:
    """Add the file's name to an OSError that does not have one."""
    try:
        yield
    except OSError as error:
        add_name(error, path)
        raise


def add_name(error: OSError, path: Name) -> None:
    """Add the file's name to an error of the system that does not have one."""
    if error.errno is not None and error.filename is None and path:
        error.filename = os.fspath(path)


def write_all(file: Writable, data: memoryview, path: Name) -> None:
    """Write all bytes of ``data``, in several calls if ``file`` is raw.

    Raises:
        OSError: as ``file`` does; or it claims to have written nothing, or more than it was given.
        BlockingIOError: ``file`` is raw, and writing would block.
    """
    begin = 0
    while begin < len(data):
        try:
            written = file.write(data[begin:])
        except OSError as error:
            add_name(error, path)
            raise
        if written is None and not isinstance(file, io.RawIOBase):
            return  # an object that writes everything, and does not say so
        begin += _checked(written, len(data) - begin, path)


def _checked(written: int | None, left: int, path: Name) -> int:
    """Return what a raw file says that it has written, if that can be."""
    if written is None:
        message = f"expected to write {left} bytes, found that this would block"
        raise BlockingIOError(errno.EAGAIN, message, path or None)
    if not 1 <= written <= left:
        message = f"expected to write 1 to {left} bytes, found a file that says {written}"
        raise OSError(errno.EIO, message, path or None)
    return written


def read_some(file: Readable, size: int, path: Name) -> bytes:
    """Read up to ``size`` bytes; none only at the end.

    Raises:
        OSError: as ``file`` does.
        BlockingIOError: reading would block.
    """
    try:
        data = file.read(size)
    except OSError as error:
        add_name(error, path)
        raise
    if data is None:
        message = f"expected to read {size} bytes, found that this would block"
        raise BlockingIOError(errno.EAGAIN, message, path or None)
    return data


class WouldBlockError(OSError):
    """Writing would block. `io.BufferedWriter` catches a BlockingIOError and loses the name."""


class NamedFile(io.RawIOBase):
    """A raw file for writing whose errors name it, and which writes all or raises.

    Args:
        file: the file; it is closed with this one.
        path: its name.

    Attributes:
        path: see above.
    """

    def __init__(self, file: io.RawIOBase, path: Name) -> None:
        self._file = file
        self.path = path

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether the file is seekable."""
        return self._file.seekable()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def write(self, data: Buffer, /) -> int:
        """Write all bytes; return how many.

        Raises:
            OSError: as `write_all`.
            WouldBlockError: writing would block.
        """
        try:
            written = self._file.write(data)
            with memoryview(data) as view:
                if written != view.nbytes:
                    rest = view.cast("B")
                    write_all(
                        self._file, rest[_checked(written, len(rest), self.path) :], self.path
                    )
                return view.nbytes
        except BlockingIOError as error:
            raise WouldBlockError(error.errno, error.strerror, error.filename) from None
        except OSError as error:
            add_name(error, self.path)
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position."""
        with named(self.path):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        with named(self.path):
            return self._file.tell()

    def truncate(self, size: int | None = None, /) -> int:
        """Cut the file off."""
        with named(self.path):
            return self._file.truncate(size)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            with named(self.path):
                try:
                    self._file.close()
                finally:
                    super().close()
