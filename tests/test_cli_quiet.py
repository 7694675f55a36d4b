"""--keep, --quiet, --verbose and `-o -`, as those who know gzip, xz and zstd expect them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import eqinfo
from container_cases import words

EQINFO = [sys.executable, "-m", "eqinfo"]
TEXT = words(5000)
LINE = r": [\d.]+% \([\d.]+ k?B => [\d.]+ k?B, {target}\), [\d.,]+ [kMG]?B/s\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(TEXT + name.encode())
        blob = eqinfo.compress(TEXT + name.encode(), codec="stored")
        (tmp_path / f"{name}.eqi").write_bytes(blob)
    return tmp_path


def run(
    folder: Path, *arguments: str, data: bytes | None = None, code: int = 0
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [*EQINFO, *arguments], cwd=folder, input=data, capture_output=True, timeout=120
    )
    assert done.returncode == code, done.stderr
    return done


def shown(line: str, name: str, target: str) -> re.Match[str] | None:
    return re.fullmatch(re.escape(name) + LINE.format(target=re.escape(target)), line)


@pytest.mark.parametrize("keep", [(), ("-k",), ("--keep",)])
@pytest.mark.parametrize(
    "command", [("compress", "--codec", "stored", "a"), ("decompress", "a.eqi")]
)
def test_inputs_are_kept(command: tuple[str, ...], keep: tuple[str, ...], folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = run(folder, *command, "-f", *keep)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert done.stdout + done.stderr == b""


def test_verbose_says_what_came_of_every_file(folder: Path) -> None:
    done = run(folder, "compress", "-v", "-f", "--codec", "ranged", "a", "b")
    first, second = done.stderr.decode().splitlines(keepends=True)
    assert shown(first, "a", "a.eqi")
    assert shown(second, "b", "b.eqi")
    share = (folder / "a.eqi").stat().st_size / (len(TEXT) + 1)
    assert first.startswith(f"a: {share:.2%} (5 kB => ")
    done = run(folder, "decompress", "--verbose", "-f", "a.eqi")
    assert shown(done.stderr.decode(), "a.eqi", "a")
    assert done.stderr.startswith(b"a.eqi: %s (" % f"{share:.2%}".encode())
    assert b" => 5 kB, a)" in done.stderr
    done = run(folder, "compress", "-v", data=TEXT)
    assert shown(done.stderr.decode(), "standard input", "standard output")
    assert eqinfo.decompress(done.stdout) == TEXT


def test_quiet_says_nothing_but_errors(folder: Path) -> None:
    for command in (["compress", "a"], ["decompress", "a.eqi"], ["verify", "a.eqi"]):
        done = run(folder, *command, "-q", *(["-f"] if command[0] != "verify" else []))
        assert done.stdout + done.stderr == b""
    assert b"already" in run(folder, "compress", "-q", "a", code=1).stderr
    (folder / "b.eqi").write_bytes(b"broken")
    done = run(folder, "verify", "--quiet", "a.eqi", "b.eqi", code=1)
    assert done.stdout == b""
    assert done.stderr.startswith(b"eqinfo: b.eqi, offset 0: expected an eqinfo file")


@pytest.mark.parametrize("command", [("compress", "a"), ("decompress", "a.eqi")])
def test_quiet_and_verbose_exclude_each_other(command: tuple[str, ...], folder: Path) -> None:
    done = run(folder, *command, "-q", "-v", code=2)
    assert b"expected --quiet or --verbose, found both" in done.stderr


def test_standard_output_takes_several_files(folder: Path) -> None:
    done = run(folder, "compress", "-o", "-", "--codec", "ranged", "a", "b")
    assert eqinfo.decompress(done.stdout) == TEXT + b"a" + TEXT + b"b"
    done = run(folder, "decompress", "-o", "-", "a.eqi", "b.eqi")
    assert done.stdout == TEXT + b"a" + TEXT + b"b"
    for command in (["compress", "a", "b"], ["decompress", "a.eqi", "b.eqi"]):
        done = run(folder, *command, "-o", "c", code=2)
        assert b"expected one input for --output c, found 2" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a", "a.eqi", "b", "b.eqi"]
