"""File objects in forked processes: a child neither harms its parent's files nor is harmed."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import eqinfo
from container_cases import words

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]
DATA = words(40_000)
BLOCK_BYTES = 700

# The child ends as a program does: its objects are finalized, and what is buffered is flushed.
WRITER = """
import os, sys
import eqinfo

path, how, num_threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = sys.stdin.buffer.read()
half = len(data) // 2
children = []

def child():
    if how == "exit":
        sys.exit(0)
    if how == "close":
        file.close()
        assert file.closed
    if how == "write":
        try:
            file.write(b"x")
        except ValueError as error:
            assert "in the process that opened the file" in str(error)
        else:
            raise AssertionError("the child wrote")
    if how == "error":
        raise SystemExit(0)

with eqinfo.open(path, "wb", codec="ranged", block_bytes=700, num_threads=num_threads) as file:
    for part in (b"", data[:half], data[half:]):
        file.write(part)
        pid = os.fork()
        if pid == 0:
            child()
            break
        children.append(pid)
        assert os.waitpid(pid, 0)[1] == 0, how
if pid == 0:
    sys.exit(0)
"""


@pytest.mark.parametrize("num_threads", ["1", "2"])
@pytest.mark.parametrize("how", ["exit", "close", "write", "leave", "error"])
def test_a_child_leaves_its_parents_output_alone(
    tmp_path: Path, how: str, num_threads: str
) -> None:
    path = tmp_path / "a.eqi"
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), how, num_threads],
        input=DATA, capture_output=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert [file.name for file in tmp_path.iterdir()] == ["a.eqi"]
    assert eqinfo.decompress(path.read_bytes()) == DATA


def in_child(work: Callable[[], Any]) -> Callable[[], bool]:
    """Fork; return a function that waits for the child and returns whether its work went well."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return lambda: os.waitpid(pid, 0)[1] == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.eqi"
    path.write_bytes(eqinfo.compress(DATA, codec="ranged", block_bytes=BLOCK_BYTES))
    return path


def expect(file: Any, begin: int) -> None:
    """Read to the end in small pieces."""
    digest = hashlib.sha256()
    while piece := file.read(333):
        digest.update(piece)
    assert digest.digest() == hashlib.sha256(DATA[begin:]).digest()


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("given", ["path", "buffered", "raw", "memory"])
def test_readers_of_many_processes_do_not_meet(path: Path, given: str, num_threads: int) -> None:
    source: Any = {
        "path": lambda: path,
        "buffered": lambda: path.open("rb"),
        "raw": lambda: path.open("rb", buffering=0),
        "memory": lambda: io.BytesIO(path.read_bytes()),
    }[given]()
    with eqinfo.open(source, num_threads=num_threads) as file:
        # In the middle of a block, with others being decoded.
        assert file.read(5_000) == DATA[:5_000]
        children = [in_child(lambda: expect(file, 5_000)) for _ in range(4)]
        expect(file, 5_000)
        assert all(succeeded() for succeeded in children)
        file.seek(0)
        expect(file, 0)
    if given != "path":
        source.close()


def test_pipes_with_threads_go_on_in_a_child(path: Path) -> None:
    """The threads of the parent do not exist in the child, which must not wait for them."""
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        with eqinfo.open(cat.stdout, num_threads=3) as file:
            assert file.read(100) == DATA[:100]
            assert in_child(lambda: expect(file, 100))()


def read_at(begin: int) -> bool:
    file = SHARED["file"]
    file.seek(begin)
    found: bytes = file.read(2_000)
    return found == DATA[begin : begin + 2_000]


SHARED: dict[str, Any] = {}


def test_workers_of_multiprocessing(path: Path) -> None:
    """As the workers of a data loader, which inherit what was opened before them."""
    with eqinfo.open(path) as file:
        SHARED["file"] = file
        with multiprocessing.get_context("fork").Pool(3) as pool:
            assert all(pool.map(read_at, range(0, len(DATA), 501), chunksize=3))


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_file_object_is_read_from_its_position(path: Path, buffering: int) -> None:
    content = path.read_bytes()
    path.write_bytes(b"something before" + content)
    with path.open("rb", buffering=buffering) as plain:
        plain.seek(16)
        with eqinfo.open(plain) as file:
            assert file.read() == DATA
            file.seek(-5, os.SEEK_END)
            assert file.read() == DATA[-5:]
    memory = io.BytesIO(content[:10] + content)
    memory.seek(10)
    assert eqinfo.open(memory).read() == DATA
    memory.seek(11)
    with pytest.raises(eqinfo.errors.ForeignFileError, match="offset 11: expected an eqinfo file"):
        eqinfo.open(memory)
    memory.seek(0, os.SEEK_END)
    with pytest.raises(eqinfo.errors.TruncatedError, match=f"offset {memory.tell()}: expected"):
        eqinfo.open(memory)
    memory.seek(10**6)
    with pytest.raises(eqinfo.errors.TruncatedError):
        eqinfo.open(memory)


def test_a_file_that_another_thread_was_using_is_lost_in_the_child() -> None:
    begun, go = threading.Event(), threading.Event()

    class Waiting(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def read(self, size: int | None = -1, /) -> bytes:
            begun.set()
            assert go.wait(60)
            return super().read(size)

    with eqinfo.open(Waiting(eqinfo.compress(DATA, codec="stored"))) as buffered:
        file = buffered.raw  # the buffer has a lock of its own
        reader = threading.Thread(target=file.read, args=(100,))
        reader.start()
        assert begun.wait(60)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                file.read(1)
            except RuntimeError as error:
                file.close()
                code = 0 if "open it again in the child" in str(error) and file.closed else 2
            finally:
                os._exit(code)
        go.set()
        reader.join()
        assert os.waitpid(pid, 0)[1] == 0
        assert file.read(50) == DATA[100:150]
