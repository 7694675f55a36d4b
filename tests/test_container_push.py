"""`Compressor` and `Decompressor`: data in pieces of any size, as with bz2 and lzma."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo
from container_cases import CODECS, GOLDEN, GOLDEN_FOLDER, golden_file_model, noise, words
from eqinfo.container.writer import ContainerWriter

DATA = words(5000)
OPTIONS: dict[str, Any] = {"codec": "ranged", "block_bytes": 300}


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Yield the pieces of data that is cut at these places."""
    for begin, end in pairwise([0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]):
        yield data[begin:end]


def decompressed(blob: bytes, cuts: list[int], lengths: list[int]) -> tuple[bytes, Any]:
    """Decompress a member that is cut anywhere, with these limits in turn."""
    decompressor = eqinfo.Decompressor()
    out = b""
    turn = 0
    for piece in pieces(blob, cuts):
        data = piece
        while not decompressor.eof:  # it may be before a last piece that is empty
            length = lengths[turn % len(lengths)]
            turn += 1
            part = decompressor.decompress(data, length)
            assert length < 0 or len(part) <= length
            out += part
            data = b""
            if decompressor.needs_input:
                break
    return out, decompressor


@given(
    data=st.binary(max_size=2000),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
    codec=st.sampled_from(CODECS),
    block_bytes=st.integers(1, 900),
    num_threads=st.integers(1, 3),
)
@settings(deadline=None, max_examples=60)
def test_the_pieces_are_those_of_compress(
    data: bytes, cuts: list[int], codec: Any, block_bytes: int, num_threads: int
) -> None:
    compressor = eqinfo.Compressor(codec=codec, block_bytes=block_bytes, num_threads=num_threads)
    parts = [compressor.compress(piece) for piece in pieces(data, cuts)]
    parts.append(compressor.flush())
    assert b"".join(parts) == eqinfo.compress(data, codec=codec, block_bytes=block_bytes)


@given(
    size=st.integers(0, 2000),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
    lengths=st.lists(st.integers(1, 700) | st.just(-1), min_size=1, max_size=3),
    block_bytes=st.integers(1, 900),
)
@settings(deadline=None, max_examples=100)
def test_pieces_of_any_size_decompress(
    size: int, cuts: list[int], lengths: list[int], block_bytes: int
) -> None:
    blob = eqinfo.compress(DATA[:size], codec="codebook", block_bytes=block_bytes)
    out, decompressor = decompressed(blob, cuts, lengths)
    assert out == DATA[:size]
    assert decompressor.eof
    assert not decompressor.needs_input
    assert decompressor.unused_data == b""


@pytest.mark.parametrize("codec", CODECS)
def test_bytes_one_by_one(codec: Any) -> None:
    data = DATA[:700]
    blob = eqinfo.compress(data, codec=codec, block_bytes=300)
    decompressor = eqinfo.Decompressor()
    out = b""
    for i, byte in enumerate(blob):
        assert decompressor.needs_input
        assert not decompressor.eof
        out += decompressor.decompress(bytes([byte]))
        # Every block is there with its last byte.
        assert len(out) in (0, 300, 600, 700), i
    assert (out, decompressor.eof) == (data, True)


@pytest.mark.parametrize("name", GOLDEN["good"])
def test_good_files_decompress_member_by_member(name: str) -> None:
    case = GOLDEN["good"][name]
    rest = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    out = b""
    while rest:
        decompressor = eqinfo.Decompressor(golden_file_model(case["model"]))
        out += decompressor.decompress(rest)
        assert decompressor.eof
        rest = decompressor.unused_data
    assert out == bytes.fromhex(case["data"])


@pytest.mark.parametrize("name", GOLDEN["bad"])
@pytest.mark.parametrize("step", [1, 50, 1 << 20])
def test_bad_files_are_refused_or_do_not_end(name: str, step: int) -> None:
    case = GOLDEN["bad"][name]
    content = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    decompressor = eqinfo.Decompressor(golden_file_model(case["model"]))

    def push() -> None:
        nonlocal decompressor
        for begin in range(0, len(content), step):
            data = content[begin : begin + step]
            while data:
                if decompressor.eof:
                    decompressor = eqinfo.Decompressor(golden_file_model(case["model"]))
                decompressor.decompress(data)
                data = decompressor.unused_data

    if case["error"] == "TruncatedError":
        push()
        assert not decompressor.eof
        return
    # To one that is to read the next member, other data behind a member are foreign.
    trailing = case["error"] == "TrailingDataError"
    error = getattr(eqinfo.errors, "ForeignFileError" if trailing else case["error"])
    with pytest.raises(error) as raised:
        push()
    assert type(raised.value) is error
    for data in (b"", b"more"):
        with pytest.raises(error):
            decompressor.decompress(data)
    assert not decompressor.eof


def test_every_damaged_byte_is_noticed() -> None:
    blob = eqinfo.compress(DATA[:500], **OPTIONS)
    for place in range(len(blob)):
        damaged = bytearray(blob)
        damaged[place] ^= 1 << place % 8
        decompressor = eqinfo.Decompressor()
        with suppress(eqinfo.errors.EqInfoError):
            decompressor.decompress(damaged)
        assert not decompressor.eof, place


def test_several_members() -> None:
    blobs = [eqinfo.compress(words(size), codec=codec) for size, codec in
             [(900, "ranged"), (0, "stored"), (50, "codebook")]]  # fmt: skip
    decompressor = eqinfo.Decompressor()
    assert decompressor.decompress(b"".join(blobs), 100) == words(900)[:100]
    assert (decompressor.eof, decompressor.unused_data) == (False, b"")
    assert decompressor.decompress(b"+", 800) == words(900)[100:]
    assert decompressor.eof
    assert decompressor.unused_data == blobs[1] + blobs[2] + b"+"
    for call in (lambda: decompressor.decompress(b""), lambda: decompressor.decompress(b"x", 0)):
        with pytest.raises(EOFError, match="end of the member"):
            call()


def test_a_length_of_nothing_keeps_everything() -> None:
    decompressor = eqinfo.Decompressor()
    blob = eqinfo.compress(DATA, **OPTIONS)
    assert decompressor.needs_input
    assert decompressor.decompress(blob, 0) == b""
    assert not decompressor.needs_input
    assert decompressor.decompress(b"") == DATA


def test_a_flushed_compressor_refuses_everything() -> None:
    compressor = eqinfo.Compressor(**OPTIONS)
    blob = compressor.compress(DATA) + compressor.flush()
    for call in (
        compressor.flush,
        lambda: compressor.compress(b""),
        lambda: compressor.compress(DATA),
    ):
        with pytest.raises(ValueError, match="has been flushed"):
            call()
    assert eqinfo.decompress(blob) == DATA


def test_wrong_arguments() -> None:
    compressor, decompressor = eqinfo.Compressor(**OPTIONS), eqinfo.Decompressor()
    blob = eqinfo.compress(DATA, **OPTIONS)
    wrong: Any
    for wrong in ("text", 5, None):
        with pytest.raises(TypeError, match="buffer"):
            compressor.compress(wrong)
        with pytest.raises(TypeError, match="buffer"):
            decompressor.decompress(wrong)
    wrong = 1.5
    with pytest.raises(TypeError, match="integer"):
        decompressor.decompress(blob, wrong)
    # None of these is the end of it.
    array = np.frombuffer(DATA, np.uint8).reshape(50, -1)
    assert compressor.compress(array) + compressor.flush() == blob
    assert decompressor.decompress(bytearray(blob)) == DATA
    with pytest.raises(TypeError, match="expected options among"):
        eqinfo.Compressor(degree=9)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="num_threads"):
        eqinfo.Compressor(num_threads=0)
    with pytest.raises(eqinfo.errors.ModelMismatchError):
        eqinfo.Decompressor("en-4k").decompress(blob)


def test_a_compressor_that_has_failed_cannot_look_complete() -> None:
    compressor = eqinfo.Compressor(**OPTIONS)
    compressor.compress(DATA)
    compressor._writer._pipeline._function = lambda block: 1 // 0  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        compressor.compress(DATA)
    for call in (compressor.flush, lambda: compressor.compress(b"")):
        with pytest.raises(ZeroDivisionError):
            call()


@pytest.mark.parametrize("make", [eqinfo.Compressor, eqinfo.Decompressor])
def test_they_cannot_be_copied(make: Any) -> None:
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=rf"cannot pickle '{make.__name__}' object"):
            copying(make())


@pytest.mark.parametrize("num_threads", [1, 2])
def test_threads_may_share_a_compressor(num_threads: int) -> None:
    compressor = eqinfo.Compressor(**OPTIONS, num_threads=num_threads)
    lines = [[b"thread %d writes line %d\n" % (n, i) for i in range(300)] for n in range(8)]
    parts: list[bytes] = []
    turn = threading.Lock()

    def write(number: int) -> None:
        for line in lines[number]:
            with turn:  # so that the parts are in order
                parts.append(compressor.compress(line))

    def write_nothing() -> None:
        for _ in range(300):
            with turn:
                parts.append(compressor.compress(b""))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    threads.append(threading.Thread(target=write_nothing))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts.append(compressor.flush())
    found = eqinfo.decompress(b"".join(parts)).splitlines(keepends=True)
    assert Counter(found) == Counter(line for part in lines for line in part)


def test_threads_may_share_a_decompressor() -> None:
    """Every byte is returned once, whoever asks."""
    data = words(30_000)
    decompressor = eqinfo.Decompressor()
    counts: Counter[int] = Counter(decompressor.decompress(eqinfo.compress(data, **OPTIONS), 100))
    errors: list[BaseException] = []
    turn = threading.Lock()

    def read() -> None:
        try:
            while True:
                part = decompressor.decompress(b"", 77)
                with turn:
                    counts.update(part)
        except EOFError:
            pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert counts == Counter(data)


FORKING = """
import os, sys
import eqinfo

data = sys.stdin.buffer.read()
compressor = eqinfo.Compressor(codec="ranged", block_bytes=300, num_threads=int(sys.argv[1]))
blob = compressor.compress(data[:2000])
decompressor = eqinfo.Decompressor()
whole = eqinfo.compress(data, codec="ranged", block_bytes=300)
out = decompressor.decompress(whole[:1000], 500)
pid = os.fork()
blob += compressor.compress(data[2000:]) + compressor.flush()
assert blob == whole
assert out + decompressor.decompress(whole[1000:]) == data
assert pid == 0 or os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("num_threads", ["1", "2"])
def test_a_forked_child_has_objects_of_its_own(num_threads: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING, num_threads],
        input=DATA, capture_output=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_memory_is_that_of_a_block() -> None:
    """However much data passes, and however long a block claims to be."""
    chunk = noise(1 << 16)
    compressor, decompressor = eqinfo.Compressor(codec="stored"), eqinfo.Decompressor()
    tracemalloc.start()
    try:
        for _ in range(200):
            decompressor.decompress(compressor.compress(chunk), 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_block_that_claims_too_much_is_refused_at_once() -> None:
    blob = eqinfo.compress(DATA, **OPTIONS)
    header = blob[: blob.index((300).to_bytes(4, "little"), 60)]
    decompressor = eqinfo.Decompressor()
    decompressor.decompress(header)
    with pytest.raises(eqinfo.errors.FormatError, match="expected a block of 1 to 300 bytes"):
        decompressor.decompress(b"\xff" * 20 + bytes(8 << 20))


def test_it_reads_what_a_file_object_writes() -> None:
    out = io.BytesIO()
    decompressor = eqinfo.Decompressor()
    found, place = b"", 0
    with eqinfo.open(out, "wb", **OPTIONS, num_threads=3) as file:
        for begin in range(0, len(DATA), 450):
            file.write(DATA[begin : begin + 450])
            file.flush()
            found += decompressor.decompress(out.getvalue()[place:])
            place = len(out.getvalue())
            # Flushing writes all blocks that are full.
            assert len(found) == min(begin + 450, len(DATA)) // 300 * 300
    assert found + decompressor.decompress(out.getvalue()[place:]) == DATA


def test_what_threads_have_done_needs_no_more_data() -> None:
    compressor, decompressor = eqinfo.Compressor(**OPTIONS, num_threads=3), eqinfo.Decompressor()
    found = decompressor.decompress(compressor.compress(DATA[:1000]))
    for _ in range(6000):
        if len(found) == 900:
            break
        time.sleep(0.01)
        found += decompressor.decompress(compressor.compress(b""))
    assert found == DATA[:900]


def test_calls_of_threads_that_share_a_compressor_follow_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compressor = eqinfo.Compressor(codec="stored", block_bytes=100)
    busy = threading.Lock()

    def exclusive(original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            assert busy.acquire(blocking=False)
            time.sleep(0.001)  # lets other threads begin
            try:
                return original(*arguments)
            finally:
                busy.release()

        return call

    for name in ("write", "finish"):
        original = getattr(ContainerWriter, name)
        monkeypatch.setattr(ContainerWriter, name, exclusive(original))
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(compressor.compress, b"a" * 30) for _ in range(20)]
        calls += [pool.submit(compressor.flush) for _ in range(2)]
        calls += [pool.submit(compressor.compress, b"a" * 30) for _ in range(20)]
        errors = [call.exception() for call in calls]
    # What comes after the flush is refused.
    assert errors.count(None) >= 1
    assert all(error is None or "has been flushed" in str(error) for error in errors)


def test_data_that_was_held_back_needs_no_input() -> None:
    blob = eqinfo.compress(words(5000), codec="stored", block_bytes=1000)
    decompressor = eqinfo.Decompressor()
    found = decompressor.decompress(blob[: len(blob) // 2], 1)
    while not decompressor.needs_input:
        part = decompressor.decompress(b"", 300)
        assert part
        found += part
    assert found == words(5000)[:2000]
    assert decompressor.decompress(b"") == b""
