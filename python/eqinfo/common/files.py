"""Atomic output: files that appear complete or not at all."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from eqinfo.common.named import NamedFile, named
from eqinfo.common.replacement import HalfWrittenError, move, resemble_source, status_of

# A folder in which no file can be made, though a file that is there may be writable.
_CLOSED_FOLDER = (errno.EACCES, errno.EPERM, errno.EROFS)
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp", re.DOTALL)
# The longest names of most file systems have 255 bytes, those of eCryptfs 143.
_NAME_BYTES = 100
# Of a file that nobody reads before it is complete. Calls of a raw file cost more than copies.
_BUFFER_BYTES = 1 << 16
_BINARY = getattr(os, "O_BINARY", 0)


def require_folder(path: str | os.PathLike[str]) -> None:
    """Raise FileNotFoundError if the folder of an output file does not exist."""
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder for the output", str(folder))


@contextmanager
def atomic_output(
    path: str | os.PathLike[str], source: os.stat_result | None = None
) -> Iterator[BinaryIO]:
    """Write a file that replaces ``path`` only if the ``with`` block ends without an exception.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and replace
    ``path`` in one step. After any exception, Ctrl-C included, the temporary file is removed and
    ``path`` is as it was; only if flushing the folder to the disk fails is the new file already in
    its place, and complete. A symbolic link is followed. A device, a pipe or an open descriptor
    (/dev/stdout, /dev/fd/N) is written to directly.

    An existing file keeps its permissions, owner and extended attributes. Where a replacement
    would lose something or cannot be made (the file has other hard links, is a mount point,
    belongs to somebody else, or its folder cannot be written to), the temporary file is copied over
    the file at the end. An exception in the block still leaves ``path`` as it was, but a kill
    or a failing disk during that copy does not. After a failure, the temporary file stays, and
    the error names it.

    Args:
        path: the file to write.
        source: the status of the file that the output is made from. A new file gets its
            permissions and, as far as the system allows it, its owner. By default a new file has
            the permissions of the umask.

    Raises:
        OSError: the folder does not exist or cannot be written to, or the disk is full; names the
            file.
    """
    process = os.getpid()
    descriptor = open_descriptor(path)
    old = status_of(path) if descriptor is None else None
    if descriptor is not None or (old is not None and not stat.S_ISREG(old.st_mode)):
        with named(path):
            opened = os.open(path, os.O_WRONLY) if descriptor is None else os.dup(descriptor)
        with _writing(opened, path) as file:
            yield file
        return
    require_folder(path)
    target = Path(os.path.realpath(path))
    private = old is not None or source is not None
    temporary, opened = _make_temporary(target, old is not None, 0o600 if private else 0o666)
    try:
        with _writing(opened, target, _BUFFER_BYTES) as file:
            yield file
            file.flush()
            with named(target):
                os.fsync(file.fileno())
        if old is None and source is not None:
            resemble_source(temporary, source)
        move(temporary, target)
    except BaseException as error:
        # A forked child has a copy of the block, but not the file. At the exit, the modules that
        # remove it may be gone.
        if os and os.getpid() == process and not isinstance(error, HalfWrittenError):
            with suppress(OSError):  # the error above says more
                temporary.unlink()
        raise


@contextmanager
def _writing(
    descriptor: int, path: str | os.PathLike[str], buffer_bytes: int = io.DEFAULT_BUFFER_SIZE
) -> Iterator[BinaryIO]:
    """Yield a file whose errors name ``path``; after an exception, its buffer is not written."""
    raw = NamedFile(os.fdopen(descriptor, "wb", 0), path)
    try:
        file = io.BufferedWriter(raw, buffer_bytes)
        yield file
        file.close()
    finally:
        raw.close()


def open_descriptor(path: str | os.PathLike[str]) -> int | None:
    """Return the descriptor of this process that a path such as /dev/stdout stands for, if any.

    To open such a path as a file would truncate what the descriptor has been redirected to, and
    sockets cannot be opened at all.
    """
    path = os.fspath(path)
    own = re.compile(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd")
    for _ in range(40):  # the most symbolic links that Linux follows
        folder, name = os.path.split(path)
        folder = os.path.realpath(folder)
        if name.isdecimal() and own.fullmatch(folder):
            return int(name)
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, os.readlink(path))
    return None


def is_replaced(path: str | os.PathLike[str]) -> bool:
    """Return whether `atomic_output` would replace the content of a file that exists."""
    status = status_of(path)
    return status is not None and stat.S_ISREG(status.st_mode) and open_descriptor(path) is None


def remove_temporaries(folder: str | os.PathLike[str]) -> None:
    """Remove the files that `atomic_output` leaves in a folder when its process is killed."""
    for path in Path(folder).iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _make_temporary(target: Path, exists: bool, mode: int) -> tuple[Path, int]:
    """Create a temporary file beside ``target``; return its path and an open descriptor.

    If its folder cannot be written to but the file can, the temporary file is elsewhere.
    """
    import tempfile  # not needed by most calls, and not quick to import

    # Cut in bytes, which is what file systems count, and without half a character at the end.
    cut = os.fsencode(target.name)[:_NAME_BYTES].decode(sys.getfilesystemencoding(), "ignore")
    name = f".{cut or 'output'}.{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
    try:
        return target.with_name(name), os.open(target.with_name(name), flags, mode)
    except OSError as error:
        if error.errno not in _CLOSED_FOLDER:
            raise
        if not (exists and os.access(target, os.W_OK)):
            raise OSError(error.errno, error.strerror, str(target)) from None
    elsewhere = Path(tempfile.gettempdir()) / name
    return elsewhere, os.open(elsewhere, flags, 0o600)
