"""Inputs that are not plain files: standard input, pipes, patterns and URLs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eqinfo import shards
from eqinfo.cli import main
from eqinfo.common.inputs import InputKind, identify
from eqinfo.common.locations import status
from eqinfo.errors import ChecksumError, FormatError, UnsupportedError
from eqinfo.shards import ShardParameters
from eqinfo.shards.corpus import read_corpus
from eqinfo.shards.inputs import Selection, find_files
from shards_cases import (
    CODEBOOK,
    EQINFO,
    compress,
    contents,
    documents,
    expected_tokens,
    json_lines,
    write,
)

TEXTS = documents(40)
LINES = json_lines(TEXTS)
PARAMETERS = ShardParameters(shard_bytes=4_000)


def tokens_of(inputs: list[Any], out: Path, parameters: ShardParameters = PARAMETERS) -> Any:
    shards.tokenize(inputs, out, CODEBOOK, parameters)
    return [tokens.tolist() for tokens in shards.open(out)]


def piped(command: list[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*EQINFO, *command], input=data, capture_output=True, timeout=120)


@pytest.fixture
def memory() -> Iterator[Any]:
    """An empty file system in memory."""
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.jsonl"), LINES)
    command = ["tokenize", "a.jsonl", "-", "-o", "out", "--input-format", "jsonl"]
    command += ["--shard-mib", "0.005"]
    for _ in range(2):  # the second time nothing is left to do
        done = piped(command, compress(LINES, ".gz"))
        assert done.returncode == 0, done.stderr
        found = shards.open("out")
        assert [tokens.tolist() for tokens in found] == 2 * expected_tokens(TEXTS)
        assert [file["path"] for file in found.manifest["inputs"]] == ["a.jsonl", "-"]
        assert not [name for name in contents(Path("out")) if name.startswith(".")]
    other = piped(command, LINES + b"\n")
    assert other.returncode == 1
    assert b"eqinfo: standard input: expected " in other.stderr
    bad = piped(["tokenize", "-", "-o", "bad", "--input-format", "jsonl"], LINES + b"no")
    assert bad.returncode == 1
    assert b"eqinfo: standard input: line 41 at offset" in bad.stderr
    assert not list(Path("bad").rglob("*--"))
    twice = piped(["tokenize", "-", "-", "-o", "twice"], LINES)
    assert b"expected standard input (-) once" in twice.stderr


def test_standard_input_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    command = [*EQINFO, "tokenize", "-", "-o", str(tmp_path / "out")]
    with open(tmp_path / "file", "wb") as only_to_write:
        done = subprocess.run(command, stdin=only_to_write, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert b"Bad file descriptor: 'standard input'" in done.stderr


def test_standard_input_of_fit(tmp_path: Path) -> None:
    text = "\n".join(documents(40)).encode()
    source = write(tmp_path / "text", text)
    for path, data in (("-", compress(text, ".xz")), (str(source), b"")):
        out = str(tmp_path / f"{len(data)}.book")
        done = piped(["fit", path, "-o", out, "--window-bits", "9"], data)
        assert done.returncode == 0, done.stderr
    first, second = tmp_path.glob("*.book")
    assert first.read_bytes() == second.read_bytes()


def test_pipes(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl.gz"):
        os.mkfifo(tmp_path / name)
        data = compress(LINES, Path(name).suffix)
        writer = threading.Thread(target=(tmp_path / name).write_bytes, args=[data])
        writer.start()
        assert tokens_of([tmp_path / name], tmp_path / f"{name}-out") == expected_tokens(TEXTS)
        writer.join()


def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["in/a.jsonl", "in/b.txt", "in/deep/c.jsonl", "in/deep/er/d.jsonl", "x[1].txt"]
    for name in names:
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        write(Path(name), b"text")
    Path("in/.hidden.jsonl").touch()
    assert find_files(["in/**/*.jsonl"]) == [names[0], names[2], names[3]]
    assert find_files(["in/*"]) == names[:2]  # files only
    assert find_files(["in/?.txt", "x[1].txt"]) == [names[1], names[4]]  # what exists is no pattern
    assert find_files(["in/**"], None, Selection((), ("deep",))) == names[:2]
    with pytest.raises(FileNotFoundError, match="expected files that match the pattern, found no"):
        find_files(["in/*.csv"])


def test_urls(tmp_path: Path, memory: Any) -> None:
    pytest.importorskip("pyarrow")
    texts = [*TEXTS, "about"]
    memory.pipe("/in/a.jsonl", LINES)
    memory.pipe("/in/deep/b.JSONL.GZ", compress(LINES, ".gz"))
    memory.pipe("/in/deep/README", b"about")
    memory.pipe("/in/.hidden", b"not me")
    assert identify("memory://in/deep/b.JSONL.GZ") == InputKind("jsonl", "gzip")
    inputs = ["memory://in/a.jsonl", "memory://in/deep"]
    for _ in range(2):
        found = tokens_of(inputs, tmp_path / "out")
        assert found == expected_tokens([*TEXTS, "about", *TEXTS])
    paths = [file["path"] for file in shards.open(tmp_path / "out").manifest["inputs"]]
    assert paths == [inputs[0], "memory://in/deep/README", "memory://in/deep/b.JSONL.GZ"]
    assert find_files(["memory://in"]) == paths
    assert find_files(["memory://in/*.jsonl"]) == ["memory:///in/a.jsonl"]
    assert find_files(["memory://in"], None, Selection(["deep/R*"])) == paths[1:2]
    assert read_corpus(inputs).documents == [text.encode() for text in [*TEXTS, "about", *TEXTS]]
    for path in paths[:2]:
        Path(tmp_path / Path(path).name).write_bytes(memory.cat(path))
    local = tokens_of([tmp_path / "a.jsonl", tmp_path / "README"], tmp_path / "local")
    assert local == expected_tokens(texts)


def test_parquet_at_a_url(tmp_path: Path, memory: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    with memory.open("/a.parquet", "wb") as file:
        pq.write_table(pa.table({"text": TEXTS}), file, row_group_size=10)
    memory.pipe("/b", memory.cat("/a.parquet"))
    memory.pipe("/c.parquet", memory.cat("/a.parquet")[:-9])
    assert tokens_of(["memory://a.parquet"], tmp_path / "a") == expected_tokens(TEXTS)
    assert identify("memory://b") == InputKind("parquet", None)
    with pytest.raises(FormatError, match=r"memory://c.parquet: expected a whole Parquet file"):
        tokens_of(["memory://c.parquet"], tmp_path / "c")


def test_an_old_report_is_no_input_that_is_elsewhere(tmp_path: Path, memory: Any) -> None:
    memory.pipe("/a.jsonl", LINES)
    report = write(tmp_path / "report", b"an old one")
    options: Any = {"on_error": "skip", "error_report": report}
    shards.tokenize(["memory://a.jsonl"], tmp_path / "out", CODEBOOK, **options)
    assert report.read_bytes() == b""
    report.write_bytes(b"an old one")
    command = ["tokenize", "-", "-o", str(tmp_path / "piped"), "--input-format", "jsonl"]
    done = piped([*command, "--on-error", "skip", "--error-report", str(report)], LINES)
    assert (done.returncode, report.read_bytes()) == (0, b""), done.stderr


def test_urls_that_change(tmp_path: Path, memory: Any) -> None:
    memory.pipe("/a.jsonl", LINES)
    tokens_of(["memory://a.jsonl"], tmp_path / "out")
    time.sleep(0.01)  # so that the time of creation differs
    memory.pipe("/a.jsonl", LINES.replace(b"bits", b"bats"))
    with pytest.raises(ChecksumError, match=r"memory://a.jsonl: expected \d+ bytes with XXH3"):
        tokens_of(["memory://a.jsonl"], tmp_path / "out")


def test_urls_that_cannot_be_read(
    tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, kind, message in (
        ("memory://nothing.txt", FileNotFoundError, "expected a file or folder, found none"),
        ("memory://no/*.txt", FileNotFoundError, "expected files that match the pattern"),
        ("nonsense://a", UnsupportedError, "expected a kind of URL that fsspec knows, found"),
    ):
        with pytest.raises(kind, match=message) as caught:
            tokens_of([url], tmp_path / "out")
        assert url in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="expected a folder of this machine for the shards"):
        tokens_of(["memory://in"], "memory://out")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UnsupportedError, match=r"s3://a/b: .*pip install eqinfo\[fsspec\]"):
        tokens_of(["s3://a/b"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (ImportError("Install s3fs\n to use S3"), UnsupportedError, "Install s3fs to use S3"),
        (RuntimeError("no\n connection"), OSError, "no connection"),
        (RuntimeError(), OSError, "RuntimeError"),
        (MemoryError("4 GiB"), MemoryError, "4 GiB"),
        (FormatError("a: expected b"), FormatError, "a: expected b"),
    ],
)
def test_errors_of_stores_are_one_line(
    memory: Any, monkeypatch: pytest.MonkeyPatch, raised: Exception, kind: Any, message: str
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise raised

    monkeypatch.setattr(type(memory), "info", fail)
    with pytest.raises(kind) as caught:
        status("memory://a")
    own = isinstance(raised, MemoryError | FormatError)
    assert str(caught.value) == (message if own else f"memory://a: {message}")


def test_a_size_that_the_store_does_not_tell(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/a", b"content")
    monkeypatch.setattr(type(memory), "info", lambda *_, **__: {"name": "/a", "type": "file"})
    message = r"^memory://a: expected a file whose size the server tells, found one without"
    with pytest.raises(UnsupportedError, match=message):
        status("memory://a")


def test_urls_on_the_command_line(tmp_path: Path, memory: Any) -> None:
    from click.testing import CliRunner

    memory.pipe("/a.jsonl", LINES)
    out = str(tmp_path / "out")
    done = CliRunner().invoke(main, ["tokenize", "memory://*.jsonl", "-o", out])
    assert done.exit_code == 0, done.output
    assert [tokens.tolist() for tokens in shards.open(out)] == expected_tokens(TEXTS)
    wrong = CliRunner().invoke(main, ["fit", "nonsense://a", "-o", f"{out}-book"])
    assert wrong.exit_code == 1
    assert "nonsense://a: expected a kind of URL that fsspec knows" in wrong.output
