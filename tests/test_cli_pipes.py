"""Commands in pipes pass on what is complete while more is awaited, and lose nothing."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

import eqinfo
from container_cases import words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes as on POSIX")
EQINFO = [sys.executable, "-m", "eqinfo"]
DATA = words(20_000)
BLOCK_BYTES = 1024


@contextmanager
def command(*arguments: str, unbuffered: bool) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Start a command; yield its input and its output. It must end well when the input does."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""}
    process = subprocess.Popen(
        [*EQINFO, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdin, process.stdout
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def read_until(out: IO[bytes], enough: Callable[[bytes], bool]) -> None:
    """Read what comes until it is enough; fail if nothing comes any more."""
    while True:
        assert select.select([out], [], [], 60)[0], "the command waits for more"
        piece = out.read(1 << 16)
        assert piece, "the command has ended"
        if enough(piece):
            return


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_compress_passes_full_blocks_on(threads: str, unbuffered: bool) -> None:
    arguments = ["compress", "--codec", "ranged", "--block-kib", "1", "--threads", threads]
    decompressor = eqinfo.Decompressor()
    found = b""

    def take(piece: bytes) -> None:
        nonlocal found
        found += decompressor.decompress(piece)

    with command(*arguments, unbuffered=unbuffered) as (stdin, stdout):
        begin = 0
        for end in (5000, 5100, 9000, 15_000):
            stdin.write(DATA[begin:end])
            begin = end
            full = end // BLOCK_BYTES * BLOCK_BYTES

            def enough(piece: bytes, full: int = full) -> bool:
                take(piece)
                return len(found) == full

            if len(found) < full:
                read_until(stdout, enough)
            assert found == DATA[:full]
        stdin.close()
        take(stdout.read())
    assert found == DATA[:15_000]
    assert decompressor.eof


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_decompress_gives_every_block_out(threads: str, unbuffered: bool) -> None:
    blob = eqinfo.compress(DATA, codec="ranged", block_bytes=BLOCK_BYTES)
    found = b""

    def enough(piece: bytes) -> bool:
        nonlocal found
        found += piece
        return found == expected

    with command("decompress", "--threads", threads, unbuffered=unbuffered) as (stdin, stdout):
        place = 0
        decompressor = eqinfo.Decompressor()
        expected = b""
        for end in (2000, 2500, 5000):  # within blocks
            stdin.write(blob[place:end])
            expected += decompressor.decompress(blob[place:end])
            place = end
            read_until(stdout, enough)
        writer = threading.Thread(target=lambda: (stdin.write(blob[place:]), stdin.close()))
        writer.start()
        while piece := stdout.read(1 << 16):
            found += piece
        writer.join()
    assert found == DATA


@pytest.mark.parametrize("arguments", [["compress", "--codec", "ranged"], ["encode", "--raw"]])
def test_a_pipe_that_does_not_block(arguments: list[str], tmp_path: Path) -> None:
    """Another process may have made it so. That there is nothing yet is not the end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([*EQINFO, *arguments], stdin=reading, stdout=out)
        os.close(reading)
        with open(writing, "wb", buffering=0) as pipe:
            select.select([], [], [], 1)  # most likely it has begun to read by then
            for begin in range(0, len(DATA), 3000):
                pipe.write(DATA[begin : begin + 3000])
                select.select([], [], [], 0.01)
        assert process.wait(60) == 0
    content = (tmp_path / "out").read_bytes()
    if arguments[0] == "encode":
        assert content == eqinfo.encode(DATA).astype("<u2").tobytes()
    else:
        assert content == eqinfo.compress(DATA, codec="ranged")


# What does not fit into a file is written in part, and nothing is said until the next write.
FULL = """
import resource, sys
from eqinfo.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), -1))
main()
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_last_write_that_is_cut_short_is_noticed(tmp_path: Path, unbuffered: str) -> None:
    source = tmp_path / "a.eqi"
    source.write_bytes(eqinfo.compress(DATA, codec="ranged"))
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(len(DATA) - 1), "decompress", str(source), "-o", "-"],
            stdout=out, stderr=subprocess.PIPE, timeout=60,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"standard output" in done.stderr
