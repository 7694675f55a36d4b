"""Units of work: the documents that one worker reads from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass

from eqinfo.common.inputs import InputFormat
from eqinfo.shards.bad_input import BadInputError


@dataclass(frozen=True)
class FileRange:
    """The documents of a file that begin in [begin, end).

    Attributes:
        name: the file, as the user named it.
        path: where it is read.
        form: its format.
        size: its size in stored bytes.
        begin: in bytes for text files, in row groups for Parquet files.
        end: in the same unit; None to read a text file to its end.
        stored: stored bytes that the range accounts for.
        refused: why the file is not read at all.
    """

    name: str
    path: str
    form: InputFormat
    size: int
    begin: int
    end: int | None
    stored: int
    refused: BadInputError | None = None


@dataclass(frozen=True)
class Unit:
    """Work for one worker.

    Attributes:
        number: position in the order of the input.
        ranges: what to read.
        cut: whether the content is cut into several shards while it is read.
    """

    number: int
    ranges: tuple[FileRange, ...]
    cut: bool = False

    @property
    def stored(self) -> int:
        """Stored bytes of all ranges."""
        return sum(part.stored for part in self.ranges)
