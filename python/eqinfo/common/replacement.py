"""How a file takes the place of another, with everything that the other has besides content."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from eqinfo.common.named import NamedFile, named, read_some

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A file that cannot be replaced: a mount point, or another user's file in a sticky folder.
_FIXED_IN_PLACE = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM)
# Attributes that describe the old content; the system drops them when a file is written to.
_OF_THE_CONTENT = ("security.capability", "security.ima", "security.evm")
_BINARY = getattr(os, "O_BINARY", 0)
_COPY_BYTES = 1 << 20


class HalfWrittenError(OSError):
    """A file was written to in its place, and not to the end."""


def status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the status of a file; None if there is none."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def move(temporary: Path, target: Path) -> None:
    """Put a complete temporary file in the place of ``target``.

    Raises:
        HalfWrittenError: the file was written to in its place, and not to the end; the temporary
            file is still there.
        OSError: ``target`` is as it was; or, if only flushing its folder has failed, complete.
    """
    old = status_of(target)  # anew: it may have been made or changed in the meantime
    if old is None or (temporary.parent == target.parent and _resemble(temporary, target, old)):
        try:
            with named(target):
                os.replace(temporary, target)
        except OSError as error:
            if old is None or os.name != "posix" or error.errno not in _FIXED_IN_PLACE:
                raise
        else:
            with named(target):
                _sync_folder(target.parent)
            return
    _write_over(temporary, target)
    with suppress(OSError):  # the target has its new content nevertheless
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


def resemble_source(temporary: Path, source: os.stat_result) -> None:
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
    """Replace the content of a file that stays where it is.

    Raises:
        HalfWrittenError: the target has neither its old content nor all of the new one.
        OSError: as it is otherwise, the target has its old content.
    """
    with open(temporary, "rb", 0) as file:
        size = os.fstat(file.fileno()).st_size
        descriptor = os.open(target, os.O_WRONLY | _BINARY)
        out = NamedFile(os.fdopen(descriptor, "wb", 0), target)
        try:
            old = os.fstat(descriptor).st_size
            with named(target):
                _make_room(descriptor, old, size)
            try:
                try:
                    _copy(file, out)
                except Exception:
                    raise
                except BaseException:  # Ctrl-C: the old content is gone, so complete the new one
                    _copy(file, out)
                    raise
            except OSError as error:
                if out.tell() == 0:
                    os.ftruncate(descriptor, old)
                    raise
                message = f"{error.strerror}; it is damaged, its new content is in {temporary}"
                raise HalfWrittenError(error.errno, message, str(target)) from None
        finally:
            with suppress(OSError):  # all has been flushed, or there is an error that says more
                out.close()


def _copy(file: io.FileIO, out: NamedFile) -> None:
    file.seek(0)
    out.seek(0)
    while chunk := read_some(file, _COPY_BYTES, str(file.name)):
        out.write(chunk)
    out.truncate()
    with named(out.path):
        os.fsync(out.fileno())


def _make_room(descriptor: int, old: int, size: int) -> None:
    """Enlarge a file from ``old`` bytes to ``size``, or leave it as it is and raise OSError."""
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
