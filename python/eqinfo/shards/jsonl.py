"""Texts from JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from eqinfo.errors import FormatError
from eqinfo.shards.documents import DocumentRun

_DECODER = json.JSONDecoder()
_WHITE_SPACE = " \t\n\r"  # what JSON allows; str.strip() would remove more


def texts_of_lines(run: DocumentRun, path: str, field: str) -> DocumentRun:
    """Replace lines by the UTF-8 of one field of their objects; empty lines are skipped.

    Args:
        run: lines, as `documents.split` yields them.
        path: the file, for messages.
        field: name of a field that every object has, and that holds a string.

    Raises:
        FormatError: a line is not UTF-8 or not a JSON object, or its field is missing or not text;
            the message gives the offset of the line in the content.
    """
    # A line is parsed as a whole, so the pieces of a long one are joined.
    lines = (
        run.texts if isinstance(run.texts, list) else [b"".join(cast(Iterator[bytes], run.texts))]
    )
    texts, offset = [], run.offset
    for line in lines:
        if not line.isspace() and line:
            texts.append(_text(line, field, path, offset))
        offset += len(line) + 1
    return replace(run, texts=texts)


def _text(line: bytes, field: str, path: str, offset: int) -> bytes:
    place = f"{path}: line at offset {offset}"
    try:
        content = line.decode("utf-8").strip(_WHITE_SPACE)
        # json.loads does the same in twice the time.
        record, end = _DECODER.raw_decode(content)
        if end < len(content):
            raise json.JSONDecodeError("Extra data", content, end)
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: expected UTF-8, found byte 0x{line[error.start]:02x} at offset "
            f"{offset + error.start}"
        ) from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"{place}: expected JSON, found {_shown(line)}: {error}") from None
    if not isinstance(record, dict):
        raise FormatError(f"{place}: expected a JSON object, found {_shown(line)}")
    if field not in record:
        raise FormatError(f"{place}: expected a field {field!r}, found {_shown_fields(record)}")
    text = record[field]
    if not isinstance(text, str):
        raise FormatError(f"{place}: expected text in {field!r}, found {_shown_value(text)}")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise FormatError(
            f"{place}: expected text in {field!r}, found the lone surrogate U+{code:04X}"
        ) from None


def _shown(line: bytes) -> str:
    return repr(line[:40].decode("utf-8", "replace"))


def _shown_fields(record: dict[str, object]) -> str:
    return ", ".join(map(repr, list(record)[:8])) or "none"


def _shown_value(value: object) -> str:
    return "null" if value is None else json.dumps(value)[:40]
