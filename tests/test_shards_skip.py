"""Documents that cannot be read: the job stops, or goes on without them and says so."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eqinfo import shards
from eqinfo.cli import main
from eqinfo.cli.inputs import show_skipped
from eqinfo.common.inputs import InputStream
from eqinfo.common.progress import Progress
from eqinfo.errors import FormatError
from eqinfo.shards import ShardParameters, csv_table
from eqinfo.shards.bad_input import BadInputError
from eqinfo.shards.corpus import read_corpus
from eqinfo.shards.inputs import Selection
from eqinfo.shards.units import FileRange
from shards_cases import CODEBOOK, contents, documents, expected_tokens, json_lines, run, write

TEXTS = documents(60)
SHARD_BYTES = 4_000
# Of every kind, so that lines are counted across blocks and shards.
BAD = [b"no JSON", b"{}", b'{"text": "\xff"}', b'{"text": null}']


def with_bad_lines() -> tuple[bytes, list[dict[str, Any]]]:
    """Good lines, an empty one and bad ones in turns; and what is to be reported."""
    content, wanted, number = b"", [], 1
    for index, line in enumerate(json_lines(TEXTS).splitlines(keepends=True)):
        content += line
        number += 1
        if index % 7 == 3:
            content += b"\n"
            wanted.append({"file": "in.jsonl", "line": number + 1, "offset": len(content)})
            content += BAD[index % 4] + b"\n"
            number += 2
    return content, wanted


def tokenize(inputs: list[Any], out: Path, **options: Any) -> dict[str, Any]:
    parameters = ShardParameters(shard_bytes=options.pop("shard_bytes", SHARD_BYTES))
    return shards.tokenize(inputs, out, CODEBOOK, parameters, **options)


def places(path: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert all("expected " in record["message"] for record in records)
    return [{k: v for k, v in record.items() if k != "message"} for record in records]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_bad_lines(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content, wanted = with_bad_lines()
    wanted = [{**place, "file": f"in.jsonl{suffix}"} for place in wanted]
    write(Path(f"in.jsonl{suffix}"), content)
    # A compressed file counts four times its size.
    manifest = tokenize(
        [f"in.jsonl{suffix}"], Path("out"), on_error="skip", error_report="bad.jsonl"
    )
    assert len(manifest["shards"]) > 3
    assert [tokens.tolist() for tokens in shards.open("out")] == expected_tokens(TEXTS)
    assert manifest["skipped"] == {f"in.jsonl{suffix}": len(wanted)}
    assert sum(sum(s.get("skipped", {}).values()) for s in manifest["shards"]) == len(wanted)
    assert places(Path("bad.jsonl")) == wanted
    shards.open("out").verify()


def test_resumed_jobs_skip_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("in.jsonl"), with_bad_lines()[0])
    tokenize(["in.jsonl"], Path("whole"), on_error="skip", error_report="whole.jsonl")
    wanted = contents(Path("whole"))

    # Begun without skipping, interrupted, a shard damaged after the end.
    with pytest.raises(FormatError, match=r"in.jsonl: line 6 at offset"):
        tokenize(["in.jsonl"], Path("out"))

    def stop(stage: str) -> Progress:
        def show(done: int, total: int | None) -> None:
            if stage == "tokenize" and total and done > total / 2:
                raise KeyboardInterrupt

        return show

    with pytest.raises(KeyboardInterrupt):
        tokenize(["in.jsonl"], Path("out"), on_error="skip", progress=stop)
    tokenize(["in.jsonl"], Path("out"), on_error="skip", error_report="out.jsonl")
    assert contents(Path("out")) == wanted
    assert Path("out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    report = next(Path("out").glob("*.skipped.jsonl"))
    report.write_bytes(report.read_bytes()[:-1])
    tokenize(["in.jsonl"], Path("out"), on_error="skip")
    assert contents(Path("out")) == wanted
    with pytest.raises(ValueError, match=r"has skipped documents \(9\) .*--on-error skip"):
        tokenize(["in.jsonl"], Path("out"))


def test_reports_have_a_file_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = with_bad_lines()[0]
    Path("in").mkdir()
    source = write(Path("in/a.jsonl"), content)
    Path("link").symlink_to(source)
    for inputs, report, message in (
        ([source], source, "found in/a.jsonl, which is an input; name another"),
        (["in"], tmp_path / source, "which is an input"),
        (["in/*"], "link", "found link, which is an input"),
        ([source], "out/report", "outside the folder of the shards, found out/report in out;"),
        ([source], "out", "outside the folder of the shards, found out in out"),
    ):
        with pytest.raises(ValueError, match=message):
            tokenize(inputs, Path("out"), on_error="skip", error_report=report)
    with pytest.raises(ValueError, match=r"^expected error_report only with on_error='skip', fou"):
        tokenize([source], Path("out"), error_report="report")
    with pytest.raises(FileNotFoundError, match="No such folder for the output"):
        tokenize([source], Path("out"), on_error="skip", error_report="none/report")
    assert not Path("out").exists()
    assert source.read_bytes() == content
    write(Path("report"), b"an old one")
    tokenize([source], Path("out"), on_error="skip", error_report="report")
    assert len(places(Path("report"))) == 9


def test_without_faults_nothing_differs(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    tokenize([source], tmp_path / "stop")
    tokenize([source], tmp_path / "skip", on_error="skip", error_report=tmp_path / "report")
    assert contents(tmp_path / "stop") == contents(tmp_path / "skip")
    assert (tmp_path / "report").read_bytes() == b""


def test_nulls_and_files_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    lines = json_lines(TEXTS)
    write(Path("a.jsonl"), lines)
    Path("b.jsonl.gz").write_bytes(gzip.compress(lines)[:-100])  # truncated
    Path("c.txt").write_bytes(b"\x89PNG\r\n")
    pq.write_table(pa.table({"text": ["x", None, "y", None]}), "d.parquet", row_group_size=3)
    Path("e.parquet").write_bytes(b"PAR1 and no more")
    pq.write_table(pa.table({"other": ["x"]}), "f.parquet")
    names = sorted(path.name for path in Path().iterdir())
    for shard_bytes in (SHARD_BYTES, 1 << 20):
        out = Path(f"out{shard_bytes}")
        manifest = tokenize(
            names, out, on_error="skip", error_report="bad.jsonl", shard_bytes=shard_bytes
        )
        assert places(Path("bad.jsonl")) == [
            {"file": "b.jsonl.gz"},
            {"file": "c.txt"},
            {"file": "d.parquet", "row": 1},
            {"file": "d.parquet", "row": 3},
            {"file": "e.parquet"},
            {"file": "f.parquet"},
        ]
        assert manifest["skipped"]["d.parquet"] == 2
        found = [tokens.tolist() for tokens in shards.open(out)]
        wanted = expected_tokens([*TEXTS, "x", "y"])
        assert found[: len(TEXTS)] == wanted[: len(TEXTS)]
        assert found[-2:] == wanted[-2:]
    corpus = read_corpus(names, skip=True)
    assert [bad.file for bad in corpus.skipped] == [r["file"] for r in places(Path("bad.jsonl"))]
    for name in names[1:]:
        with pytest.raises(BadInputError, match=f"^{name}: "):
            tokenize([name], Path(f"{name}-stopped"))
        with pytest.raises(BadInputError, match=f"^{name}: "):
            read_corpus([name])


def compressed(data: bytes, suffix: str) -> bytes:
    if suffix == ".zst":
        return bytes(pytest.importorskip("zstandard").compress(data))
    compress = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[suffix]
    return compress(data)


def damaged(data: bytes, suffix: str, damage: str) -> bytes:
    """Two compressed streams, the second of which does not begin, or is cut."""
    whole = compressed(data, suffix)
    return whole + (b"garbage" if damage == "trailing" else whole[:-9])


@pytest.mark.parametrize("damage", ["trailing", "cut"])
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "txt"])
def test_documents_before_damage_are_kept(
    form: str, suffix: str, damage: str, tmp_path: Path
) -> None:
    texts = [text.replace('"', "").replace("\n", " ") + " x" for text in TEXTS]
    content = {
        "jsonl": json_lines(texts),
        "csv": "".join(f'"{line}"\n' for line in ["text", *texts]).encode(),
        "txt": "".join(f"{text}\n" for text in texts).encode(),
    }[form]
    source = tmp_path / f"in.{form}{suffix}"
    source.write_bytes(damaged(content, suffix, damage))
    parameters = ShardParameters(separator="\n") if form == "txt" else None
    manifest = shards.tokenize(
        [source], tmp_path / "out", CODEBOOK, parameters, on_error="skip",
        error_report=tmp_path / "bad.jsonl",
    )  # fmt: skip
    found = shards.open(tmp_path / "out")
    assert len(found) >= len(texts)
    assert [found.decode(i) for i in range(len(texts))] == texts
    assert manifest["skipped"] == {str(source): 1}
    assert "found damage after offset" in (tmp_path / "bad.jsonl").read_text()


def test_a_text_that_ends_in_damage_is_no_document(tmp_path: Path) -> None:
    for suffix in (".gz", ".bz2", ".xz"):
        source = write(tmp_path / f"in.txt{suffix}", b"text " * 1000)
        source.write_bytes(source.read_bytes()[:-9])
        corpus = read_corpus([source], skip=True)
        assert [corpus.documents, len(corpus.skipped)] == [[], 1]


def test_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    long = "long " * 40_000
    rows = ["id,text", '1,"two', 'lines, and ""more"""', "2,é", "", "3,", f"4,{long}"]
    texts = ['two\r\nlines, and "more"', "é", "", long]
    good = "\r\n".join(rows).encode()
    write(Path("a.CSV.gz"), b"\xef\xbb\xbf" + good)
    Path("b.tsv").write_bytes(b"text\tid\na,b\t1\n")
    Path("c.csv").write_bytes(good + b'\r\n5,a,b\r\n6\r\n7,"a"b\r\n8,\xff\r\n9,last')
    for out, inputs in (("one", ["a.CSV.gz"]), ("two", ["b.tsv"])):
        tokenize(inputs, Path(out))
    assert [t.tolist() for t in shards.open("one")] == expected_tokens(texts)
    assert shards.open("two").decode(0) == "a,b"
    with pytest.raises(FormatError, match=r"c.csv: row 4: expected 2 fields, found 3"):
        tokenize(["c.csv"], Path("three"))
    tokenize(["c.csv"], Path("three"), on_error="skip", error_report="bad.jsonl")
    assert [t.tolist() for t in shards.open("three")] == expected_tokens([*texts, "last"])
    assert places(Path("bad.jsonl")) == [{"file": "c.csv", "row": row} for row in (4, 5, 6, 7)]
    Path("bad.csv").write_bytes(b"text,id\nonly one\n")
    tokenize(["bad.csv"], Path("none"), on_error="skip", error_report="bad.jsonl")
    assert places(Path("bad.jsonl")) == [{"file": "bad.csv", "row": 0}]
    with pytest.raises(FormatError, match=r"b.tsv: expected a column 'x', found 'text', 'id'; "):
        shards.tokenize(["b.tsv"], "four", CODEBOOK, ShardParameters(text_field="x"))
    plain = ShardParameters(input_format="text")
    shards.tokenize(["b.tsv"], "five", CODEBOOK, plain)
    assert [t.tolist() for t in shards.open("five")] == expected_tokens(["text\tid\na,b\t1\n"])


def test_large_csv_is_cut_while_it_is_read(tmp_path: Path) -> None:
    texts = [f"row {i}, " + "text " * 20 for i in range(90_000)]
    lines = "text\n" + "".join(f'"{text}"\n' for text in texts)
    source = write(tmp_path / "in.csv", lines.encode())
    manifest = shards.tokenize(
        [source], tmp_path / "out", CODEBOOK, ShardParameters(shard_bytes=1 << 20)
    )
    assert len(manifest["shards"]) > 1
    found = shards.open(tmp_path / "out")
    assert len(found) == len(texts)
    assert [found.decode(i) for i in (0, 45_000, -1)] == [texts[i] for i in (0, 45_000, -1)]


def test_runs_of_csv_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their bytes, and by their number where texts are short; the file stays the caller's."""
    monkeypatch.setattr(csv_table, "READ_BYTES", 640)
    texts = [b"", b"x"] * 15 + [b"y" * 400] * 5
    content = io.BytesIO(b"text\n" + b"".join(b'"%b"\n' % text for text in texts))
    part = FileRange("in.csv", "in.csv", "csv", len(content.getbuffer()), 0, None, 0)
    runs = list(csv_table.read(part, InputStream(content, content, None), "text"))
    assert [len(run.texts) for run in runs] == [10, 10, 10, 2, 2, 1]  # type: ignore[arg-type]
    assert [text for run in runs for text in run.texts.iter_bytes()] == texts  # type: ignore
    assert not content.closed


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("in.jsonl"), with_bad_lines()[0])
    done = run("in.jsonl", "-o", "out", "--on-error", "skip", "--error-report", "bad.jsonl")
    assert done.returncode == 0, done.stderr
    assert b"eqinfo: skipped 9 documents: in.jsonl 9\n" in done.stderr
    assert len(places(Path("bad.jsonl"))) == 9
    again = run("in.jsonl", "-o", "out", "--on-error", "skip")
    assert b"skipped 9 documents" in again.stderr
    done = run("in.jsonl", "-o", "out2", "--on-error", "skip", "--error-report", "-")
    assert done.returncode == 2
    assert b"found standard output" in done.stderr
    for options, message in (
        (["--error-report", "x"], b"--error-report needs --on-error skip; add it"),
        (["--input-format", "csv", "--separator", "x"], b"has no effect with"),
    ):
        wrong = run("in.jsonl", "-o", "out2", *options)
        assert wrong.returncode == 2
        assert message in wrong.stderr


def test_a_corpus_in_memory_has_a_report_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, wanted = with_bad_lines()
    write(Path("in.jsonl"), content)
    command = "fit in.jsonl -o book --window-bits 9 --on-error skip --error-report bad.jsonl"
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code == 0, done.output
    assert "eqinfo: skipped 9 documents: in.jsonl 9\n" in done.stderr
    assert places(Path("bad.jsonl")) == wanted


@pytest.mark.parametrize(
    ("files", "end"),
    [(1, "document: 0 1"), (5, " 4 1"), (6, " 4 1, 1 more file"), (8, "3 more files")],
)
def test_many_files_with_skipped_documents(
    files: int, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_skipped({str(file): 1 for file in range(files)})
    assert capsys.readouterr().err.endswith(f"{end}\n")


def test_errors_of_workers() -> None:
    """Ray's workers return them pickled."""
    for places in ({"line": 3, "offset": 9}, {"row": 4}, {}):
        bad = BadInputError("in", "expected text, found null", **places)  # type: ignore[arg-type]
        loaded = pickle.loads(pickle.dumps(bad))
        assert (str(loaded), loaded.record()) == (str(bad), bad.record())


def test_include_and_exclude_of_a_corpus(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", json_lines(["one", "two"]))
    write(tmp_path / "README", b"about")
    corpus = read_corpus([tmp_path], selection=Selection((), ("README",)))
    assert corpus.documents == [b"one", b"two"]
    assert corpus.text == b"one\ntwo\n"
    assert read_corpus([tmp_path]).text == b"aboutone\ntwo\n"


def test_text_of_a_corpus_that_a_separator_divides(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", b"one|two|")
    write(tmp_path / "b.txt", b"")
    corpus = read_corpus([tmp_path], ShardParameters(separator="|"))
    assert corpus.documents == [b"one", b"two"]
    assert corpus.text == b"one\ntwo\n"
    assert [Path(file.name).name for file in corpus.files] == ["a.txt", "b.txt"]
