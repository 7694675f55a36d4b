"""Atomic output: files that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Errors for which the system does not say which file was being written.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")


def require_folder(path: str | os.PathLike[str]) -> None:
    """Raise FileNotFoundError if the folder of an output file does not exist."""
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder for the output", str(folder))


@contextmanager
def named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Add the file's name to an OSError that does not have one."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


@contextmanager
def atomic_output(
    path: str | os.PathLike[str], permissions: int | None = None
) -> Iterator[BinaryIO]:
    """Write a file that replaces ``path`` only if the ``with`` block ends without an exception.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and replace
    ``path`` in one step. After any exception, Ctrl-C included, the temporary file is removed and
    ``path`` is as it was. An existing file keeps its permissions; a new one gets ``permissions``,
    or by default those of the umask. A symbolic link is followed. A device or pipe is written to
    directly.

    Raises:
        OSError: the folder does not exist or cannot be written to, or the disk is full; names the
            file.
    """
    process = os.getpid()
    require_folder(path)
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with open(target, "wb") as file:
            yield file
        return
    temporary = target.with_name(f".{target.name[:100]}.{os.urandom(8).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666 if permissions is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            permissions = target.stat().st_mode & 0o7777
        if permissions is not None:
            os.chmod(temporary, permissions)
        os.replace(temporary, target)
    except BaseException as error:
        if os.getpid() == process:  # a forked child has a copy of the block, but not the file
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
            raise OSError(error.errno, error.strerror, str(target)) from None
        raise


def remove_temporaries(folder: str | os.PathLike[str]) -> None:
    """Remove the files that `atomic_output` leaves in a folder when its process is killed."""
    for path in Path(folder).iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)
