"""The help of every command ends in examples, which work as they are."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import eqinfo
from eqinfo.cli import main

SLOW = ("eqinfo train", "eqinfo report", "-m own.model", ".gguf")  # need extras, and minutes
BOOK = "It was the best of times, it was the worst of times. " * 400


def help_of(command: str) -> str:
    done = CliRunner().invoke(main, [*command.split(), "--help"], terminal_width=100)
    assert done.exit_code == 0
    return done.output


def examples_of(command: str) -> list[str]:
    found = re.search(r"\n  Examples:\n((?:    .*\n)+)$", help_of(command))
    assert found, f"the help of {command} ends without examples"
    return [line.strip() for line in found.group(1).splitlines()]


@pytest.mark.parametrize("command", main.commands)
def test_help_is_in_whole_sentences(command: str) -> None:
    for parameter in main.commands[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert re.match(r"[A-Za-z0-9-]", parameter.help)
            assert parameter.help.endswith("."), parameter.help
    assert "..." not in main.commands[command].get_short_help_str(1000)


def test_every_command_fits_its_line_in_the_list() -> None:
    listed = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    assert "..." not in listed[listed.index("Commands:") :]


@pytest.mark.parametrize("command", ["", *main.commands])
def test_examples_run(command: str, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(BOOK)
    (tmp_path / "a.log").write_text(BOOK)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "text.txt").write_text(BOOK)
    (tmp_path / "more.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": BOOK}).encode()))
    eqinfo.save_tokens(tmp_path / "book.eqt", eqinfo.encode(BOOK), eqinfo.Codebook.bundled("en"))
    if command not in ("", "compress"):
        (tmp_path / "book.txt.eqi").write_bytes(eqinfo.compress(BOOK, codec="ranged"))
    (tmp_path / "eqinfo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m eqinfo "$@"\n')
    (tmp_path / "eqinfo").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    for line in examples_of(command):
        if any(part in line for part in SLOW):
            continue
        line = line.replace("| less -R", "> /dev/null")
        # head ends before the command in front of it has written everything.
        options = [] if "| head" in line else ["-o", "pipefail"]
        done = subprocess.run(
            ["bash", *options, "-c", line],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, (line, done.stderr)
