"""The interpreter exits while daemon threads are inside native calls.

A thread that wants the GIL back then never gets it. Up to CPython 3.13 it is ended by an unwinding
of its stack, which must not reach native code that cannot be unwound.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

# CI makes more.
EXITS = int(os.environ.get("EQINFO_EXITS", "30"))

# Calls that take from microseconds to milliseconds, so that at any time some thread is in native
# code, some take the GIL back, and some run Python code that native code calls.
PROGRAM = """
import io, sys, threading, time
import numpy as np
import eqinfo
import eqinfo._core as _core
from eqinfo.codebook import Codebook
from eqinfo.codecs import ArithmeticCodec, WindowCodec
from eqinfo.frequency import frequencies
from eqinfo.models import StaticModel
from eqinfo.range_coder import RangeDecoder, RangeEncoder

text = b"All work and no play makes Jack a dull boy. " * 500
codebook = Codebook.bundled("en-4k")
ids = codebook.encode(text)
array = np.frombuffer(text, np.uint8)
offsets = np.array([0, len(text)], np.int64)
logits = np.random.default_rng(1).normal(size=(64, 256)).astype(np.float32)
counts = np.full(256, 1 << 8, np.uint32)
model = StaticModel(np.zeros(256, np.float32))
windows, arithmetic = WindowCodec(model, 32), ArithmeticCodec(model)
column = eqinfo.StringColumn(text.split(), codebook)
coder = RangeEncoder(1, 16)
contexts = _core.TextContexts(4, True)

def words():
    for word in ["all", "w\\u00f6rk", memoryview(b"and"), bytearray(b"no play")] * 200:
        yield word


calls = [
    lambda: codebook.encode(text),
    lambda: codebook.encode("\\u00e4 text that is not ASCII " * 500),
    lambda: codebook.encode(text, parse="shortest"),
    lambda: codebook.encode_batch(words()),
    lambda: codebook.decode(ids),
    lambda: codebook.decode(np.full(9, 1 << 15, ids.dtype)),
    lambda: _core.word_ends(array),
    lambda: _core.count_words(array, offsets),
    lambda: _core.count_phrases(array, offsets, 3, 32, 9),
    lambda: frequencies(logits, 16),
    lambda: (coder.extend_static(counts, array.astype(np.int32)), coder.finish()),
    lambda: RangeDecoder(1, 16).extend_static(counts, 9999),
    lambda: contexts.rows(array[:4000].reshape(4, -1).copy()),
    lambda: windows.encode(text[:500]),
    lambda: arithmetic.decode(arithmetic.encode(text)),
    lambda: column.starts_with(b"pla"),
    lambda: column.to_list(),
    lambda: _core.pack_bits(text, 8 * len(text), 11),
    lambda: _core.Codebook(codebook._depth, codebook._symbol, codebook._end),
    lambda: Codebook.fit(text, 9),
    lambda: eqinfo.decompress(eqinfo.compress(text, codec="ranged", num_threads=2)),
    lambda: eqinfo.open(io.BytesIO(), "wb", codec="ranged", num_threads=2).write(text),
]


def repeat(call):
    started.release()
    while True:
        try:
            call()
        except ValueError:
            pass


first = int(sys.argv[1])
started = threading.Semaphore(0)
for k in range(3):
    call = calls[(first + k) % len(calls)]
    threading.Thread(target=repeat, args=(call,), daemon=True).start()
for _ in range(3):
    started.acquire()
time.sleep(0.01)
"""


def test_exit_with_daemon_threads_in_native_calls() -> None:
    def leave(number: int) -> tuple[int, str]:
        command = [sys.executable, "-c", PROGRAM, str(number)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stderr

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(leave, range(EXITS))) == {(0, "")}


# Once `threading` is imported, exit handlers can start no threads and cannot import thread pools.
AT_EXIT = """
import atexit, io, sys, threading
import eqinfo

text = b"All work and no play makes Jack a dull boy. " * 50_000
raw = io.BytesIO()
if sys.argv[1] == "before":
    file = eqinfo.open(raw, "wb", codec="ranged", num_threads=3, block_bytes=1 << 17)
    file.write(text)


def finish():
    global file
    if sys.argv[1] == "handler":
        file = eqinfo.open(raw, "wb", codec="ranged", num_threads=3, block_bytes=1 << 17)
        file.write(text)
    file.write(text)
    file.close()
    assert eqinfo.decompress(raw.getvalue(), num_threads=3) == 2 * text
    print("done")


atexit.register(finish)
"""


@pytest.mark.parametrize("opened", ["before", "handler"])
def test_files_with_threads_are_finished_in_exit_handlers(opened: str) -> None:
    command = [sys.executable, "-c", AT_EXIT, opened]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


# As when a library, such as PyTorch, keeps the file until the interpreter has cleared the modules.
WITHOUT_MODULES = """
import eqinfo
from eqinfo.common import files
from eqinfo.container import writable

file = eqinfo.open("file.eqi", "{mode}")
files.os = writable.os = None
"""


@pytest.mark.parametrize("mode", ["wb", "wt"])
def test_a_file_that_is_left_open_until_the_end_says_nothing(mode: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_MODULES.format(mode=mode)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "file.eqi").exists()
