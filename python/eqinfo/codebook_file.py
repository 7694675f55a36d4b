"""Codebook files: safetensors with the tensors ``depth`` and ``symbol`` and everything else as metadata."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
from numpy.typing import NDArray

from eqinfo.errors import ChecksumError, FormatError, UnsupportedError
from eqinfo.files import atomic_output

FORMAT = "eqinfo-codebook"
VERSION = 1
# 2^20 strings take 5 MB; what is much larger is no codebook, and is not read.
MAX_FILE_BYTES = 1 << 26

_DTYPES = {"U8": np.dtype("<u1"), "U16": np.dtype("<u2"), "U32": np.dtype("<u4")}


def fingerprint(depth: NDArray[np.uint32], symbol: NDArray[np.uint8]) -> str:
    """Hash what decides about ids: version, window_bits and the node arrays. 32 hexadecimal digits."""
    window_bits = len(depth).bit_length() - 1
    digest = hashlib.blake2b(f"{FORMAT} {VERSION} {window_bits}\n".encode(), digest_size=16)
    digest.update(depth.astype("<u4").tobytes())
    digest.update(symbol.tobytes())
    return digest.hexdigest()


def write(
    path: str | os.PathLike[str],
    depth: NDArray[np.uint32],
    symbol: NDArray[np.uint8],
    metadata: Mapping[str, str],
) -> None:
    """Write a file, atomically; the same codebook gives the same bytes."""
    deepest = int(depth.max())
    name = next(name for name, dtype in _DTYPES.items() if deepest <= np.iinfo(dtype).max)
    stored = depth.astype(_DTYPES[name])
    header = {
        "__metadata__": dict(sorted({**metadata, "checksum": _checksum(metadata)}.items())),
        "depth": {"dtype": name, "shape": [len(depth)], "data_offsets": [0, stored.nbytes]},
        "symbol": {
            "dtype": "U8",
            "shape": [len(symbol)],
            "data_offsets": [stored.nbytes, stored.nbytes + symbol.nbytes],
        },
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_output(path) as file:
        file.write(len(text).to_bytes(8, "little") + text + stored.tobytes() + symbol.tobytes())


def read(
    path: str | os.PathLike[str],
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], dict[str, str]]:
    """Read a file: depth, symbol and metadata, checked against each other except for the trie itself.

    Raises:
        FormatError: truncated, or not a codebook file.
        ChecksumError: the content is not what was written.
        UnsupportedError: a later version.
        OSError: no such file.
    """
    with Path(path).open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(f"{path}: expected at most {MAX_FILE_BYTES} bytes, found more")
    try:
        tensors = dict(safetensors.deserialize(data))
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (safetensors.SafetensorError, ValueError) as error:
        raise FormatError(f"{path}: expected a safetensors file, found {error}") from None
    metadata = header.get("__metadata__") or {}
    _check_version(path, metadata)
    found = _checksum({key: value for key, value in metadata.items() if key != "checksum"})
    if metadata.get("checksum") != found:
        raise ChecksumError(
            f"{path}: expected metadata with the checksum {metadata.get('checksum')}, found {found}"
        )
    depth = _vector(path, tensors, "depth", tuple(_DTYPES)).astype(np.uint32)
    symbol = _vector(path, tensors, "symbol", ("U8",))
    if len(tensors) != 2 or len(depth) != len(symbol):
        raise FormatError(
            f"{path}: expected depth and symbol of the same length, found "
            f"{ {name: tensor['shape'] for name, tensor in tensors.items()} }"
        )
    written = metadata.get("fingerprint")
    found = fingerprint(depth, symbol)
    if written != found:
        raise ChecksumError(f"{path}: expected the fingerprint {written}, found {found}")
    return depth, symbol, {key: value for key, value in metadata.items() if key != "checksum"}


def _checksum(metadata: Mapping[str, str]) -> str:
    text = json.dumps(sorted(metadata.items()), separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _check_version(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise FormatError(
            f"{path}: expected format {FORMAT!r} in the metadata, found {metadata.get('format')!r}"
        )
    version = metadata.get("version", "")
    if not (version.isascii() and version.isdigit()):
        raise FormatError(f"{path}: expected a version number, found {version!r}")
    if version != str(VERSION):
        raise UnsupportedError(
            f"{path}: expected codebook version {VERSION}, found {version}; a later eqinfo reads it"
        )


def _vector(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Mapping[str, object]],
    name: str,
    dtypes: tuple[str, ...],
) -> NDArray[np.uint8]:
    if name not in tensors:
        raise FormatError(f"{path}: expected a tensor {name!r}, found {sorted(tensors)}")
    tensor = tensors[name]
    dtype, shape, data = tensor["dtype"], tensor["shape"], tensor["data"]
    if dtype not in dtypes or not isinstance(shape, list) or len(shape) != 1:
        raise FormatError(
            f"{path}: expected {name} of dtype {' or '.join(dtypes)} and shape (n,), "
            f"found {dtype} of shape {shape}"
        )
    assert isinstance(data, bytes | bytearray)
    return np.frombuffer(bytes(data), _DTYPES[str(dtype)])
