"""The interpreter exits while daemon threads are inside native calls.

A thread that wants the GIL back then never gets it. Up to CPython 3.13 it is ended by an unwinding
of its stack, which must not reach native code that cannot be unwound.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

EXITS = 20

# Calls that take from microseconds to milliseconds, so that at any time some thread is in native
# code, some take the GIL back, and some run Python code that native code calls.
PROGRAM = """
import sys, threading, time
import numpy as np
import eqinfo._core as _core
from eqinfo.codebook import Codebook
from eqinfo.frequency import frequencies
from eqinfo.range_coder import RangeEncoder

text = b"All work and no play makes Jack a dull boy. " * 500
codebook = Codebook.bundled("en-4k")
ids = codebook.encode(text)
array = np.frombuffer(text, np.uint8)
offsets = np.array([0, len(text)], np.int64)
logits = np.random.default_rng(1).normal(size=(64, 256)).astype(np.float32)
counts = np.full(256, 1 << 8, np.uint32)


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
    lambda: frequencies(logits, 16),
    lambda: RangeEncoder(1, 16).extend_static(counts, array.astype(np.int32)),
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
