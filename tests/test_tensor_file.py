"""Tensor files: the bytes of safetensors, little-endian everywhere, or an error that says why."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eqinfo.common import tensor_file
from eqinfo.common.tensor_file import FileKind
from eqinfo.common.tensor_layout import layout
from eqinfo.errors import ChecksumError, FormatError, NewerVersionError

KIND = FileKind("test", "a test", ("1", "2"), max_bytes=4096)
METADATA = {"format": "test", "version": "2", "hash": "abc"}
INTEGERS = [f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)]
DTYPES = [*INTEGERS, "float16", "float32", "float64", "complex64", "bool"]


def tensors() -> dict[str, NDArray[Any]]:
    arrays = {f"{dtype} {i}": np.arange(3).astype(dtype) for dtype in DTYPES for i in (2, 1)}
    return {**arrays, "square": np.arange(6, dtype=np.uint8).reshape(2, 3), "one": np.float32(5)}


def with_header(data: bytes, change: dict[str, object]) -> bytes:
    end = 8 + int.from_bytes(data[:8], "little")
    text = json.dumps(json.loads(data[8:end]) | change).encode()
    return len(text).to_bytes(8, "little") + text + data[end:]


def test_the_bytes_are_those_that_safetensors_writes() -> None:
    """With one entry of metadata: safetensors writes more in any order, this package sorts them."""
    metadata = {"format": "test"}
    arrays = {name: np.asarray(array) for name, array in tensors().items()}
    assert tensor_file.to_bytes(arrays, metadata) == safetensors.numpy.save(arrays, metadata)
    assert tensor_file.to_bytes(
        dict(reversed(arrays.items())), dict(reversed(METADATA.items()))
    ) == tensor_file.to_bytes(arrays, METADATA)


def test_what_is_written_is_read() -> None:
    written = {name: np.asarray(array) for name, array in tensors().items()}
    file = KIND.parse(tensor_file.to_bytes(written, METADATA), "x")
    assert file.metadata == METADATA
    assert set(file.tensors) == set(written)
    for name, array in file.tensors.items():
        assert array.dtype == written[name].dtype
        assert np.array_equal(array, written[name])


def test_byte_order_and_strides_of_the_arrays_do_not_matter() -> None:
    wanted = {"a": np.arange(6, dtype="<u4").reshape(2, 3)}
    data = tensor_file.to_bytes(wanted, METADATA)
    assert data.endswith(bytes([0, 0, 0, 0, 1, 0, 0, 0]) + wanted["a"].tobytes()[8:])
    big = wanted["a"].astype(">u4")
    assert tensor_file.to_bytes({"a": big}, METADATA) == data
    assert tensor_file.to_bytes({"a": np.asfortranarray(wanted["a"])}, METADATA) == data


def test_what_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="expected metadata of str, found int for 'n'"):
        tensor_file.to_bytes({}, {"n": 1})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="expected a of a dtype of safetensors, found object"):
        tensor_file.to_bytes({"a": np.array([None])}, {})


@pytest.mark.parametrize(
    ("metadata", "error", "message"),
    [
        ({}, FormatError, "x: expected format 'test' in the metadata, found None"),
        ({"format": "pt"}, FormatError, "found 'pt'"),
        ({"format": "test"}, FormatError, "x: expected a version number, found ''"),
        ({"format": "test", "version": "1.0"}, FormatError, "a version number, found '1.0'"),
        (
            {"format": "test", "version": "3"},
            NewerVersionError,
            "x: expected a test of version 1 or 2, found '3'; a later eqinfo may read it",
        ),
    ],
)
def test_format_and_version(metadata: dict[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        KIND.parse(tensor_file.to_bytes({}, metadata), "x")


def test_files_that_are_too_long_are_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(bytes(10000))
    assert len(KIND.read(path)) == 4097
    with pytest.raises(FormatError, match="long: expected at most 4096 bytes, found more"):
        KIND.parse(KIND.read(path), path)
    assert len(FileKind("test", "a test", ("1",)).read(path)) == 10000


def test_other_content() -> None:
    data = tensor_file.to_bytes({"a": np.zeros(4, np.uint8)}, METADATA)
    for broken in (b"", data[:-1], data + b"x", b"\xff" * 64):
        with pytest.raises(FormatError, match="x: expected a safetensors file: "):
            KIND.parse(broken, "x")
    odd = {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}
    with pytest.raises(FormatError, match=r"x: expected a of dtype U64 or .*, found F8_E4M3"):
        KIND.parse(with_header(data, {"a": odd}), "x")
    empty = tensor_file.to_bytes({"a": np.zeros(0, np.uint8)}, METADATA)
    huge = {"dtype": "U8", "shape": [1 << 62, 0, 4], "data_offsets": [0, 0]}
    with pytest.raises(FormatError, match="x: expected a of a shape that fits in memory, found"):
        KIND.parse(with_header(empty, {"a": huge}), "x")


def headed(header: object, content: bytes = bytes(4)) -> bytes:
    """Return a file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


def entry(dtype: object = "U8", shape: object = (4,), offsets: object = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a header of 0 bytes, found 0 bytes in all"),
        (bytes(7), "expected a header of 0 bytes, found 7 bytes in all"),
        (b"\x05" + bytes(11), "expected a header of 5 bytes, found 12 bytes in all"),
        (headed(b"[" * 100_000), "expected a header of few levels, found very many"),
        (headed([1]), "expected an object as the header, found list"),
        (headed({"__metadata__": 5}), "expected metadata of strings, found 5"),
        (headed({"__metadata__": {"a": 5}}), "expected metadata of strings, found {'a': 5}"),
        (headed({"a": 5}), "expected dtype, shape and data_offsets of a, found 5"),
        (headed({"a": {"dtype": "U8"}}), "expected dtype, shape and data_offsets of a, found {"),
        (headed({"a": entry(offsets=[0])}), "expected dtype, shape and data_offsets of a, found"),
        (headed({"a": entry(dtype=8)}), "expected a dtype, a shape and offsets of a, found"),
        (headed({"a": entry(shape=4)}), "expected a dtype, a shape and offsets of a, found"),
        (headed({"a": entry(shape=[True, 4])}), "expected a dtype, a shape and offsets of a"),
        (headed({"a": entry(shape=[-4])}), "expected a dtype, a shape and offsets of a, found"),
        (headed({"a": entry(offsets=[0, 4.0])}), "expected a dtype, a shape and offsets of a"),
        (headed({"a": entry(offsets=[4, 0])}), "expected a dtype, a shape and offsets of a"),
        (headed({"a": entry(shape=[3])}), "expected a of 3 bytes from"),
        (headed({"a": entry(offsets=[1, 5])}, bytes(5)), "expected a of 4 bytes from"),
        (headed({"a": entry(), "b": entry()}), "expected b of 4 bytes from"),
        (headed({"a": entry()}, bytes(5)), "expected tensors of 5 bytes, found 4"),
        (headed({}), "expected tensors of 4 bytes, found 0"),
    ],
)
def test_headers_that_no_writer_writes(data: bytes, message: str) -> None:
    kind = FileKind("test", "a test", ("1",))
    with pytest.raises(FormatError, match=f"^x: expected a safetensors file: {re.escape(message)}"):
        kind.parse(data, "x")


def test_headers_are_of_a_mebibyte_at_most(tmp_path: Path) -> None:
    kind = FileKind("test", "a test", ("1",))
    message = "expected a header of at most 1048576 bytes, found 1048584"
    with pytest.raises(FormatError, match=f"^x: expected a safetensors file: {message}$"):
        kind.parse(headed(b" " * 1048584), "x")
    most = {**METADATA, "a": "b" * ((1 << 20) - 200)}
    data = tensor_file.to_bytes({"a": np.zeros(3)}, most)
    with pytest.raises(ValueError, match=r"^expected metadata and tensors with a header of at m"):
        tensor_file.to_bytes({"a": np.zeros(3)}, {**most, "b": "c" * 300})
    path = tmp_path / "file"
    for content, read in ((data, data), (headed(b" " * (1 << 21)), None)):
        path.write_bytes(content)
        # What may have no end is not read to it.
        found = read or content[: 8 + (1 << 20)]
        assert kind.read(path) == found
        assert kind.read_in_large_pages(path) == found
    assert tensor_file.format_of(path) is None


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    data = tensor_file.to_bytes({"a": np.arange(1000)}, METADATA)
    kind = FileKind("test", "a test", ("1",))
    for read in (kind.read, kind.read_in_large_pages):
        path = tmp_path / read.__name__
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=(data,))
        writer.start()
        assert read(path) == data
        writer.join()


def test_tensors_are_not_copied_unless_they_must_be() -> None:
    data = tensor_file.to_bytes({"a": np.arange(4, dtype=np.uint32)}, METADATA)
    array = KIND.parse(data, "x").tensors["a"]
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))
    end = 8 + int.from_bytes(data[:8], "little")
    odd = (end - 7).to_bytes(8, "little") + data[8:end] + b" " + data[end:]
    array = KIND.parse(odd, "x").tensors["a"]
    assert array.flags.aligned
    assert array.tolist() == [0, 1, 2, 3]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_headers_are_those_that_safetensors_takes(draw: st.DataObject) -> None:
    def accepted(parse: Callable[[bytes], object]) -> bool:
        try:
            parse(data)
        except (ValueError, safetensors.SafetensorError):
            return False
        return True

    arrays = {"a": np.zeros((2, 3), np.uint16), "b": np.zeros(4, np.uint8)}
    changed = bytearray(tensor_file.to_bytes(arrays, {"format": "x"}))
    size = int.from_bytes(changed[:8], "little")
    digits = [i for i in range(8, 8 + size) if chr(changed[i]).isdigit()]
    for place in draw.draw(st.lists(st.sampled_from(digits), max_size=2)):
        changed[place] = draw.draw(st.sampled_from(b"0123456789"))
    for place in draw.draw(st.lists(st.integers(0, len(changed) - 1), max_size=1)):
        changed[place] = draw.draw(st.integers(0, 255))
    data = bytes(changed)
    ours = accepted(lambda data: layout(data, {"U16": 2, "U8": 1}))
    if accepted(lambda data: safetensors.deserialize(data)):  # type: ignore[no-untyped-call]
        assert ours


def test_vectors_and_hashes() -> None:
    arrays = {"a": np.zeros(2, np.uint16), "b": np.zeros((1, 2), np.uint16)}
    file = KIND.parse(tensor_file.to_bytes(arrays, METADATA), "x")
    assert len(file.vector("a", "uint8", "uint16")) == 2
    with pytest.raises(FormatError, match=r"x: expected a tensor 'c', found \['a', 'b'\]"):
        file.vector("c", "uint8")
    with pytest.raises(FormatError, match=r"a of dtype uint8 or int8 and shape \(n,\), found uin"):
        file.vector("a", "uint8", "int8")
    with pytest.raises(FormatError, match=r"found uint16 of shape \(1, 2\)"):
        file.vector("b", "uint16")
    file.check_hash("hash", "abc", "content")
    with pytest.raises(ChecksumError, match="x: expected the hash abc of the content, found abd"):
        file.check_hash("hash", "abd", "content")


def test_format_of_any_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(tensor_file.to_bytes({}, METADATA))
    assert tensor_file.format_of(path) == "test"
    path.write_bytes(safetensors.numpy.save({}))
    assert tensor_file.format_of(path) is None
    for other in ([1], {"__metadata__": [1]}, {"__metadata__": {"format": 5}}, b"\xff"):
        path.write_bytes(headed(other))
        assert tensor_file.format_of(path) is None
    path.write_bytes(b"something else")
    assert tensor_file.format_of(path) is None
    with pytest.raises(FileNotFoundError):
        tensor_file.format_of(tmp_path / "none")
