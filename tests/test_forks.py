"""A process forks while its threads are inside calls; children use the package, and end.

In a child only the thread that forked exists. Nothing that another thread held may make it wait,
and nothing that it does may reach its parent's files.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import eqinfo
from shared_objects import objects, use

# CI makes more.
FORKS = int(os.environ.get("EQINFO_FORKS", "40"))

# Threads encode, read and write all the time; every child makes calls on the objects that they use.
PROGRAM = """
import os, pathlib, sys, threading, time
import numpy as np
import eqinfo
from eqinfo.codebook import Codebook
from eqinfo.codecs import WindowCodec
from eqinfo.models import StaticModel
from eqinfo.range_coder import RangeEncoder

folder, forks = pathlib.Path(sys.argv[1]), int(sys.argv[2])
text = b"All work and no play makes Jack a dull boy. " * 50
codebook = Codebook.bundled("en-4k")
ids = codebook.encode(text)
codec = WindowCodec(StaticModel(np.zeros(256, np.float32)), 32)
(folder / "in.eqi").write_bytes(eqinfo.compress(text, codec="ranged", block_bytes=300))
reader = eqinfo.open(folder / "in.eqi", num_threads=2)
writer = eqinfo.open(folder / "out.eqi", "wb", codec="ranged", block_bytes=300, num_threads=2)
coder = RangeEncoder(1, 16)
counts = np.full(256, 1 << 8, np.uint32)
symbols = np.frombuffer(text, np.uint8).astype(np.int32)
written = [0]
stop = threading.Event()


def write():
    writer.write(text)
    written[0] += 1


def read():
    # Below the buffer of io.BufferedReader, whose own lock does not follow a fork.
    reader.raw.seek(0)
    assert reader.raw.readall() == text


def code():
    coder.extend_static(counts, symbols)
    coder.finish()


def use(call, *allowed):
    try:
        call()
    except allowed as error:
        assert "fork" in str(error) or "process that opened" in str(error), error


def child():
    assert codebook.decode_bytes(codebook.encode(text)) == text
    assert codec.decode_bytes(codec.encode(text[:99])) == text[:99]
    assert eqinfo.decompress(eqinfo.compress(text, codec="ranged", num_threads=2)) == text
    # What a thread of the parent was using cannot be used on, and says so.
    use(read, RuntimeError)
    use(code, RuntimeError)
    use(write, ValueError)
    reader.close()
    with eqinfo.open(folder / "in.eqi") as file:
        assert file.read() == text


def repeat(call):
    while not stop.is_set():
        call()
        time.sleep(0.001)  # submitting to a pool of threads keeps a lock that os.fork waits for


calls = [write, read, code, lambda: codec.encode(text[:99]), lambda: codebook.decode(ids)]
threads = [threading.Thread(target=repeat, args=(call,)) for call in calls]
for thread in threads:
    thread.start()
running = []
for number in range(forks):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child()
            status = 0
            if number % 2:
                sys.exit(0)  # as a program ends, with finalizers
        finally:
            os._exit(status)
    running.append(pid)
    if len(running) == 4:
        assert os.waitpid(running.pop(0), 0)[1] == 0, number
for pid in running:
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
writer.close()
assert eqinfo.decompress((folder / "out.eqi").read_bytes()) == text * written[0]
assert sorted(path.name for path in folder.iterdir()) == ["in.eqi", "out.eqi"]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks_while_threads_are_busy(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path), str(FORKS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")


def test_pickled_objects_are_equal() -> None:
    for name, given in objects().items():
        assert use(name, pickle.loads(pickle.dumps(given))) == use(name, given), name


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_of_every_start_method_get_shared_objects(method: str) -> None:
    work = list(objects().items())
    expected = [use(name, given) for name, given in work]
    # Unlike multiprocessing.Pool, this one notices a worker that dies.
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(use, *zip(*work, strict=True), timeout=120)) == expected


def test_what_cannot_be_pickled_says_so() -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(eqinfo.range_coder.RangeEncoder(1, 16))
