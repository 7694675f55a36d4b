"""JSON lines to texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from eqinfo.errors import FormatError
from eqinfo.shards.documents import Run

_DECODER = json.JSONDecoder()
_WHITE_SPACE = " \t\n\r"  # of JSON; str.strip alone takes more


def texts_of_lines(run: Run, path: str, field: str) -> Run:
    """Replace lines by the bytes of one field; empty lines are no documents.

    Args:
        run: lines, as `documents.split` yields them.
        path: of the file, for messages.
        field: a string in every line's object.

    Raises:
        FormatError: not UTF-8, not a JSON object, no such field, or no text in it; says at which
            offset of the content the line begins.
    """
    # A value has to be in memory whole, and so does its line.
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
        # json.loads would do the same in twice the time.
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
