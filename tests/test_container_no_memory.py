"""Memory that cannot be had is said before anything is written, with what would need less."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

import eqinfo
from container_cases import words

DATA = words(400_000)
MESSAGE = r"expected about (5\d) MiB for a block of 400,000 bytes, found less; .* the level fast"

# Runs the command line with 30 MiB of address space more than it has after a start.
LIMITED = """
import resource, sys
import eqinfo
from eqinfo.cli.main import main
eqinfo.decompress(eqinfo.compress(b"loads what is needed" * 3000, codec=sys.argv[1]))
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (30 << 20),) * 2)
main(sys.argv[2:])
"""


def limited(codec: str, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", LIMITED, codec, *arguments],
        input=data, capture_output=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("more", [(), ("--solid",)], ids=["blocks", "solid"])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_compressing_leaves_no_output(more: tuple[str, ...], threads: str, tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(DATA)
    command = ["compress", "--codec", "adaptive", "--threads", threads, *more]
    done = limited("adaptive", *command, str(source), "-o", str(target))
    assert done.returncode == 1
    assert b"expected about 5" in done.stderr
    assert b"found less; fewer threads, smaller blocks and the level fast need less" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
    piped = limited("adaptive", *command, "-o", "-", str(source))
    assert (piped.returncode, piped.stdout) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_decompressing_leaves_no_output(tmp_path: Path) -> None:
    source, target = tmp_path / "a.eqi", tmp_path / "a"
    source.write_bytes(eqinfo.compress(DATA, codec="adaptive"))
    done = limited("adaptive", "decompress", str(source), "-o", str(target))
    assert done.returncode == 1
    assert b"expected about 5" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.eqi"}
    small = tmp_path / "small.eqi"
    small.write_bytes(eqinfo.compress(DATA[:9000], codec="adaptive", block_bytes=3000))
    assert limited("adaptive", "decompress", str(small), "-o", "-").stdout == DATA[:9000]


@pytest.mark.parametrize("num_threads", [1, 2])
def test_writers_write_nothing(num_threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr("eqinfo.mixer.encode", no_memory)
    out = io.BytesIO()
    with (
        pytest.raises(MemoryError, match=MESSAGE),
        eqinfo.open(out, "wb", codec="adaptive", num_threads=num_threads) as file,
    ):
        file.write(DATA)
    assert out.getvalue() == b""
    with pytest.raises(MemoryError, match="MiB for a block of 900 bytes"):
        eqinfo.compress(DATA[:900], codec="adaptive")
