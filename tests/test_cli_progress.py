"""Progress bars of commands: what they show, and that they go again."""

from __future__ import annotations

import io
import os
import re
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tqdm import tqdm

import eqinfo
from eqinfo.cli import main, progress
from eqinfo.cli.io import chunks_of


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What bars write, at every update, as on a terminal."""
    stream = io.StringIO()
    shown = {"file": stream, "delay": 0, "mininterval": 0, "miniters": 0, "ncols": 80}

    def visible(**options: Any) -> tqdm[Any]:
        return tqdm(**{**options, **shown, "disable": bool(options["disable"])})

    monkeypatch.setattr(progress, "tqdm", visible)
    return stream


def test_done_of_total_with_a_note(screen: io.StringIO) -> None:
    with progress.progress_bar("step") as bar:
        bar.note("2.5 bits per byte")
        bar(0, 4)
        bar(3, 4)
    assert re.search(r" 75%\|.* 3/4 \[.*2\.5 bits per byte\]", screen.getvalue())
    assert not screen.getvalue().split("\r")[-1].strip()


def test_a_total_that_is_not_known(screen: io.StringIO) -> None:
    with progress.progress_bar("B") as bar:
        bar(2000, None)
    assert "2.00kB [" in screen.getvalue()


def test_a_bar_for_every_stage(screen: io.StringIO) -> None:
    with progress.stage_bars() as stages:
        for stage in ("input", "tokenize"):
            report = stages(stage)
            report(500, 1000)
    for stage in ("input", "tokenize"):
        assert re.search(rf"{stage}:  50%\|.* 500/1\.00k \[", screen.getvalue())


def test_reading_moves_the_bar(screen: io.StringIO, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    with path.open("rb") as file:
        assert [len(chunk) for chunk in chunks_of(file, 600)] == [600, 400]
    assert re.search(r" 60%\|.* 600/1\.00k ", screen.getvalue())
    assert re.search(r"100%\|.* 1\.00k/1\.00k ", screen.getvalue())


def test_a_bar_appears_without_any_update(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compressing a block takes seconds, and nothing moves meanwhile."""
    monkeypatch.setattr(progress, "_DELAY", 0.01)
    monkeypatch.setattr(progress, "_INTERVAL", 0.01)
    with progress.progress_bar("B", total=1000):
        before = len(screen.getvalue())
        deadline = time.monotonic() + 60
        while len(screen.getvalue()) < before + 200 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert screen.getvalue().count(" 0.00/1.00k ") >= 3


def test_terminals_without_a_size() -> None:
    """Pseudo-terminals have 0 columns until somebody sets them, and tqdm would write nothing."""
    pty = pytest.importorskip("pty")
    main, other = pty.openpty()
    code = (
        "from eqinfo.cli import progress; progress._DELAY = 0\n"
        "with progress.progress_bar('B', total=1000) as bar: bar(500, 1000)"
    )
    subprocess.run([sys.executable, "-c", code], stderr=other, check=True, timeout=60)
    written = b""
    while select.select([main], [], [], 0)[0]:
        written += os.read(main, 1 << 16)
    os.close(main)
    os.close(other)
    assert b"0%|" in written


@pytest.mark.parametrize("fails", [False, True])
def test_no_thread_outlives_its_bar(fails: bool, screen: io.StringIO) -> None:
    before = threading.active_count()
    with suppress(KeyError), progress.progress_bar("B"):
        assert threading.active_count() > before
        if fails:
            raise KeyError
    assert threading.active_count() == before


def test_half_a_size_of_a_terminal_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2, raising=False)
    for columns, lines, shown in ((0, 50, (80, 24)), (99, 0, (80, 24)), (99, 50, (None, None))):
        size = os.terminal_size((columns, lines))
        monkeypatch.setattr(os, "get_terminal_size", lambda _, size=size: size)
        assert progress.bar_size() == shown


def test_compress_shows_what_has_been_compressed(screen: io.StringIO, tmp_path: Path) -> None:
    """Not what has been read: that is several blocks more."""
    path = tmp_path / "file"
    path.write_bytes(bytes(5 << 20))
    options = ["--codec", "stored", "--block-kib", "1024", "--threads", "2"]
    done = CliRunner().invoke(main, ["compress", *options, str(path)])
    assert done.exit_code == 0, done.output
    shown = [float(n) for n in re.findall(r" ([\d.]+)M/5\.24M ", screen.getvalue())]
    assert shown == sorted(shown)
    assert {1.05, 2.10, 5.24} <= set(shown)


@pytest.mark.parametrize(
    "command",
    [
        ("compress", "-f", "--codec", "stored", "file"),
        ("decompress", "-f", "file.eqi"),
        ("verify", "file.eqi"),
    ],
)
def test_quiet_commands_show_no_bar(
    command: tuple[str, ...],
    screen: io.StringIO,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(bytes(1000))
    Path("file.eqi").write_bytes(eqinfo.compress(bytes(1000), codec="stored"))
    assert CliRunner().invoke(main, [*command, "-q"]).exit_code == 0
    assert screen.getvalue() == ""
    assert CliRunner().invoke(main, command).exit_code == 0
    assert screen.getvalue()


def test_hidden_bars_write_nothing(screen: io.StringIO) -> None:
    with progress.progress_bar("step", hidden=True) as bar:
        bar(1, 2)
    assert screen.getvalue() == ""
