"""Units of work: the documents that one worker reads from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass

from eqinfo.common.inputs import InputFormat


@dataclass(frozen=True)
class FileRange:
    """The documents of a file that begin in [begin, end).

    Attributes:
        path: the file.
        form: its format.
        size: its size in stored bytes.
        begin: in bytes for text files, in row groups for Parquet files.
        end: in the same unit; None to read a text file to its end.
        stored: stored bytes that the range accounts for.
    """

    path: str
    form: InputFormat
    size: int
    begin: int
    end: int | None
    stored: int


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
