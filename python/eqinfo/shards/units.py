"""Units of work: the documents that one worker reads, from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Documents of a file that begin in [begin, end): bytes of text files, row groups of Parquet.

    Attributes:
        path: of the file.
        size: of the file, in stored bytes.
        begin: of the range.
        end: None for a text file that is read to its end.
        stored: bytes of the file that the range comes to.
    """

    path: str
    size: int
    begin: int
    end: int | None
    stored: int


@dataclass(frozen=True)
class Unit:
    """Work for one worker.

    Attributes:
        number: in the order of the input.
        ranges: what to read.
        cut: whether the content is cut into several shards while it is read.
    """

    number: int
    ranges: tuple[Range, ...]
    cut: bool = False

    @property
    def stored(self) -> int:
        """Stored bytes."""
        return sum(part.stored for part in self.ranges)
