"""No command replaces a file that it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from eqinfo.cli import main

TEXT = b"A text that is to stay as it is. " * 200
LINES = b'{"text": "some"}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("corpus").mkdir()
    for name in ("a.txt", "b.txt", "data.csv", "a.txt.eqi", "corpus/c.txt", "report.html"):
        Path(name).write_bytes(TEXT)
    Path("a.jsonl").write_bytes(LINES)
    Path("table.csv").write_bytes(b"text\nsome\n")
    Path("link").symlink_to("a.txt")
    os.link("a.txt", "hard")
    assert (
        CliRunner().invoke(main, ["fit", "b.txt", "--window-bits", "9", "-o", "book"]).exit_code
        == 0
    )
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("encode a.txt -o a.txt", "a.txt"),
        ("encode a.txt -o ./a.txt", "./a.txt"),
        ("encode a.txt -o link", "link"),
        ("encode hard -o a.txt", "a.txt"),
        ("encode a.txt -m book -o book", "book"),
        ("decode a.txt -o a.txt", "a.txt"),
        ("decode a.txt -m book -o book", "book"),
        ("compress a.txt -f -o a.txt", "a.txt"),
        ("compress a.txt a.txt.eqi -f", "a.txt.eqi"),
        ("compress a.txt -D b.txt -f -o b.txt", "b.txt"),
        ("compress a.txt -m book -f -o book", "book"),
        ("decompress a.txt.eqi -f -o a.txt.eqi", "a.txt.eqi"),
        ("decompress a.txt.eqi -D a.txt -f", "a.txt"),
        ("fit a.txt --window-bits 9 -o a.txt", "a.txt"),
        ("fit corpus --window-bits 9 -o corpus/c.txt", "corpus/c.txt"),
        ("fit corpus/*.txt --window-bits 9 -o corpus/c.txt", "corpus/c.txt"),
        ("fit a.jsonl b.txt --on-error skip --error-report a.jsonl -o new", "a.jsonl"),
        ("tokenize a.jsonl --on-error skip --error-report a.jsonl -o new", "a.jsonl"),
        ("tokenize a.txt -m book --on-error skip --error-report book -o new", "book"),
        (
            "tokenize a.txt -m en --method static --fit-on b.txt --on-error skip "
            "--error-report b.txt -o new",
            "b.txt",
        ),
        ("train a.txt --steps 1 -o a.txt", "a.txt"),
        ("train data.csv --input-format text --steps 1 -o data", "data.csv"),
        ("train a.txt --held-out data.csv --steps 1 -o data", "data.csv"),
        ("train a.txt --held-out b.txt --steps 1 -o b.txt", "b.txt"),
        ("report a.txt --held-out report.html --only tables -o .", "report.html"),
        ("report a.jsonl --on-error skip --error-report a.jsonl -o new", "a.jsonl"),
        ("import-model book -o book", "book"),
    ],
)
def test_outputs_that_are_inputs(arguments: str, named: str, folder: Path) -> None:
    if arguments.startswith("train"):
        pytest.importorskip("torch")
    before = contents(folder)
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 2, result.output
    assert f"expected an output that is not read, found {named}" in " ".join(result.output.split())
    assert contents(folder) == before
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("command", "report"),
    [
        ("fit a.jsonl -o new --window-bits 9", "./new"),
        ("train a.jsonl -o new --steps 1", "new.csv"),
    ],
)
def test_a_report_that_is_an_output(command: str, report: str, folder: Path) -> None:
    if command.startswith("train"):
        pytest.importorskip("torch")
    arguments = [*command.split(), "--on-error", "skip", "--error-report", report]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert "expected --error-report with a file of its own" in result.output
    assert not list(folder.glob("new*"))


def test_a_report_among_the_shards(folder: Path) -> None:
    for report in ("new", "new/report", "./new/000000-000000.bin", "corpus/../new/deep/report"):
        arguments = ["tokenize", "a.jsonl", "-o", "new", "--on-error", "skip"]
        result = CliRunner().invoke(main, [*arguments, "--error-report", report])
        assert result.exit_code == 2, result.output
        assert f"outside the folder of the shards, found {report}" in " ".join(
            result.output.split()
        )
        assert not (folder / "new").exists()


def test_standard_input_that_is_the_output(folder: Path) -> None:
    before = contents(folder)
    for command in ("encode -o a.txt", "fit - --window-bits 9 -o a.txt", "compress -f -o a.txt"):
        with open("a.txt", "rb") as file:
            done = subprocess.run(
                [sys.executable, "-m", "eqinfo", *command.split()], stdin=file, capture_output=True
            )
        assert done.returncode == 2, done.stderr
    assert contents(folder) == before


@pytest.mark.parametrize(
    "arguments",
    [
        "encode a.txt -o b.txt",
        "encode /dev/null -o /dev/null",
        "fit corpus a.txt --exclude c.txt --window-bits 9 -o corpus/c.txt",
        "fit b.txt --window-bits 9 -o book",
        "compress a.txt --codec stored -f",
    ],
)
def test_other_files_are_replaced(arguments: str, folder: Path) -> None:
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 0, result.output


def test_a_report_without_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the input is read, which may take hours."""
    monkeypatch.setattr("eqinfo.shards.corpus.read_corpus", None)
    arguments = "fit a.jsonl -o new --window-bits 9 --on-error skip --error-report none/x"
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 1, result.output
    assert "No such folder for the output" in result.output
