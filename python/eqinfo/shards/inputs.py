"""The input files of a job: their order and checksums."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import xxhash

from eqinfo.common.named import named
from eqinfo.common.progress import Advance
from eqinfo.errors import ChecksumError

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


@dataclass(frozen=True)
class Selection:
    """Which files are taken, by shell patterns; see `fnmatch`.

    A pattern with a slash stands for the whole path below the given folder, or of a given file as
    it was given. One without stands for the name of the file, or of a folder on that path.

    Attributes:
        include: take only files that match one of these; none: all.
        exclude: leave out files that match one of these.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def takes(self, path: str) -> bool:
        """Whether a file is taken, by its path below the folder."""
        return (not self.include or _matches(path, self.include)) and not _matches(
            path, self.exclude
        )


def _matches(path: str, patterns: Sequence[str]) -> bool:
    parts = path.split(os.sep)
    return any(
        fnmatchcase(path, pattern)
        if "/" in pattern
        else any(fnmatchcase(part, pattern) for part in parts)
        for pattern in patterns
    )


def find_files(
    inputs: Iterable[str | os.PathLike[str]], output: Path, selection: Selection | None = None
) -> list[str]:
    """Return the files in the order given, those of a folder in the order of their paths' bytes.

    Folders are searched to any depth. Names that begin with a dot are left out, and links to
    folders are not followed.

    Args:
        inputs: files and folders.
        output: the folder of the shards.
        selection: which files are taken; None: all.

    Raises:
        FileNotFoundError: a file or folder does not exist.
        ValueError: there are no files, none is selected, one is a pipe or device, or the output
            folder lies in an input folder.
    """
    selection = selection or Selection()
    paths: list[str] = []
    left_out = 0
    for given in inputs:
        item = os.fspath(given)
        if not os.path.isdir(item):
            found = [item] if selection.takes(item) else []
            paths += found
            left_out += not found
            continue
        if Path(item).resolve() in (output.resolve(), *output.resolve().parents):
            raise ValueError(
                f"expected an output folder outside the input folders, found {output} in {item}"
            )
        found = sorted(_walk(item), key=os.fsencode)
        taken = [path for path in found if selection.takes(os.path.relpath(path, item))]
        paths += taken
        left_out += len(found) - len(taken)
    if not paths:
        patterns = f"; include and exclude left out {left_out}" if left_out else ""
        raise ValueError(f"expected at least one input file, found none{patterns}")
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

    Raises:
        ChecksumError: a file changed while it was read.
        OSError: a file cannot be read.
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
        if size != status.st_size:
            raise ChecksumError(
                f"{path}: expected {status.st_size} bytes, found {size}: the file changed while it "
                "was read; run the job again"
            )
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
