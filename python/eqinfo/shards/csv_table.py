"""The texts in a column of a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial

from eqinfo.common.batch import TextBatch
from eqinfo.common.decompression import DAMAGED
from eqinfo.common.inputs import InputStream, suffix_of
from eqinfo.shards.bad_input import BadInputError
from eqinfo.shards.documents import READ_BYTES, DocumentRun
from eqinfo.shards.text_field import check_column
from eqinfo.shards.units import FileRange

_MAX_FIELD = (1 << 31) - 1  # the most that fits a C long everywhere
_OTHER_DELIMITERS = ";\t|"


def read(
    part: FileRange, stream: InputStream, column: str, skip: bool = False
) -> Iterator[DocumentRun]:
    """Yield the texts of a file; the ``offset`` of a run is the bytes of the texts before it.

    The first row has the names of columns. Fields are separated by commas, in .tsv files by tabs,
    and may be quoted with quotation marks, also over several lines. An empty field is an empty
    text, and an empty line is no row.

    Args:
        part: the file.
        stream: the file, open.
        column: name of the text column.
        skip: whether rows that cannot be read are left out.

    Raises:
        BadInputError: the file does not have one such column; or a row has too few or too many
            fields, its text is not UTF-8, or its quotation marks are wrong, and such rows are not
            skipped.
    """
    # The limit of the module csv is one for the process, and too low for documents.
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_FIELD))
    # Bytes that are not UTF-8 pass here, so that only their own row is at fault.
    lines = io.TextIOWrapper(stream.content, "utf-8-sig", "surrogateescape", newline="")
    delimiter = "\t" if suffix_of(part.name) == ".tsv" else ","
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        place, fields = _place_of(rows, column, part.name)
        texts: list[bytes] = []
        skipped: list[BadInputError] = []
        damage: Exception | None = None
        offset = size = row = 0
        while True:
            try:
                found = next(rows)
                if not found:
                    continue
                text = _text(found, place, fields)
                texts.append(text)
                size += len(text)
            except StopIteration:
                break
            except DAMAGED as error:
                damage = error  # after the rows before it
                break
            except (csv.Error, ValueError) as error:
                what = _wrong(error) if isinstance(error, csv.Error) else str(error)
                bad = BadInputError(part.name, what, row=row)
                if not skip:
                    raise bad from None
                skipped.append(bad)
            row += 1
            if size >= READ_BYTES or len(texts) >= READ_BYTES >> 6:
                position = stream.stored.tell()
                batch = TextBatch.concatenate(texts)
                yield DocumentRun(batch, offset, tuple(skipped), partial(int, position))
                offset, size, texts, skipped = offset + size, 0, [], []
        if texts or skipped:
            yield DocumentRun(TextBatch.concatenate(texts), offset, tuple(skipped))
        if damage is not None:
            raise damage
    finally:
        lines.detach()  # the file belongs to the caller


def _place_of(rows: Iterator[list[str]], column: str, name: str) -> tuple[int, int]:
    """Read the header; return the place of the column, and the number of columns."""
    try:
        names = next(rows, [])
    except csv.Error as error:
        raise BadInputError(name, _wrong(error)) from None
    try:
        check_column(names, column)
    except ValueError as error:
        advice = ", or read plain text with input_format='text' (--input-format text)"
        if len(names) == 1 and any(other in names[0] for other in _OTHER_DELIMITERS):
            advice = "; fields are separated by commas, and by tabs in .tsv files"
        raise BadInputError(name, f"{error}{advice if column not in names else ''}") from None
    return names.index(column), len(names)


def _wrong(error: csv.Error) -> str:
    """Return what is wrong with the quotation marks of a row."""
    if str(error) == "unexpected end of data":
        return "expected a closing quotation mark, found the end of the file"
    return f"expected CSV, found: {error}"


def _text(row: list[str], place: int, fields: int) -> bytes:
    if len(row) != fields:
        raise ValueError(f"expected {fields} fields, found {len(row)}")
    try:
        return row[place].encode()
    except UnicodeEncodeError as error:
        byte = ord(row[place][error.start]) & 0xFF
        raise ValueError(
            f"expected UTF-8, found byte 0x{byte:02x} after {error.start} characters of the text"
        ) from None
