"""File objects shared by threads: nothing is lost, and what each call writes stays together."""

from __future__ import annotations

import io
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import eqinfo
from container_cases import CODECS, words

THREADS = 8


@pytest.fixture(autouse=True)
def eager_switching() -> Iterator[None]:
    """Let threads interrupt one another as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], None]) -> None:
    """Call ``work(number)`` in threads that begin together; raise the first error."""
    errors: list[BaseException] = []
    together = threading.Barrier(THREADS)

    def run(number: int) -> None:
        together.wait(60)
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("codec", CODECS)
def test_threads_may_share_a_writer(codec: Any, num_threads: int) -> None:
    count = 400 if codec in ("stored", "codebook", "ranged") else 20
    lines = [
        [b"thread %d writes line %d\n" % (number, i) for i in range(count)]
        for number in range(THREADS)
    ]
    out = io.BytesIO()
    with eqinfo.open(out, "wb", codec=codec, block_bytes=200, num_threads=num_threads) as file:

        def write(number: int) -> None:
            for line in lines[number]:
                assert file.write(line) == len(line)

        in_threads(write)
        assert file.tell() == sum(len(line) for part in lines for line in part)
    found = eqinfo.decompress(out.getvalue()).splitlines(keepends=True)
    assert Counter(found) == Counter(line for part in lines for line in part)
    for number, part in enumerate(lines):
        assert [line for line in found if line.startswith(b"thread %d " % number)] == part


def test_one_thread_closes_while_others_write() -> None:
    """Every write is either in the file or refused."""
    out = io.BytesIO()
    file = eqinfo.open(out, "wb", codec="stored", block_bytes=100)
    accepted: list[bytes] = []

    def work(number: int) -> None:
        if number == 0:
            while len(accepted) < 100:
                pass
            file.close()
            return
        for i in range(10_000):
            line = b"%d %d\n" % (number, i)
            try:
                file.write(line)
            except ValueError:
                return
            accepted.append(line)

    in_threads(work)
    found = eqinfo.decompress(out.getvalue()).splitlines(keepends=True)
    assert Counter(found) == Counter(accepted)


def test_a_call_within_a_call_is_refused() -> None:
    """A signal handler may interrupt a write; waiting for that write would wait for ever."""
    errors: list[Exception] = []

    class Interrupting(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if file is not None:
                try:
                    file.write(b"x")
                except RuntimeError as error:
                    errors.append(error)
            return super().write(data)

    file: Any = None
    out = Interrupting()
    file = eqinfo.open(out, "wb", codec="stored", block_bytes=100)
    file.write(bytes(100))
    assert len(errors) > 0
    file.close()
    assert eqinfo.decompress(out.getvalue()) == bytes(100)


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("codec", ["codebook", "ranged"])
def test_threads_may_share_a_reader(codec: Any, num_threads: int) -> None:
    """Every byte is returned once, in pieces of one size."""
    data = words(100_000)
    blob = eqinfo.compress(data, codec=codec, block_bytes=1500)
    pieces: list[bytes] = []
    with eqinfo.open(io.BytesIO(blob), num_threads=num_threads) as file:

        def read(number: int) -> None:
            while piece := file.read(777):
                pieces.append(piece)

        in_threads(read)
    expected = [data[begin : begin + 777] for begin in range(0, len(data), 777)]
    assert Counter(pieces) == Counter(expected)


def test_threads_may_share_the_raw_file_of_a_reader() -> None:
    data = words(50_000)
    blob = eqinfo.compress(data, codec="ranged", block_bytes=1500)
    counts: Counter[bytes] = Counter()
    with eqinfo.open(io.BytesIO(blob)) as file:
        raw = file.raw

        def read(number: int) -> None:
            while piece := raw.read(100):
                counts.update(bytes([byte]) for byte in piece)

        in_threads(read)
    assert counts == Counter(bytes([byte]) for byte in data)
