"""Whatever has a buffer can be compressed, decompressed and written; what has none is refused."""

from __future__ import annotations

import array
import ctypes
import io
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqinfo
from container_cases import words

DATA = words(24_000)
BLOB = eqinfo.compress(DATA, codec="ranged", block_bytes=5_000)


def mapped(data: bytes) -> mmap.mmap:
    result = mmap.mmap(-1, len(data))
    result.write(data)
    return result


def arrow(data: bytes) -> Any:
    return pytest.importorskip("pyarrow").py_buffer(data)


BUFFERS: dict[str, Any] = {
    "bytes": lambda data: data,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "read-only": lambda data: memoryview(bytearray(data)).toreadonly(),
    "array": lambda data: array.array("b", data),
    "ctypes": lambda data: (ctypes.c_uint8 * len(data)).from_buffer_copy(data),
    "mmap": mapped,
    "ndarray": lambda data: np.frombuffer(data, np.uint8),
    "signed": lambda data: memoryview(data).cast("c"),
    "records": lambda data: np.frombuffer(data, np.dtype([("a", "u1")])),
    "arrow": arrow,
}
# Items of several bytes, for data whose length is a multiple of 24.
WIDE: dict[str, Any] = {
    "numbers": lambda data: array.array("d", data),
    "plane": lambda data: np.frombuffer(data, np.int32).reshape(-1, 6),
    "big-endian": lambda data: np.frombuffer(data, ">u8").reshape(1, -1, 3),
    "cast": lambda data: memoryview(data).cast("B", (len(data) // 24, 2, 12)),
    "pairs": lambda data: np.frombuffer(data, np.dtype([("a", "<u4"), ("b", ">u4")])),
}


@pytest.mark.parametrize("kind", BUFFERS)
def test_decompress_takes_any_buffer(kind: str) -> None:
    # Small data are decoded block by block, larger ones into one piece of memory.
    large = eqinfo.compress(DATA * 6, codec="stored")
    for blob, data in ((BLOB, DATA), (large, DATA * 6)):
        assert eqinfo.decompress(BUFFERS[kind](blob), num_threads=2) == data
        with pytest.raises(eqinfo.errors.TruncatedError):
            eqinfo.decompress(BUFFERS[kind](blob[:-1]))


@pytest.mark.parametrize("kind", [*BUFFERS, *WIDE])
def test_compress_and_write_take_any_buffer(kind: str) -> None:
    buffer = (BUFFERS | WIDE)[kind](DATA)
    options: dict[str, Any] = {"codec": "ranged", "block_bytes": 5_000}
    assert eqinfo.compress(buffer, **options) == BLOB
    out = io.BytesIO()
    with eqinfo.open(out, "wb", num_threads=2, **options) as file:
        assert file.write(buffer) == len(DATA)
        assert file.tell() == len(DATA)
    assert out.getvalue() == BLOB


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    assert eqinfo.compress(np.empty(shape)) == eqinfo.compress(b"")


def test_a_scalar_array_is_its_bytes() -> None:
    number = np.array(7, np.int64)
    assert eqinfo.decompress(eqinfo.compress(number, codec="stored")) == number.tobytes()


@pytest.mark.parametrize("value", [5, None, [1, 2], 1.5, "text", object()])
def test_what_has_no_buffer_is_refused(value: Any) -> None:
    message = f"expected bytes or another object with a buffer, found {type(value).__name__}"
    with pytest.raises(TypeError, match=message):
        eqinfo.decompress(value)
    with eqinfo.open(io.BytesIO(), "wb") as file, pytest.raises(TypeError, match=message):
        file.write(value)
    if not isinstance(value, str):
        with pytest.raises(TypeError, match=message):
            eqinfo.compress(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array(["a", None], object), "found ndarray of Python objects"),
        (np.zeros(2, [("Odd", "u1"), ("a", "O")]), "found ndarray of Python objects"),
        (np.array(["2020-01-01"], "M8[D]"), r"found ndarray .*; give it as array.view\("),
    ],
)
def test_arrays_whose_memory_is_not_their_data(value: Any, message: str) -> None:
    for function in (eqinfo.compress, eqinfo.decompress, eqinfo.Dictionary):
        with pytest.raises(TypeError, match=message):
            function(value)
    named = np.zeros(2, [("Odd", "u1")])
    assert eqinfo.decompress(eqinfo.compress(named)) == named.tobytes()


@pytest.mark.parametrize(
    "value",
    [
        memoryview(BLOB)[::2],
        np.frombuffer(BLOB, np.uint8)[::-1],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
)
def test_buffers_that_are_not_contiguous_are_refused(value: Any) -> None:
    message = "expected a C-contiguous buffer, found (memoryview|ndarray) that is not"
    for function in (eqinfo.compress, eqinfo.decompress):
        with pytest.raises(BufferError, match=message):
            function(value)
    out = io.BytesIO()
    with eqinfo.open(out, "wb") as file:
        with pytest.raises(BufferError, match=message):
            file.write(value)
        file.write(b"the file goes on")
    assert eqinfo.decompress(out.getvalue()) == b"the file goes on"


def test_buffers_are_released(tmp_path: Path) -> None:
    """A map that is still looked at could not be closed, nor a bytearray be resized."""
    for content in (BLOB, BLOB[:-1]):
        for buffer in (mapped(content), bytearray(content)):
            try:
                eqinfo.decompress(buffer, num_threads=3)
            except eqinfo.errors.TruncatedError as error:
                kept = error  # with its traceback, and so with the frames that used the buffer
                assert kept.__traceback__ is not None
            with eqinfo.open(io.BytesIO(), "wb", codec="stored", num_threads=2) as file:
                file.write(buffer)
            if isinstance(buffer, mmap.mmap):
                buffer.close()
            else:
                buffer.append(0)


def test_data_may_change_after_a_write() -> None:
    out = io.BytesIO()
    values = np.zeros((10, 10), np.int64)
    with eqinfo.open(out, "wb", codec="stored", block_bytes=100, num_threads=3) as file:
        for number in range(20):
            values[:] = number
            file.write(values)
    found = np.frombuffer(eqinfo.decompress(out.getvalue()), np.int64)
    assert np.array_equal(found, np.repeat(np.arange(20), 100))


class Breaking:
    """A model whose predictions become unusable."""

    def __init__(self) -> None:
        self.is_broken = False
        self.model = eqinfo.models.FunctionModel(self.predict)
        self.options: dict[str, Any] = {"block_bytes": 100}

    def predict(self, contexts: Any, lengths: Any) -> Any:
        return np.full((len(lengths), 256), np.nan if self.is_broken else 0, np.float32)


def pushed(data: bytearray) -> None:
    eqinfo.Decompressor().decompress(data)


def decompressed_each(data: bytearray) -> None:
    list(eqinfo.decompress_each([data]))


def written(data: bytearray) -> None:
    given = Breaking()
    with eqinfo.open(io.BytesIO(), "wb", given.model, **given.options) as file:
        given.is_broken = True
        file.write(data)


def compressed_each(data: bytearray) -> None:
    given = Breaking()
    blobs = eqinfo.compress_each([data], given.model, **given.options)
    given.is_broken = True
    list(blobs)


def compressed_in_pieces(data: bytearray) -> None:
    given = Breaking()
    compressor = eqinfo.Compressor(given.model, **given.options)
    given.is_broken = True
    compressor.compress(data)


@pytest.mark.parametrize(
    "call", [pushed, decompressed_each, written, compressed_each, compressed_in_pieces]
)
def test_a_buffer_is_free_after_an_error(call: Any) -> None:
    """Although the traceback still has the frames of the call."""
    data = bytearray(b"no container" * 100)
    with pytest.raises(eqinfo.errors.EqInfoError) as caught:
        call(data)
    assert caught.traceback
    data.append(0)


def test_a_flush_that_failed_fails_again() -> None:
    given = Breaking()
    compressor = eqinfo.Compressor(given.model)
    compressor.compress(b"abc")
    given.is_broken = True
    for _ in range(2):
        with pytest.raises(eqinfo.errors.ModelError):
            compressor.flush()
