"""The input files of a job: their order and checksums."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import xxhash

from eqinfo.common.files import named
from eqinfo.common.progress import Advance

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class InputFile:
    """A file as it was when the job began.

    Attributes:
        path: as the user gave it, or below a folder that the user gave.
        size: in stored bytes.
        modified: time of the last change in nanoseconds. A file of the same size and time is not
            read again for its checksum.
        checksum: XXH3-128 of the stored bytes, in hexadecimal.
    """

    path: str
    size: int
    modified: int
    checksum: str


def find_files(inputs: Iterable[str | os.PathLike[str]], output: Path) -> list[str]:
    """Return the files in the order given, those of a folder in the order of their paths' bytes.

    Folders are searched to any depth. Names that begin with a dot are left out, and links to
    folders are not followed.

    Raises:
        FileNotFoundError: a file or folder does not exist.
        ValueError: there are no files, one is a pipe or device, or the output folder lies in an
            input folder.
    """
    paths: list[str] = []
    for given in inputs:
        item = os.fspath(given)
        if not os.path.isdir(item):
            paths.append(item)
            continue
        if Path(item).resolve() in (output.resolve(), *output.resolve().parents):
            raise ValueError(
                f"expected an output folder outside the input folders, found {output} in {item}"
            )
        paths += sorted(_walk(item), key=os.fsencode)
    if not paths:
        raise ValueError("expected at least one input file, found none")
    for path in paths:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError(
                f"{path}: expected a file that can be read twice, found a pipe or device; "
                "write its content to a file first"
            )
    return paths


def _walk(folder: str) -> Iterator[str]:
    def fail(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(parent, name) for name in names if not name.startswith("."))


def take_stock(
    paths: Iterable[str], known: Iterable[InputFile], advance: Advance
) -> tuple[InputFile, ...]:
    """Return the files with their checksums; files that have not changed are not read again.

    Args:
        paths: the files.
        known: what an earlier run of the job found.
        advance: called with the stored bytes of each piece that was read or known.
    """
    by_path = {file.path: file for file in known}
    files = []
    for path in paths:
        status = os.stat(path)
        old = by_path.get(path)
        if old and (old.size, old.modified) == (status.st_size, status.st_mtime_ns):
            advance(old.size)
            files.append(old)
            continue
        size, checksum = file_checksum(path, advance)
        files.append(InputFile(path, size, status.st_mtime_ns, checksum))
    return tuple(files)


def file_checksum(
    path: str | os.PathLike[str], advance: Advance = lambda _: None
) -> tuple[int, str]:
    """Return the size of a file in bytes, and its XXH3-128 in hexadecimal."""
    digest, size = xxhash.xxh3_128(), 0
    with named(path), open(path, "rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
            size += len(chunk)
            advance(len(chunk))
    return size, digest.hexdigest()
