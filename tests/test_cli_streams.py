"""Standard streams that are closed, names in another encoding, and several inputs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import eqinfo
from token_cases import encoded

EQINFO = [sys.executable, "-m", "eqinfo"]
TEXT = b"hello, hello"
CONTAINER = eqinfo.compress(TEXT, codec="stored")
TOKENS = encoded(TEXT)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="streams and names as on POSIX")


def run(
    folder: Path, *arguments: str | bytes, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*EQINFO, *arguments],
        cwd=folder, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_bytes(TEXT)
    (tmp_path / "a.eqi").write_bytes(CONTAINER)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("encode a.txt >&-", 1, "Standard output is closed; name a file with --output"),
        ("inspect a.txt >&-", 1, "Standard output is closed"),
        ("compress --codec stored - < a.txt >&-", 1, "Standard output is closed"),
        ("encode a.txt -o /dev/stdout >&-", 1, "Bad file descriptor: '/dev/stdout'"),
        ("encode <&-", 1, "Standard input is closed; name a file"),
        ("encode a.txt -o out >&- <&-", 0, ""),
        ("encode a.txt -o out >&- 2>&- <&-", 0, ""),
        ("encode missing -o out >&- 2>&-", 2, ""),
        ("encode -o out 2>&- < a.txt", 0, ""),
    ],
)
def test_closed_streams(command: str, code: int, message: str, folder: Path) -> None:
    line = f"{' '.join(EQINFO)} {command}"
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == code
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    if code == 0:
        assert (folder / "out").read_bytes() == TOKENS


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device")
@pytest.mark.parametrize(
    "command", ["encode a.txt", "inspect a.txt", "bench a.txt --only zlib", "verify a.eqi"]
)
def test_a_full_standard_output_is_named(command: str, folder: Path) -> None:
    line = f"{' '.join(EQINFO)} {command} > /dev/full"
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert b"No space left on device: 'standard output'" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has only names in UTF-8")
@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict"])
def test_names_that_are_not_utf8(encoding: str, folder: Path) -> None:
    name = b"\xe9t\xff.eqi"
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(CONTAINER)
    verified = run(folder, "verify", name, "a.eqi", PYTHONIOENCODING=encoding)
    assert (verified.returncode, verified.stderr) == (0, b"")
    lines = verified.stdout.splitlines()
    assert [line.rpartition(b":")[2] for line in lines] == [b" ok, 12 bytes of data"] * 2
    assert lines[0].startswith(name)
    inspected = run(folder, "inspect", name, PYTHONIOENCODING=encoding)
    assert (inspected.returncode, inspected.stderr) == (0, b"")
    assert inspected.stdout.startswith(name)


def test_characters_that_the_output_lacks_are_escaped(folder: Path) -> None:
    (folder / "\u2603.eqi").write_bytes(CONTAINER)
    done = run(folder, "verify", "\u2603.eqi", PYTHONIOENCODING="latin-1")
    assert done.stdout == b"\\u2603.eqi: ok, 12 bytes of data\n"


@pytest.mark.parametrize("bad", ["missing", "folder", "broken.eqi"])
@pytest.mark.parametrize("command", ["compress", "decompress", "verify"])
def test_the_other_inputs_are_worked_on(command: str, bad: str, folder: Path) -> None:
    names = ["b", "c"] if command == "compress" else ["b.eqi", "c.eqi"]
    outputs = ["b.eqi", "c.eqi"] if command == "compress" else ["b", "c"]
    for name in names:
        (folder / name).write_bytes(TEXT if command == "compress" else CONTAINER)
    (folder / "folder.eqi").mkdir()
    (folder / "broken.eqi").write_bytes(CONTAINER[:-1])
    if command == "compress" and bad == "broken.eqi":
        (folder / "broken.eqi.eqi").write_bytes(b"exists already")
    elif not bad.endswith(".eqi"):
        bad += ".eqi"
    options = ["--codec", "stored"] if command == "compress" else []
    done = run(folder, command, *options, names[0], bad, names[1])
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert bad in line
    if command == "verify":
        assert done.stdout.decode().splitlines() == [f"{n}: ok, 12 bytes of data" for n in names]
    else:
        wanted = CONTAINER if command == "compress" else TEXT
        assert [(folder / name).read_bytes() for name in outputs] == [wanted] * 2


def test_signals_are_as_before_after_a_command() -> None:
    """The command line may be called from a program."""
    program = (
        "import signal; from eqinfo.cli import main; before = signal.getsignal(signal.SIGTERM);"
        "main(['inspect', '--text', 'a'], standalone_mode=False);"
        "assert signal.getsignal(signal.SIGTERM) is before"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60)
