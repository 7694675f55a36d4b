"""Tables show what was measured, and only of what was compared with the text."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import calls
import file_threads
import json_lines
import native_model
import shards
from common import Report, noise, time_in_turns
from compressors import Compressor
from round_trips import compare

WRONG = Compressor("wrong", list, lambda parts: [part + b"!" for part in parts])
COPY = Compressor("copy", list, list)


def test_json_has_the_tables_that_were_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(tmp_path / "run.json")
    report.table("A title", ["", "s"], [["first", 1234.5], ["second", float("nan")], ["third", 7]])
    report.save()
    machine, *lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[2].strip() for line in lines[5:]] == ["1,234", "", "7"]
    content = json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)
    assert content["machine"] == machine
    (table,) = content["tables"]
    assert (table["title"], table["header"]) == ("A title", ["", "s"])
    assert table["rows"] == [["first", 1234.5], ["second", None], ["third", 7]]


def test_contestants_take_turns() -> None:
    order: list[str] = []
    runs = {name: lambda name=name: order.append(name) for name in "ab"}  # type: ignore[misc]
    timings = time_in_turns(runs, 2)
    assert "".join(order) == "ab" + "abab"
    assert all(0 <= timing.best <= timing.median for timing in timings.values())
    order.clear()
    time_in_turns(runs, 1, hot=True)
    assert "".join(order) == "ab" + "aabb"
    assert noise(timings).startswith("medians up to ")


def test_compressors_must_restore() -> None:
    with pytest.raises(SystemExit, match="wrong did not restore the text"):
        compare(Report(), "text", b"some text", [COPY, WRONG], 1)


def test_steps_have_neither_size_nor_way_back() -> None:
    report = Report()
    compare(report, "text", b"some text" * 1000, [COPY], 1, alone={"look": lambda: sum(range(99))})
    (table,) = report.tables
    copied, step = table["rows"]
    assert copied[:2] == ["copy", "8.000"]
    assert (step[0], step[1], step[3]) == ("look", "", "")


def test_peers_of_the_model_must_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_model, "others", lambda *names: [WRONG])
    with pytest.raises(SystemExit, match="wrong did not restore the text"):
        native_model.sizes("en", native_model.load("en"), b"It was the best of times.")


def test_speeds_of_calls_count_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\N{GREEK SMALL LETTER ALPHA}" * 4000
    monkeypatch.setattr(calls, "tiktoken_file", missing)
    columns = calls.call_columns(calls.single_calls("en"), text, 1000)
    # Two texts at least, each character two bytes.
    assert [size for size, _ in columns.values()] == [2000, 2000, 2000, 8000]


def missing(name: str) -> Path:
    raise FileNotFoundError(f"no {name}")


def test_calls_must_restore() -> None:
    wrong = calls.Call(str.encode, lambda coded: coded + b"!")
    with pytest.raises(SystemExit, match="wrong did not restore 'text'"):
        calls.check_calls({"right": calls.Call(str, str), "wrong": wrong}, ["text"])


def test_readers_give_the_texts_that_were_written(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    expected = json_lines.write_lines(path, 5, 30)
    json_lines.check("a loop", json_lines.loop(path, json.loads), expected)
    json_lines.check("ours", (text for run in json_lines.ours(path) for text in run), expected)
    with pytest.raises(SystemExit, match="a loop: expected the texts that were written"):
        json_lines.check("a loop", json_lines.loop(path, json.loads), expected[:-1])


def test_threads_must_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = lambda blob, num_threads=1: b"other text"  # noqa: E731
    monkeypatch.setattr(file_threads.eqinfo, "decompress", wrong)
    with pytest.raises(SystemExit, match="fast: expected to decompress the same"):
        file_threads.scaling(Report(), b"some text", ["fast"], 1)


def test_shards_must_have_the_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("some text " * 500)
    monkeypatch.setattr(shards, "END", 1)
    monkeypatch.setattr(sys, "argv", ["shards.py", str(tmp_path / "text"), "--repeats", "1"])
    with pytest.raises(SystemExit, match="expected the ids of encode_batch, found others"):
        shards.main()


@pytest.mark.parametrize("what", ["decode", "row", "take", "equal"])
def test_columns_must_give_the_rows(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import string_column

    rows = pyarrow.array([f"row {n} of a column" for n in range(30)])
    right = string_column.arrow_column(rows, dictionary=False)
    other = string_column.arrow_column(rows[::-1], dictionary=False)
    other = replace(other, equal=lambda array, value: 2)
    wrong = replace(right, **{what: lambda built, *key: getattr(other, what)(rows[::-1], *key)})
    found = {"right": right, "wrong": wrong}
    monkeypatch.setattr(string_column, "contestants", lambda rows, scratch: found)
    with pytest.raises(SystemExit, match=f"wrong: {what} gave another result than the rows"):
        string_column.measure("Rows", rows, 1, Report(), tmp_path)
