"""Atomic output: files that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Errors for which the system does not say which file was being written.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A folder in which no file can be made, though a file that is there may be writable.
_CLOSED_FOLDER = (errno.EACCES, errno.EPERM, errno.EROFS)
# A file that cannot be replaced: a mount point, or another user's file in a sticky folder.
_FIXED_IN_PLACE = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM)
# Attributes that describe the old content; the system drops them when a file is written to.
_OF_THE_CONTENT = ("security.capability", "security.ima", "security.evm")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp", re.DOTALL)
# The longest names of most file systems have 255 bytes, those of eCryptfs 143.
_NAME_BYTES = 100
_BINARY = getattr(os, "O_BINARY", 0)


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
    path: str | os.PathLike[str], source: os.stat_result | None = None
) -> Iterator[BinaryIO]:
    """Write a file that replaces ``path`` only if the ``with`` block ends without an exception.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and replace
    ``path`` in one step. After any exception, Ctrl-C included, the temporary file is removed and
    ``path`` is as it was. A symbolic link is followed. A device, a pipe or an open descriptor
    (/dev/stdout, /dev/fd/N) is written to directly.

    An existing file keeps its permissions, owner and extended attributes. Where a replacement
    would lose something or cannot be made (the file has other hard links, is a mount point,
    belongs to somebody else, or its folder cannot be written to), the temporary file is copied over
    the file at the end. An exception in the block still leaves ``path`` as it was, but a kill
    during that copy does not.

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
    if descriptor is not None:
        with named(path), os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
        return
    old = _status(path)
    if old is not None and not stat.S_ISREG(old.st_mode):
        with open(path, "wb") as file:
            yield file
        return
    require_folder(path)
    target = Path(os.path.realpath(path))
    private = old is not None or source is not None
    temporary, opened = _make_temporary(target, old is not None, 0o600 if private else 0o666)
    try:
        with os.fdopen(opened, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if old is None and source is not None:
            _resemble_source(temporary, source)
        _move(temporary, target)
    except BaseException as error:
        if os.getpid() == process:  # a forked child has a copy of the block, but not the file
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
            raise OSError(error.errno, error.strerror, str(target)) from None
        raise


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
    status = _status(path)
    return status is not None and stat.S_ISREG(status.st_mode) and open_descriptor(path) is None


def remove_temporaries(folder: str | os.PathLike[str]) -> None:
    """Remove the files that `atomic_output` leaves in a folder when its process is killed."""
    for path in Path(folder).iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


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


def _move(temporary: Path, target: Path) -> None:
    """Put a complete temporary file in the place of ``target``."""
    old = _status(target)  # anew: it may have been made or changed in the meantime
    if old is None or (temporary.parent == target.parent and _resemble(temporary, target, old)):
        try:
            os.replace(temporary, target)
        except OSError as error:
            if old is None or os.name != "posix" or error.errno not in _FIXED_IN_PLACE:
                raise
        else:
            _sync_folder(target.parent)
            return
    _write_over(temporary, target)
    temporary.unlink()


def _resemble(temporary: Path, target: Path, old: os.stat_result) -> bool:
    """Give a temporary file what the target has besides its content; return whether that is all."""
    if old.st_nlink > 1:
        return False
    new = temporary.stat()
    try:
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            os.chown(temporary, old.st_uid, old.st_gid)
        # After chown, which clears some of the bits; before the attributes, some of which are
        # access lists that permissions are a part of.
        os.chmod(temporary, stat.S_IMODE(old.st_mode))
        if sys.platform == "linux":
            for name in set(_attributes(target)) - set(_OF_THE_CONTENT):
                value = os.getxattr(target, name)
                if name not in _attributes(temporary) or os.getxattr(temporary, name) != value:
                    os.setxattr(temporary, name, value)
    except OSError:
        return False
    return True


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return []
        raise


def _resemble_source(temporary: Path, source: os.stat_result) -> None:
    """Give a new file the permissions of its source and, if allowed, its owner."""
    mode = source.st_mode & 0o777
    new = temporary.stat()
    if (new.st_uid, new.st_gid) != (source.st_uid, source.st_gid) and hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(temporary, source.st_uid, -1)
        try:
            os.chown(temporary, -1, source.st_gid)
        except OSError:
            # Another group now has the group's permissions: no more than everybody has.
            everybody = mode & (mode >> 3) & 0o7
            mode = (mode & 0o700) | everybody << 3 | everybody
    os.chmod(temporary, mode)


def _write_over(temporary: Path, target: Path) -> None:
    """Replace the content of a file that stays where it is."""
    import shutil  # not needed by most calls, and not quick to import

    with open(temporary, "rb") as file, named(target):
        size = os.fstat(file.fileno()).st_size
        with os.fdopen(os.open(target, os.O_WRONLY | _BINARY), "wb") as out:
            _make_room(out.fileno(), size)
            shutil.copyfileobj(file, out, 1 << 20)
            out.truncate()
            out.flush()
            os.fsync(out.fileno())


def _make_room(descriptor: int, size: int) -> None:
    """Make a file at least so large, or leave it as it is and raise OSError if the disk is full."""
    old = os.fstat(descriptor).st_size
    if size <= old or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        os.ftruncate(descriptor, old)
        if error.errno in _NO_ROOM:
            raise


def _sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that may be written to but not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)
