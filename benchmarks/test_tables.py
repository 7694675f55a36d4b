"""Tables show what was measured, and only of what was compared with the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import calls
import json_lines
import native_model
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
