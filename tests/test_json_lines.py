"""Texts of JSON lines: the native reader against Python's json, which reads what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo.common.batch import TextBatch
from eqinfo.errors import FormatError
from eqinfo.shards.documents import DocumentRun, Lines
from eqinfo.shards.jsonl import LineError, LineReader, text_of_line
from eqinfo.shards.units import FileRange

STRINGS = st.text(st.characters() | st.sampled_from('"\\/\b\n\u2028😀é\ud800\udfff\x7f'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["text", "tex", "text2", "é"]) | STRINGS
RECORDS = st.lists(st.tuples(KEYS, STRINGS | VALUES), max_size=4)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line as programs write it, or with keys that repeat, or damaged."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\r:")]))
    ascii_only = draw(st.booleans())
    members = [
        json.dumps(key, ensure_ascii=ascii_only)
        + separators[1]
        + json.dumps(value, ensure_ascii=ascii_only)
        for key, value in draw(RECORDS)
    ]
    text = "{" + separators[0].join(members) + "}" + draw(st.sampled_from(["", "\r", " ", "{}"]))
    line = text.encode("utf-8", "surrogatepass").replace(b"\n", b"")
    if draw(st.integers(0, 3)) == 0 and line:
        at = draw(st.integers(0, len(line) - 1))
        damage = st.sampled_from([b"", b'"', b"\\", b"\\u12", b"\xff", b"\x1f", b"0", b"[", b"}"])
        line = line[:at] + draw(damage) + line[at + draw(st.integers(0, 2)) :]
    return line.replace(b"\n", b"")


def plain(line: bytes, field: str) -> bytes | str | None:
    """The text of a line; None if it has none; "refused" if it is not understood."""
    try:
        return text_of_line(line, field)
    except LineError:
        return "refused"


def reader(path: str) -> LineReader:
    return LineReader(FileRange(path, path, "jsonl", 0, 0, None, 0), "text")


@given(lines(), st.sampled_from(["text", "é", ""]))
def test_native_reader_agrees_where_it_reads(line: bytes, field: str) -> None:
    data, offsets, unusual = _core.json_texts(line, field.encode())
    if len(unusual):
        assert unusual.tolist() == [[0, len(line), 0]]
        assert offsets.tolist() == [0]
        return
    found = [text.tobytes() for text in np.split(data[: offsets[-1]], offsets[1:-1])]
    wanted = plain(line, field)
    assert (found if len(offsets) > 1 else [None]) == [wanted]


@given(st.lists(lines(), max_size=6), st.booleans())
def test_blocks_of_lines(parts: list[bytes], ended: bool) -> None:
    wanted = [plain(line, "text") for line in parts]
    good = [line for line, text in zip(parts, wanted, strict=True) if text != "refused"]
    content = b"\n".join(good) + b"\n" * ended
    batch = reader("file").texts(DocumentRun(Lines(content))).texts
    assert isinstance(batch, TextBatch)
    assert list(batch.iter_bytes()) == [w for w in wanted if isinstance(w, bytes)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": "a"}',
        b'{"id": 7, "text": "na\xc3\xafve \\u00e9 \\ud83d\\ude00 \\" \\\\ \\/ \\b\\f\\n\\r\\t"}',
        b' {"meta": {"a": [1, -2.5e+10, true, null, {}, []]}, "text": "x"} \r',
        b'{"text": "first", "text": "last"}',
        b'{"text": "' + b"long " * 10_000 + b'"}',
        b'{"n": %s, "text": "a"}' % (b"7" * 5000),
        b'{"a": %s%s, "text": "b"}' % (b"[" * 64, b"]" * 64),
        b'{"other": "\\ud800", "text": "x"}',
        '{"text": "é漢🙂\u2028\x7f"}'.encode(),
    ],
)
def test_usual_lines_are_read_natively(line: bytes) -> None:
    """Or the reader would be slow without anybody noticing."""
    data, offsets, unusual = _core.json_texts(line + b"\n", b"text")
    assert len(unusual) == 0
    assert data[: offsets[-1]].tobytes() == plain(line, "text")


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": NaN, "text": "a"}',
        b'{"n": Infinity, "text": "a"}',
        b'\xef\xbb\xbf{"text": "a"}',
        b'{"t\\u0065xt": "a"}',
        b'{"a": %s%s, "text": "a"}' % (b"[" * 65, b"]" * 65),
        b'{"text": 1, "text": "a"}',
    ],
)
def test_unusual_lines_are_left_to_python(line: bytes) -> None:
    assert _core.json_texts(line, b"text")[2].tolist() == [[0, len(line), 0]]
    run = DocumentRun(Lines(b'{"text": "before"}\n' + line + b'\n\n{"text": ""}'))
    batch = reader("file").texts(run).texts
    assert list(batch) == ["before", "a", ""]


@pytest.mark.parametrize(
    "line",
    [
        b"{", b'{"text"', b'{"text": "a', b'{"text": "a"', b'{"text": "a"},', b'{"text": "a",}',
        b"{}", b'{"text": "\\', b'{"text": "\\u12', b'{"text": "\\ud83d\\u12"}', b'{"text": "\\x"}',
        b'{"text": "\\ude00\\ud83d"}', b'{"text": "\x1f"}', b'{"text": "\xed\xa0\x80"}',
        b'{"text": "\xc3', b'{"text": "\xf4\x90\x80\x80"}', b'{"a": 01, "text": ""}',
        b'{"a": -, "text": ""}', b'{"a": 1., "text": ""}', b'{"a": .1, "text": ""}',
        b'{"a": 1e, "text": ""}', b'{"a": +1, "text": ""}', b'{"a": nul, "text": ""}',
        b'{"a": [1,], "text": ""}', b'{"a": [1 2], "text": ""}', b'{"a": {"b"}, "text": ""}',
        b'{"a": {,}, "text": ""}', b'{"a": [}, "text": ""}', b'{"a": {], "text": ""}',
        b'{"a": "\xff", "text": ""}', b'{"a":\x0c1, "text": ""}', b'{"text": ["a"]}',
        b'["text"]', b'"text"', b"null", b'{"text": "a"}\0',
    ],
)  # fmt: skip
def test_bad_lines_are_left_to_python(line: bytes, tmp_path: Path) -> None:
    assert _core.json_texts(line, b"text")[2].tolist() == [[0, len(line), 0]]
    assert plain(line, "text") == "refused"
    path = tmp_path / "file"
    path.write_bytes(b"\n\n" + line)
    with pytest.raises(FormatError, match="file: line 3 at offset 2: expected"):
        reader(str(path)).texts(DocumentRun(Lines(b"\n\n" + line)))
