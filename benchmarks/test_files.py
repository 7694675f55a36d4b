"""What the results of files.py rest on: texts that repeat, and round trips that are checked."""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import domains
import files
import make_files_picture as picture
from common import Report
from compressors import (
    Compressor,
    compressors,
    default_codecs,
    others,
    solid_codecs,
    with_dictionary,
)
from domain_records import csv, logs, xml
from eqinfo.container.settings import CODECS


@pytest.mark.parametrize("make", [logs, csv, xml])
def test_records_repeat_with_the_seed(make: Callable[[int, random.Random], bytes]) -> None:
    data = make(20_000, random.Random("1"))
    assert len(data) == 20_000
    assert data == make(20_000, random.Random("1"))
    assert data == make(50_000, random.Random("1"))[:20_000]
    assert data != make(20_000, random.Random("2"))
    assert 0.4 < 8 * len(lzma.compress(data)) / len(data) < 3  # neither trivial nor noise


def test_records_are_well_formed() -> None:
    lines = logs(100_000, random.Random("1")).decode().split("\n")[:-1]
    events = [json.loads(line) for line in lines]
    assert {event["level"] for event in events} == {"info", "warn", "error"}
    rows = csv(20_000, random.Random("1")).decode().split("\n")[:-1]
    assert {row.count(",") for row in rows} == {8}
    orders = xml(50_000, random.Random("1")).decode().rpartition("  <order")[0]
    assert len(ElementTree.fromstring(orders + "</orders>")) > 20


def test_derived_texts() -> None:
    text = b"one\r\ntwo\nthree and more\n" * 10
    crlf, repeated = domains.derived(domains.Text("prose", "", text), 1000)
    assert crlf.data.replace(b"\r\n", b"\n") == text.replace(b"\r\n", b"\n")
    assert crlf.data.count(b"\r\n") == crlf.data.count(b"\n") == crlf.data.count(b"\r")
    assert repeated.data == text[:100] * 10


def test_a_set_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def source(name: str, data: bytes) -> domains.Source:
        return domains.Source(name, "a test", lambda size, rng: data)

    sources = source("docs", b"d" * 9000), source("japanese", b"")
    monkeypatch.setattr(domains, "SOURCES", sources)
    texts, missing = domains.domain_set(5000)
    assert [text.name for text in texts] == ["docs", "docs, CR LF", "docs x 10"]
    assert [len(text.data) for text in texts] == [5000] * 3
    assert missing == ["japanese: expected 2,000 bytes of a test, found 0"]
    texts, _ = domains.domain_set(5000, given={"prose": b"p" * 9000})
    assert [text.name for text in texts] == ["prose", "docs", "prose, CR LF", "prose x 10"]


def test_found_texts_repeat_and_begin_alike() -> None:
    sources = {source.name: source for source in domains.SOURCES}
    for name in ("python", "licences", "docs", "elf"):
        short = domains.read(sources[name], 10_000, seed=3)
        assert short == domains.read(sources[name], 10_000, seed=3)
        assert domains.read(sources[name], 30_000, seed=3).data.startswith(short.data), name
    python = sources["python"]
    assert domains.read(python, 10_000, 3) != domains.read(python, 10_000, 4)


def test_translations_leave_out_headers_and_english() -> None:
    catalogue = (
        'msgid ""\nmsgstr ""\n"Project-Id-Version: x\\n"\n\nmsgid "one"\nmsgstr "ein \\"s\\""\n\n'
        'msgid "two"\nmsgid_plural "twos"\nmsgstr[0] "zw"\n"ei"\nmsgstr[1] "zweie"\n\n'
        'msgid "empty"\nmsgstr ""\n'
    )
    assert [*domains._translated(catalogue)] == ['ein "s"', "zwei", "zweie"]


def test_docstrings_are_cut_from_code() -> None:
    long = "Many words" * 40
    inner = f'    """Short."""\n    def g():\n        """{long}\n        End."""\n'
    code = f'"""{long}"""\ndef f():\n{inner}'
    assert [*domains._docstrings_of(code)] == [long, f"{long}\nEnd."]
    assert [*domains._docstrings_of("not Python")] == []


def test_documents_and_samples_share_no_bytes() -> None:
    text = bytes(range(200))
    documents, samples = files.documents_and_samples(text, 10, 5)
    assert documents == [text[place : place + 10] for place in range(0, 200, 40)]
    assert sorted(b"".join(documents + samples)) == sorted(text)
    assert files.documents_and_samples(b"short", 10, 5)[0] == []
    assert files.documents_and_samples(text, 100, 60) == ([text[:100], text[100:]], [])


def test_every_codec_and_its_round_trip_are_measured() -> None:
    assert {*default_codecs(), "stored"} == {*CODECS}
    results = files.measure(compressors(["ranged"]), [b"Some text.", b"More of it."], 1)
    assert {"eqinfo ranged", "xz -9e", "bzip2 -9"} <= {*results}
    for result in results.values():
        assert result.text_bytes == 21
        assert result.packed_bytes > 0
        assert 0 <= min(result.seconds) <= max(result.seconds) < float("inf")


@pytest.mark.parametrize("decompress", [lambda parts: [b"else"], lambda parts: os._exit(1)])
def test_what_does_not_restore_is_left_out(
    decompress: Callable[[Sequence[bytes]], list[bytes]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert files.measure([Compressor("peer", list, decompress)], [b"text"], 1) == {}
    assert "peer failed, or did not restore the text" in capfd.readouterr().err


def test_our_own_must_restore() -> None:
    def decompress(parts: Sequence[bytes]) -> list[bytes]:
        return [part + b"!" for part in parts]

    with pytest.raises(SystemExit, match="eqinfo x failed"):
        files.measure([Compressor("eqinfo x", list, decompress)], [b"text"], 1)


def test_solid_codecs_are_those_that_learn() -> None:
    results = files.measure(solid_codecs(["adaptive", "ranged"]), [b"a line\n" * 100], 0)
    assert list(results) == ["eqinfo adaptive, solid"]


def test_dictionaries_help_short_documents() -> None:
    pytest.importorskip("zstandard")
    documents, samples = files.documents_and_samples(logs(200_000, random.Random("1")), 1000, 5)
    found = files.measure(with_dictionary(samples), documents, 1)
    bits = {name: result.bits for name, result in found.items()}
    (plain,) = files.measure(others("zstd -19"), documents, 1).values()
    assert bits["zstd -19, dictionary"] < plain.bits / 2
    assert bits["eqinfo mixed, dictionary"] < bits["zstd -19, dictionary"]
    assert bits["eqinfo adaptive, dictionary"] < bits["zstd -19, dictionary"]


def test_what_eqinfo_gets_zstd_gets_too() -> None:
    """Otherwise the best of either are no pair."""
    pytest.importorskip("zstandard")
    _, samples = files.documents_and_samples(logs(200_000, random.Random("1")), 1000, 5)
    sizes: dict[bool, set[str]] = {True: set(), False: set()}
    for each in with_dictionary(samples):
        sizes[each.ours].add(each.name.split(", ")[1])
    assert sizes[True] == sizes[False] == {"dictionary", "1 MiB dictionary"}


def parsed(*options: str) -> argparse.Namespace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["files.py", *options])
        return files.parse_arguments()


def test_texts_have_different_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text("some text")
    with pytest.raises(SystemExit):
        parsed(*map(str, tmp_path.glob("*/x")))
    assert "found the same twice: give NAME=FILE" in capsys.readouterr().err
    assert len(parsed(f"y={tmp_path}/a/x", f"{tmp_path}/b/x").files) == 2


def test_no_option_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (parsed("--quick").bytes, parsed("--quick", "--bytes", "9").bytes) == (4000, 9)
    (tmp_path / "x").write_text("some text")
    with pytest.raises(SystemExit):
        parsed(f"{tmp_path}/x", "--seed", "7")
    assert "expected --seed only with --set" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parsed("--solid", "--codecs", "fast")
    assert "for --solid, found none" in capsys.readouterr().err


def test_tables_and_picture(tmp_path: Path) -> None:
    def result(packed: int, seconds: float) -> files.Result:
        return files.Result(1_000_000, packed, (2**20, 2**21), [seconds, 2 * seconds])

    results = {
        "docs": {"eqinfo a": result(200_000, 2), "peer": result(250_000, 1)},
        "logs": {"eqinfo a": result(100_000, 2), "peer": result(50_000, 1)},
        "zeros": {"eqinfo a": result(1, 9), "peer": result(1, 9)},
    }
    report = Report(tmp_path / "run.json")
    files.bits_table(report, "bits", results)
    files.means_table(report, files.WHOLE_MEANS, results)
    report.save()
    bits, means = report.tables
    assert bits["header"][-2:] == ["best of either", "ratio"]
    assert [row[-2:] for row in bits["rows"][:2]] == [["a / peer", "0.800"], ["a / peer", "2.000"]]
    ours, peer = means["rows"]
    assert ours == ["eqinfo a", pytest.approx(1.2), 0.5, 0.25, 1.0, 2.0]
    assert peer[:3] == ["peer", pytest.approx(1.2), 1.0]

    compress, decompress = picture.points(tmp_path / "run.json")
    assert [point.x for point in compress] == [0.5, 1.0]
    assert [point.x for point in decompress] == [0.25, 0.5]
    for theme in picture.THEMES.values():
        drawing = ElementTree.fromstring(picture.drawing(tmp_path / "run.json", theme))
        assert len(drawing.findall(".//{*}circle")) == 4


def test_the_frontier_has_what_no_other_beats() -> None:
    points = [
        picture.Point("slow and small", 1.0, 1.0, True),
        picture.Point("beaten", 2.0, 2.0, False),
        picture.Point("between", 5.0, 1.5, False),
        picture.Point("fast", 9.0, 3.0, False),
        picture.Point("as fast, larger", 9.0, 4.0, False),
    ]
    names = [point.name for point in picture.frontier(points)]
    assert names == ["fast", "between", "slow and small"]
