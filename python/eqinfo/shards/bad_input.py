"""Documents and files that cannot be read, and what becomes of them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from eqinfo.errors import FormatError

OnError: TypeAlias = Literal["stop", "skip"]
"""What happens when a document or a file cannot be read: the job ends, or goes on without it."""


class BadInputError(FormatError):
    """A document that cannot be read, or a file of which the rest cannot be read.

    Attributes:
        file: the file, as the user named it.
        what: what was expected, and what was found.
        line: number of the line, from 1; None if it is not known.
        offset: where the document begins in the content of the file, in bytes.
        row: number of the row of a table, from 0.
    """

    def __init__(
        self,
        file: str,
        what: str,
        *,
        line: int | None = None,
        offset: int | None = None,
        row: int | None = None,
    ) -> None:
        place = ""
        if line is not None:
            place = f"line {line} at offset {offset}: "
        elif row is not None:
            place = f"row {row}: "
        super().__init__(f"{file}: {place}{what}")
        self.file, self.what = file, what
        self.line, self.offset, self.row = line, offset, row

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the parts; Ray's workers return such errors."""
        places = {"line": self.line, "offset": self.offset, "row": self.row}
        return _restored, (self.file, self.what, places)

    def record(self) -> dict[str, str | int]:
        """Return what a report of skipped documents says, without what is not known."""
        places = {"line": self.line, "offset": self.offset, "row": self.row}
        known = {name: place for name, place in places.items() if place is not None}
        return {"file": self.file, **known, "message": self.what}


def _restored(file: str, what: str, places: dict[str, int | None]) -> BadInputError:
    return BadInputError(file, what, **places)


def file_error(name: str, path: str, error: FormatError) -> BadInputError:
    """Return what is wrong with a file as a whole.

    Args:
        name: the file, as the user named it.
        path: the file, as the message names it.
        error: what was raised.
    """
    if isinstance(error, BadInputError):
        return error
    return BadInputError(name, str(error).removeprefix(f"{path}: "))
