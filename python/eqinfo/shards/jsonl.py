"""Texts from JSON lines."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import cast

import numpy as np

import eqinfo._core as _core
from eqinfo.common.batch import TextBatch
from eqinfo.common.inputs import open_input
from eqinfo.shards.bad_input import BadInputError
from eqinfo.shards.documents import DocumentRun, Lines
from eqinfo.shards.text_field import NAME_IT, shown_names
from eqinfo.shards.units import FileRange

_DECODER = json.JSONDecoder()
# Python refuses to convert integers of more than 4,300 digits, which are valid JSON.
_DECODER_OF_LONG_NUMBERS = json.JSONDecoder(parse_int=float)
_WHITE_SPACE = " \t\n\r"  # what JSON allows; str.strip() would remove more
_BYTE_ORDER_MARK = "\ufeff"
_READ_BYTES = 1 << 20
_ONE_PER_LINE = (
    "; a line holds one object: `jq -c .` writes objects so, and `jq -c '.[]'` those of an array"
)


class LineReader:
    """Replaces the lines of a file by the UTF-8 of one field of their objects.

    Lines in plain form are read by native code. `text_of_line` reads the others, and says what
    every line means.

    Args:
        part: the file.
        field: name of a field that every object has, and that holds a string.
        skip: whether lines that cannot be read are left out.
    """

    def __init__(self, part: FileRange, field: str, skip: bool = False) -> None:
        self._part = part
        self._field = field
        self._skip = skip
        self._begin: int | None = None  # offset of the first line
        self._first_line: int | None = None  # its number, once it is needed
        self._passed = 0  # lines since then; only counted where lines are skipped

    def texts(self, run: DocumentRun) -> DocumentRun:
        """Return the texts of some lines as a `TextBatch`; empty lines are left out.

        Args:
            run: lines, as `documents.split_lines` yields them.

        Raises:
            BadInputError: a line is not UTF-8 or not a JSON object, or its field is missing or not
                text, and such lines are not skipped.
        """
        lines = cast(Lines, run.texts).data
        self._begin = run.offset if self._begin is None else self._begin
        data, offsets, unusual = _core.json_texts(lines, self._field.encode())
        texts: list[bytes] = []
        places: list[int] = []
        skipped: list[BadInputError] = []
        number, counted = 0, 0  # line feeds in lines[:counted]
        for begin, end, before in unusual.tolist():
            try:
                text = text_of_line(lines[begin:end], self._field)
            except LineError as error:
                if not self._skip:
                    raise self._bad(error, run.offset + begin) from None
                number += lines.count(b"\n", counted, begin)
                counted = begin
                skipped.append(self._bad(error, run.offset + begin, number))
                continue
            if text is not None:
                texts.append(text)
                places.append(before)
        self.pass_over(run)
        batch = _inserted(TextBatch(data, offsets), places, texts)
        return replace(run, texts=batch, skipped=tuple(skipped))

    def pass_over(self, run: DocumentRun) -> None:
        """Leave out some lines, which are to be counted."""
        self._begin = run.offset if self._begin is None else self._begin
        if self._skip:
            self._passed += cast(Lines, run.texts).data.count(b"\n")

    def _bad(self, error: LineError, offset: int, number: int | None = None) -> BadInputError:
        """Return what is wrong with a line, which ``number`` lines of its run precede."""
        if number is None:
            line = _line_number(self._part.path, offset)
        else:
            if self._first_line is None:
                self._first_line = _line_number(self._part.path, self._begin or 0)
            line = self._first_line + self._passed + number
        return BadInputError(self._part.name, str(error), line=line, offset=offset)


def _inserted(batch: TextBatch, places: list[int], texts: list[bytes]) -> TextBatch:
    """Return a batch with further texts, each before the text of the batch with that number."""
    if not texts:
        return batch
    cuts = batch.offsets[[0, *places, len(batch)]].tolist()
    parts = [batch.data[begin:end].tobytes() for begin, end in pairwise(cuts)]
    inserted = [part for pair in zip(parts, [*texts, b""], strict=True) for part in pair]
    lengths = np.insert(np.diff(batch.offsets), places, list(map(len, texts)))
    data = np.frombuffer(b"".join(inserted), np.uint8)
    return TextBatch(data, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))


class LineError(Exception):
    """What was expected in a line, and what was found."""


def text_of_line(line: bytes, field: str) -> bytes | None:
    """Return the text of a line; None if it is empty but for a byte order mark."""
    if line.isspace() or not line:
        return None
    try:
        content = line.decode("utf-8").strip(_WHITE_SPACE)
    except UnicodeDecodeError as error:
        found = f"byte 0x{line[error.start]:02x} at offset {error.start} of the line"
        raise LineError(f"expected UTF-8, found {found}") from None
    if content.startswith(_BYTE_ORDER_MARK):
        content = content.removeprefix(_BYTE_ORDER_MARK).strip(_WHITE_SPACE)
        if not content:
            return None
    try:
        record = _parsed(content)
    except (ValueError, RecursionError) as error:
        if content in ("{", "["):
            raise LineError(f"expected a whole object, found {content!r}{_ONE_PER_LINE}") from None
        raise LineError(f"expected JSON, found {_shown(line)}: {error}") from None
    if not isinstance(record, dict):
        advice = _ONE_PER_LINE if isinstance(record, list) else ""
        raise LineError(f"expected a JSON object, found {_shown(line)}{advice}")
    if field not in record:
        advice = NAME_IT if record else ""
        raise LineError(f"expected a field {field!r}, found {shown_names(list(record))}{advice}")
    text = record[field]
    if not isinstance(text, str):
        raise LineError(f"expected text in {field!r}, found {_shown_value(text)}")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise LineError(
            f"expected text in {field!r}, found the lone surrogate U+{code:04X}"
        ) from None


def _parsed(content: str) -> object:
    # json.loads does the same in twice the time.
    try:
        record, end = _DECODER.raw_decode(content)
    except json.JSONDecodeError:
        raise
    except ValueError:
        record, end = _DECODER_OF_LONG_NUMBERS.raw_decode(content)
    if end < len(content):
        raise json.JSONDecodeError("Extra data", content, end)
    return record


def _line_number(path: str, offset: int) -> int:
    """Return the number, from 1, of the line that begins at an offset of a file's content.

    Reading may have begun in the middle of the file, so that only an error pays for the count.
    """
    number = 1
    with open_input(path) as (content, _, _):
        while offset > 0 and (chunk := content.read(min(offset, _READ_BYTES))):
            number += chunk.count(b"\n")
            offset -= len(chunk)
    return number


def _shown(line: bytes) -> str:
    return repr(line[:40].decode("utf-8", "replace"))


def _shown_value(value: object) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "a number out of range"
    try:
        return json.dumps(value)[:40]
    except RecursionError:
        return "a deeply nested value"
