"""Command line: compressed files, pipes, permissions, exit codes; and what a kill leaves behind."""

from __future__ import annotations

import os
import random
import re
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import eqinfo
from container_cases import GOLDEN_FOLDER, TEXT, golden_codebook, words
from eqinfo.cli.outcome import Outcome, show_outcome
from eqinfo.container.settings import Level
from native_cases import random_native_model

EQINFO = [sys.executable, "-m", "eqinfo"]
DATA = words(200_000)
KILLS = 20


def run(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*EQINFO, *arguments], input=data, capture_output=True, timeout=300)


def ok(*arguments: str, data: bytes = b"") -> bytes:
    done = run(*arguments, data=data)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_files_and_back(tmp_path: Path) -> None:
    names = [tmp_path / "a.txt", tmp_path / "b"]
    for path in names:
        path.write_bytes(DATA)
    ok("compress", "--codec", "ranged", *map(str, names))
    for path in names:
        assert eqinfo.decompress((tmp_path / f"{path.name}.eqi").read_bytes()) == DATA
        path.unlink()
    ok("decompress", *(f"{path}.eqi" for path in names))
    assert [path.read_bytes() for path in names] == [DATA, DATA]
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b", "a.txt.eqi", "b.eqi"}


def test_pipes() -> None:
    blob = ok("compress", "--codec", "codebook", data=DATA)
    assert blob == eqinfo.compress(DATA, codec="codebook")
    assert ok("decompress", data=blob + blob) == DATA + DATA
    assert ok("decompress", "-", data=ok("compress", "-", data=TEXT)) == TEXT
    assert ok("verify", data=blob) == f"-: ok, {len(DATA):,} bytes of data\n".encode()


@pytest.mark.parametrize(
    ("options", "level"),
    [(["--level", "fast"], "fast"), (["--fast"], "fast"), (["-1"], "fast"), (["-9"], "best")],
)
def test_levels(options: list[str], level: Level) -> None:
    data = DATA[:40_000]
    assert ok("compress", *options, data=data) == eqinfo.compress(data, level=level)


def test_options(tmp_path: Path) -> None:
    source, target = tmp_path / "text", tmp_path / "out"
    source.write_bytes(TEXT)
    ok("compress", str(source), "-o", str(target), "--codec", "windows", "--window-bits", "64",
       "--block-kib", "2", "--threads", "2")  # fmt: skip
    shown = ok("inspect", str(target)).decode()
    assert f"1 member, {len(TEXT)} bytes of data in {target.stat().st_size}" in shown
    for line in (
        "codec      windows",
        "model      en, id ",
        "windows    of 64 bits",
        "segments   of 4,096 bytes",
        "blocks     1 of 2,048 bytes, 0 of them stored",
    ):
        assert line in shown
    assert (
        ok("inspect", data=target.read_bytes()).decode().splitlines()[1:]
        == (shown.splitlines()[1:])
    )
    assert ok("decompress", str(target), "-o", "-") == TEXT


def test_inspect_shows_members(tmp_path: Path) -> None:
    shown = ok("inspect", str(GOLDEN_FOLDER / "concatenated.eqi")).decode()
    assert "4 members" in shown
    assert shown.count("codec      stored") == 2
    assert shown.count("codec      arithmetic") == 2


def test_model_files(tmp_path: Path) -> None:
    golden_codebook().save(tmp_path / "book")
    random_native_model().save(tmp_path / "model")
    for model in ("book", "model"):
        path = str(tmp_path / model)
        blob = ok("compress", "-m", path, data=TEXT)
        assert ok("decompress", "-m", path, data=blob) == TEXT
        refused = run("decompress", data=blob)
        assert refused.returncode == 1
        kind = b"codebook" if model == "book" else b"model"
        assert b"needs a" in refused.stderr
        assert b"not bundled; pass its file with -m FILE, or the %s itself" % kind in refused.stderr


def test_permissions_are_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "a.eqi"
    source.write_bytes(TEXT)
    source.chmod(0o640)
    ok("compress", "--codec", "stored", str(source))
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o604)
    ok("compress", "--codec", "stored", "--force", str(source))
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
    source.unlink()
    ok("decompress", str(target))
    assert stat.S_IMODE(source.stat().st_mode) == 0o604


@pytest.mark.parametrize(
    ("arguments", "data", "code", "message"),
    [
        (["decompress"], b"text", 1, b"-, offset 0: expected an eqinfo file"),
        (["decompress"], b"", 1, b"expected a header, found the end of the file"),
        (["verify"], b"\x89EQI\x02", 1, b"expected version 1, found 2"),
        (["inspect"], b"\x89EQI\x01", 1, b"found the end of the file"),
        (
            ["compress", "-m", "gpt2"],
            b"",
            2,
            b"neither a file nor the name of a bundled",
        ),
        (
            ["compress", "-m", "en-dense", "--codec", "windows"],
            b"",
            2,
            b"expected the name of a model (en, world, smollm2-135m), found",
        ),
        (["compress", "--codec", "zip"], b"", 2, b"'zip' is not one of"),
        (["compress", "--codec", "windows", "--window-bits", "20"], b"", 2, b"a multiple of 8"),
        (["compress", "missing"], b"", 1, b"No such file or directory: 'missing'"),
        (["compress", "-o", "no/such/folder"], b"x", 1, b"No such folder for the output"),
        (["compress", "-o", "x", __file__, __file__], b"", 2, b"one input for --output x, found 2"),
        (["decompress", __file__], b"", 2, b"a file name that ends in .eqi"),
        (["compress", "-m", __file__], b"", 1, b"expected a safetensors file"),
    ],
)
def test_mistakes(arguments: list[str], data: bytes, code: int, message: bytes) -> None:
    done = run(*arguments, data=data)
    assert done.returncode == code
    assert message in done.stderr
    assert b"Traceback" not in done.stderr


def test_existing_files_are_not_replaced_unasked(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "a.eqi"
    source.write_bytes(TEXT)
    target.write_bytes(b"old")
    done = run("compress", "--codec", "stored", str(source))
    assert done.returncode == 1
    assert b"exists already; replace it with --force" in done.stderr
    assert target.read_bytes() == b"old"


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.eqi"
    source.write_bytes(eqinfo.compress(DATA, codec="ranged", block_bytes=10_000)[:-1])
    done = run("decompress", str(source))
    assert done.returncode == 1
    assert b"found the end of the file" in done.stderr
    limited = run("decompress", "--max-output", "100", str(source))
    assert b"expected at most 100 bytes of data" in limited.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.eqi"]


def test_verify_goes_on_after_a_bad_file(tmp_path: Path) -> None:
    good, bad = str(GOLDEN_FOLDER / "byte.eqi"), str(GOLDEN_FOLDER / "bad-block-flip.eqi")
    done = run("verify", bad, good)
    assert done.returncode == 1
    assert done.stdout.decode() == f"{good}: ok, 1 byte of data\n"
    assert b"bad-block-flip.eqi, offset 34: expected a block with the checksum" in done.stderr


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("much") / "data"
    path.write_bytes(words(1_000_000) * 20)
    return path


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_kills_leave_the_old_file_or_the_new_one(
    command: str, old: bytes | None, much: Path, tmp_path: Path
) -> None:
    data = much.read_bytes()
    blob = eqinfo.compress(data, codec="ranged")
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data if command == "compress" else blob)
    complete = blob if command == "compress" else data
    codec = ["--codec", "ranged"] if command == "compress" else []
    arguments = [*EQINFO, command, *codec, "-f", "--threads", "1", "-o", str(target), str(source)]
    begin = time.monotonic()
    subprocess.run(arguments, check=True, timeout=300)
    seconds = time.monotonic() - begin
    assert target.read_bytes() == complete
    moments = random.Random(7)
    seen = set()
    for _ in range(KILLS // 2):
        target.unlink(missing_ok=True)
        if old is not None:
            target.write_bytes(old)
        process = subprocess.Popen(arguments)
        time.sleep(moments.uniform(0.3, 1.1) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = target.read_bytes() if target.exists() else None
        assert left in (old, complete)
        seen.add(left == complete)
        for path in tmp_path.glob(".*.tmp"):
            path.unlink()
    assert False in seen


def on_a_terminal(*arguments: str) -> bytes:
    """What a command writes to standard error if that is a terminal."""
    pty = pytest.importorskip("pty")
    main, other = pty.openpty()
    subprocess.run([*EQINFO, *arguments], stderr=other, check=True, timeout=120)
    written = b""
    while select.select([main], [], [], 0)[0]:
        written += os.read(main, 1 << 16)
    os.close(main)
    os.close(other)
    return written


def test_compress_says_what_came_of_it(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(DATA)
    command = ["compress", "-f", "--codec", "stored", str(source)]
    shown = on_a_terminal(*command).decode()
    size = (tmp_path / "a.eqi").stat().st_size
    assert shown.startswith(f"{source}: {size / len(DATA):.2%} (")
    assert re.search(r" => [\d.]+ k?B, .*a\.eqi\), [\d.,]+ [kMG]?B/s\r?\n$", shown)
    assert on_a_terminal(*command, "--quiet") == b""
    assert on_a_terminal("decompress", "-f", f"{source}.eqi") == b""
    assert subprocess.run([*EQINFO, *command], capture_output=True, timeout=120).stderr == b""


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (999, "999 B"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (999_500_000, "1 GB"),
        (999_499_999_999, "999 GB"),
        (999_500_000_000, "1,000 GB"),
    ],
)
def test_sizes_have_three_digits(size: int, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_outcome(Outcome("a", "b", size, 1, 1.0), size, 1, verbose=True)
    assert f"({shown} => 1 B, b), {shown}/s" in capsys.readouterr().err
