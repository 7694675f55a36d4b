"""Where input files are: paths of this machine, and URLs that the package fsspec opens."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, cast

from eqinfo.common.named import named
from eqinfo.errors import EqInfoError, UnsupportedError

STDIN = "-"
"""Stands for standard input."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z][A-Za-z0-9+.-]*)*://")


class Status(NamedTuple):
    """What a file was like.

    Attributes:
        size: in stored bytes.
        version: changes when the file does, as far as that can be told without reading it: the time
            of the last change in nanoseconds, or a hash of what the store says about the file.
    """

    size: int
    version: int


def name_of(path: str) -> str:
    """Return the name of a file in messages."""
    return "standard input" if path == STDIN else path


def is_url(path: str) -> bool:
    """Whether a path is one for fsspec, such as s3://bucket/name."""
    return _URL.match(path) is not None


def exists(path: str) -> bool:
    """Whether there is a file or folder."""
    if not is_url(path):
        return os.path.exists(path)
    system, inner = _system(path)
    with _store_errors(path):
        return bool(system.exists(inner))


def is_folder(path: str) -> bool:
    """Whether a path is that of a folder."""
    if not is_url(path):
        return os.path.isdir(path)
    system, inner = _system(path)
    with _store_errors(path):
        return bool(system.isdir(inner))


def status(path: str) -> Status:
    """Return the size and the version of a file.

    Raises:
        OSError: the file does not exist.
        UnsupportedError: as `open_binary`; or the size is not known.
    """
    if not is_url(path):
        found = os.stat(path)
        return Status(found.st_size, found.st_mtime_ns)
    system, inner = _system(path)
    with _store_errors(path):
        size, key = system.info(inner).get("size"), str(system.ukey(inner))
    if size is None:
        raise UnsupportedError(
            f"{path}: expected a file whose size the server tells, found one without; copy it here"
        )
    digest = hashlib.blake2b(key.encode(), digest_size=7).digest()
    return Status(int(size), int.from_bytes(digest, "big"))


def is_pipe(path: str) -> bool:
    """Whether a path is that of a pipe, which gives its content only once."""
    return not is_url(path) and stat.S_ISFIFO(os.stat(path).st_mode)


def is_device(path: str) -> bool:
    """Whether a path is neither that of a file nor of a pipe; OSError if there is nothing."""
    if is_url(path):
        status(path)
        return False
    mode = os.stat(path).st_mode
    return not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode)


@contextmanager
def open_binary(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to read its bytes.

    Raises:
        OSError: the file cannot be read.
        UnsupportedError: the file is a URL, and fsspec, or what it needs for this kind of URL, is
            not installed.
    """
    name = os.fspath(path)
    if not is_url(name):
        with named(name), open(name, "rb") as file:
            yield file
        return
    system, inner = _system(name)
    with _store_errors(name):
        remote = cast(BinaryIO, system.open(inner, "rb"))
    with named(name), remote:
        yield remote


def files_below(folder: str) -> list[tuple[str, str]]:
    """Return the files in a folder at any depth: their paths, and their paths below the folder.

    They are in the order of the bytes of their paths. Names that begin with a dot are left out, and
    links to folders are not followed.
    """
    if not is_url(folder):
        found = sorted(_walk(folder), key=os.fsencode)
        return [(path, os.path.relpath(path, folder)) for path in found]
    system, inner = _system(folder)
    with _store_errors(folder):
        names = system.find(inner)
    root = inner.rstrip("/") + "/"
    below = sorted((name.removeprefix(root) for name in names), key=os.fsencode)
    return [
        (f"{folder.rstrip('/')}/{name}", name)
        for name in below
        if not any(part.startswith(".") for part in name.split("/"))
    ]


def matching_files(pattern: str) -> list[str]:
    """Return the files that match a shell pattern, in the order of the bytes of their paths.

    ``**`` stands for folders at any depth.
    """
    if not is_url(pattern):
        found = (path for path in glob.glob(pattern, recursive=True) if not os.path.isdir(path))
        return sorted(found, key=os.fsencode)
    system, inner = _system(pattern)
    with _store_errors(pattern):
        names = [name for name in system.glob(inner) if not system.isdir(name)]
    return sorted((str(system.unstrip_protocol(name)) for name in names), key=os.fsencode)


def is_pattern(path: str) -> bool:
    """Whether a path that does not exist may be a shell pattern."""
    return any(character in path for character in "*?[")


def _walk(folder: str) -> Iterator[str]:
    def fail(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(parent, name) for name in names if not name.startswith("."))


def _system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    try:
        import fsspec
    except ImportError:
        raise UnsupportedError(
            f"{url}: expected fsspec for a URL, found none: pip install eqinfo[fsspec]"
        ) from None
    with _store_errors(url):
        system, path = fsspec.core.url_to_fs(url)
    return system, path


@contextmanager
def _store_errors(url: str) -> Iterator[None]:
    """Turn what packages of stores raise into exceptions of one line that name the URL."""
    try:
        yield
    except (EqInfoError, MemoryError):
        raise
    except FileNotFoundError:
        raise FileNotFoundError(f"{url}: expected a file or folder, found none") from None
    except ImportError as error:  # of the package for this kind of URL
        raise UnsupportedError(f"{url}: {_one_line(error)}") from None
    except ValueError as error:  # fsspec does not know the protocol
        raise UnsupportedError(
            f"{url}: expected a kind of URL that fsspec knows, found: {_one_line(error)}"
        ) from None
    except Exception as error:
        raise OSError(f"{url}: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
