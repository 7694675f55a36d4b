"""The input files of a job: their order and checksums."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

import xxhash

from eqinfo.common.batch import refuse_single, refused_single, require_iterable
from eqinfo.common.locations import (
    STDIN,
    exists,
    files_below,
    is_device,
    is_folder,
    is_pattern,
    is_pipe,
    is_url,
    matching_files,
    name_of,
    open_binary,
    status,
)
from eqinfo.common.named import named
from eqinfo.common.progress import Advance
from eqinfo.errors import ChecksumError

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class InputFile:
    """A file as it was when the job began.

    Attributes:
        path: as the user gave it, or below a folder that the user gave.
        place: where it is read; differs from ``path`` for a copy of standard input.
        size: in stored bytes.
        modified: its `locations.Status.version`. A file of the same size and version is not read
            again for its checksum.
        checksum: XXH3-128 of the stored bytes, in hexadecimal.
    """

    path: str
    place: str
    size: int
    modified: int
    checksum: str

    @property
    def name(self) -> str:
        """The name of the file in messages."""
        return name_of(self.path)


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

    def __post_init__(self) -> None:
        """Raise TypeError for a single pattern in the place of several."""
        for patterns in (self.include, self.exclude):
            refuse_single(patterns, "pattern")

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
    inputs: Iterable[str | os.PathLike[str]],
    output: Path | None = None,
    selection: Selection | None = None,
) -> list[str]:
    """Return the files in the order given, those of a folder in the order of their paths' bytes.

    Folders are searched to any depth. Names that begin with a dot are left out, and links to
    folders are not followed. What does not exist may be a pattern, as of a shell, with ``**`` for
    folders at any depth; its files are in the order of their paths' bytes.

    Args:
        inputs: files, folders and patterns, of this machine or as URLs; "-" is standard input.
        output: the folder of the shards, if there is one.
        selection: which files are taken; None: all.

    Raises:
        FileNotFoundError: a file or folder does not exist, or no file matches a pattern.
        TypeError: a single input in the place of several, or nothing that can be iterated over.
        UnsupportedError: as `locations.open_binary`.
        ValueError: there are no files, none is selected, standard input is given twice, or the
            output folder lies in an input folder.
    """
    selection = selection or Selection()
    if isinstance(inputs, str | bytes | os.PathLike):
        refused_single(inputs, "input")
    require_iterable(inputs, "inputs")
    found = [pair for given in inputs for pair in _files_of(os.fspath(given), output)]
    paths = [path for path, below in found if path == STDIN or selection.takes(below)]
    if not paths:
        left_out = f"; include and exclude left out {len(found)}" if found else ""
        raise ValueError(f"expected at least one input file, found none{left_out}")
    if paths.count(STDIN) > 1:
        raise ValueError("expected standard input (-) once, found it several times")
    return paths


def _files_of(item: str, output: Path | None) -> list[tuple[str, str]]:
    """Return the files of an input, each with the path that patterns are compared with."""
    if item == STDIN:
        return [(item, item)]
    if is_folder(item):
        if (
            output is not None
            and not is_url(item)
            and Path(item).resolve() in (output.resolve(), *output.resolve().parents)
        ):
            raise ValueError(
                f"expected an output folder outside the input folders, found {output} in {item}"
            )
        return files_below(item)
    if is_pattern(item) and not exists(item):
        matching = matching_files(item)
        if not matching:
            raise FileNotFoundError(f"{item}: expected files that match the pattern, found none")
        return [(path, path) for path in matching]
    if is_device(item):  # OSError if there is nothing
        raise ValueError(
            f"{item}: expected a file or a pipe, found a device; write its content to a file first"
        )
    return [(item, item)]


@contextmanager
def readable_twice(paths: Iterable[str], folder: Path | None = None) -> Iterator[list[str]]:
    """Yield where each file is to be read: in its place, or in a copy if it can be read only once.

    Standard input and pipes are copied, and the copies are removed in the end.

    Args:
        paths: the files; "-" is standard input.
        folder: where to make the copies; None: where temporary files are.

    Raises:
        OSError: a file cannot be read, or the copy cannot be written.
    """
    with ExitStack() as stack:
        places = []
        for path in paths:
            if path != STDIN and not is_pipe(path):
                places.append(path)
                continue
            # The suffix says what the file holds.
            name = "-" + os.path.basename(path)
            source = _standard_input() if path == STDIN else open_binary(path)
            with source as file, NamedTemporaryFile(suffix=name, dir=folder, delete=False) as copy:
                stack.callback(Path(copy.name).unlink, missing_ok=True)
                shutil.copyfileobj(file, copy, _READ_BYTES)
            places.append(copy.name)
        yield places


@contextmanager
def _standard_input() -> Iterator[BinaryIO]:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "Standard input is closed; name a file")
    with named("standard input"):
        yield sys.stdin.buffer


def take_stock(
    paths: Iterable[str], places: Iterable[str], known: Iterable[InputFile], advance: Advance
) -> tuple[InputFile, ...]:
    """Return the files with their checksums; files that have not changed are not read again.

    Args:
        paths: the files.
        places: where each of them is read.
        known: what an earlier run of the job found.
        advance: called with the stored bytes of each piece that was read or known.

    Raises:
        ChecksumError: a file changed while it was read.
        OSError: a file cannot be read.
    """
    by_path = {file.path: file for file in known}
    files = []
    for path, place in zip(paths, places, strict=True):
        found = status(place)
        old = by_path.get(path)
        if old and (old.size, old.modified) == found:
            advance(old.size)
            files.append(replace(old, place=place))
            continue
        size, checksum = file_checksum(place, advance)
        if found.size is not None and size != found.size:
            raise ChecksumError(
                f"{path}: expected {found.size} bytes, found {size}: the file changed while it "
                "was read; run the job again"
            )
        files.append(InputFile(path, place, size, found.version, checksum))
    return tuple(files)


def file_checksum(
    path: str | os.PathLike[str], advance: Advance = lambda _: None
) -> tuple[int, str]:
    """Return the size of a file in bytes, and its XXH3-128 in hexadecimal."""
    digest, size = xxhash.xxh3_128(), 0
    with open_binary(path) as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
            size += len(chunk)
            advance(len(chunk))
    return size, digest.hexdigest()
