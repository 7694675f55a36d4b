"""Tensor files: safetensors whose metadata names a format and a version.

Codebooks, string columns and models are stored this way. A stage declares its `FileKind` and checks
only what is its own: which tensors there are, and what they say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.named import named
from eqinfo.common.tensor_layout import SIZE_BYTES, Data, Place, header_bytes, layout
from eqinfo.errors import ChecksumError, FormatError, NewerVersionError

Tensors = Mapping[str, NDArray[Any]]

# The byte order in a file is little-endian on every machine. Tensors are written in the order of
# this table, then by name, as safetensors itself writes them: every tensor is aligned.
_DTYPES: dict[str, np.dtype[Any]] = {
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "C64": np.dtype("<c8"),
    "F32": np.dtype("<f4"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F16": np.dtype("<f2"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_RANKS = {name: rank for rank, name in enumerate(_DTYPES)}
_ITEM_BYTES = {name: dtype.itemsize for name, dtype in _DTYPES.items()}
_HEADER_ALIGNMENT = 8
FORMAT_PREFIX = "eqinfo-"
"""What the names of our formats begin with."""
MAX_HEADER_BYTES = 1 << 20
"""Of the header. Ours have a few thousand bytes; the tensors of a longer one would take memory."""


@dataclass(frozen=True)
class TensorFile:
    """The content of a tensor file.

    Attributes:
        path: the file, for messages.
        tensors: by name, in the machine's byte order.
        metadata: all of it, "format" and "version" included.
    """

    path: str
    tensors: dict[str, NDArray[Any]]
    metadata: dict[str, str]

    def vector(self, name: str, *dtypes: str) -> NDArray[Any]:
        """Return a tensor of shape (n,) and one of the dtypes.

        Raises:
            FormatError: there is no such tensor, or it has another dtype or shape.
        """
        array = self.tensors.get(name)
        if array is None:
            raise FormatError(
                f"{self.path}: expected a tensor {name!r}, found {sorted(self.tensors)}"
            )
        if array.ndim != 1 or array.dtype.name not in dtypes:
            raise FormatError(
                f"{self.path}: expected {name} of dtype {' or '.join(dtypes)} and shape (n,), "
                f"found {array.dtype} of shape {array.shape}"
            )
        return array

    def check_hash(self, key: str, found: str, content: str) -> None:
        """Compare a hash in the metadata with the hash of the content that was read.

        Raises:
            ChecksumError: they differ.
        """
        expected = self.metadata.get(key)
        if expected != found:
            raise ChecksumError(
                f"{self.path}: expected the {key} {expected} of the {content}, found {found}"
            )


@dataclass(frozen=True)
class FileKind:
    """What all files of one kind have in common.

    Attributes:
        format: the metadata's entry "format".
        noun: what such a file holds, for messages.
        versions: the entries "version" that this release reads.
        max_bytes: longer files are refused; None for no limit.
    """

    format: str
    noun: str
    versions: tuple[str, ...]
    max_bytes: int | None = None

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """Read a file, or only its beginning, which `parse` then refuses.

        Raises:
            OSError: the file cannot be read.
        """
        with open(path, "rb") as file, named(path):
            return self._read(file)

    def read_in_large_pages(self, path: str | os.PathLike[str]) -> memoryview:
        """As `read`, for tensors that are read again and again, into memory of large pages."""
        with open(path, "rb") as file, named(path):
            if file.seekable():
                size = header_bytes(file.read(SIZE_BYTES))
                file.seek(0)
                if 0 < size <= MAX_HEADER_BYTES:
                    return _read_all(file)
            return memoryview(self._read(file))

    def _read(self, file: BufferedReader) -> bytes:
        if self.max_bytes is not None:
            return file.read(self.max_bytes + 1)
        head = file.read(SIZE_BYTES + MAX_HEADER_BYTES)
        sound = 0 < header_bytes(head) <= MAX_HEADER_BYTES
        if not sound:
            return head  # of what may have no end
        if not file.seekable():
            return head + file.read()
        file.seek(0)  # joining the parts would take twice the memory
        return file.read()

    def parse(self, data: Data, path: str | os.PathLike[str]) -> TensorFile:
        """Return the tensors and metadata in the bytes of a file; ``path`` is for messages.

        Raises:
            FormatError: too long, truncated, not safetensors, of another format, or a version that
                is not a number.
            NewerVersionError: a version that this release does not read.
        """
        name = os.fspath(path)
        if self.max_bytes is not None and len(data) > self.max_bytes:
            raise FormatError(f"{name}: expected at most {self.max_bytes} bytes, found more")
        size = header_bytes(data)
        if size > MAX_HEADER_BYTES:
            raise FormatError(
                f"{name}: expected a safetensors file: expected a header of at most "
                f"{MAX_HEADER_BYTES} bytes, found {size}"
            )
        try:
            metadata, places = layout(data, _ITEM_BYTES)
        except ValueError as error:
            raise FormatError(f"{name}: expected a safetensors file: {error}") from None
        self._check(name, metadata)
        tensors = {key: _array(name, key, data, place) for key, place in places.items()}
        return TensorFile(name, tensors, metadata)

    def _check(self, path: str, metadata: Mapping[str, str]) -> None:
        if metadata.get("format") != self.format:
            raise FormatError(
                f"{path}: expected format {self.format!r} in the metadata, "
                f"found {metadata.get('format')!r}"
            )
        version = metadata.get("version", "")
        if not (version.isascii() and version.isdigit()):
            raise FormatError(f"{path}: expected a version number, found {version!r}")
        if version not in self.versions:
            raise NewerVersionError(
                f"{path}: expected {self.noun} of version {' or '.join(self.versions)}, "
                f"found {version!r}; a later eqinfo may read it"
            )


def to_bytes(tensors: Tensors, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a file; the same tensors and metadata give the same bytes.

    Raises:
        TypeError: a metadata value that is not a str, or a dtype that safetensors does not have.
        ValueError: more metadata than are read again, `MAX_HEADER_BYTES` with the tensors' names.
    """
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise TypeError(f"expected metadata of str, found {type(value).__name__} for {key!r}")
    arrays = {name: _little_endian(name, array) for name, array in tensors.items()}
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    order = sorted(arrays, key=lambda name: (_RANKS[_NAMES[arrays[name].dtype]], name))
    offset = 0
    for name in order:
        array = arrays[name]
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _HEADER_ALIGNMENT)
    if len(text) > MAX_HEADER_BYTES:
        raise ValueError(
            f"expected metadata and tensors with a header of at most {MAX_HEADER_BYTES} bytes, "
            f"found {len(text)}"
        )
    size = len(text).to_bytes(SIZE_BYTES, "little")
    return b"".join([size, text, *(arrays[name].tobytes() for name in order)])


def _little_endian(name: str, array: NDArray[Any]) -> NDArray[Any]:
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _NAMES:
        raise TypeError(f"expected {name} of a dtype of safetensors, found {array.dtype}")
    return np.asarray(array, dtype, order="C")


def format_of(path: str | os.PathLike[str]) -> str | None:
    """Return the metadata's entry "format" of a file; None where there is none.

    Raises:
        OSError: the file cannot be read.
    """
    return metadata_of(path).get("format")


def metadata_of(path: str | os.PathLike[str]) -> Mapping[str, str]:
    """Return the metadata of a file without reading its tensors; empty if it is of another kind.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file, named(path):
        size = header_bytes(file.read(SIZE_BYTES))
        header = file.read(min(size, MAX_HEADER_BYTES))
    try:
        found = json.loads(header)["__metadata__"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    if not isinstance(found, dict) or not all(isinstance(x, str) for x in found.values()):
        return {}
    return found


def _read_all(file: BufferedReader) -> memoryview:
    """Return the rest of a file in the memory of an array, for which NumPy asks for large pages.

    A model reads all its weights in every step. From pages of 4 KiB that took up to 1.7 times as
    long.
    """
    array = np.empty(os.fstat(file.fileno()).st_size, np.uint8)
    data = array.data[: file.readinto(array.data)].toreadonly()
    more = file.read()  # of what has no size, or has grown
    return memoryview(data.tobytes() + more) if more else data


def _array(path: str, name: str, data: Data, place: Place) -> NDArray[Any]:
    """Return a tensor: a view of ``data``, or a copy if its numbers would not be aligned."""
    dtype = _DTYPES.get(place.dtype)
    if dtype is None:
        raise FormatError(
            f"{path}: expected {name} of dtype {' or '.join(_DTYPES)}, found {place.dtype}"
        )
    view = memoryview(data)[place.begin : place.end]
    try:
        array = np.frombuffer(view, dtype).reshape(place.shape)
    except (ValueError, OverflowError) as error:
        # Empty tensors may have any other dimensions.
        raise FormatError(
            f"{path}: expected {name} of a shape that fits in memory, found {list(place.shape)}: "
            f"{error}"
        ) from None
    native: NDArray[Any] = array.astype(dtype.newbyteorder("="), copy=not array.flags.aligned)
    return native
