"""Files of native models: tensor files with integer weights, which are checked before use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common import tensor_file
from eqinfo.common.files import atomic_output
from eqinfo.common.tensor_file import FileKind, Tensors
from eqinfo.errors import FormatError, UnsupportedError

FORMAT = "eqinfo-native-model"
VERSION = "1"
ARCHITECTURE = "hashed-rows-gated-average"
MAX_FILE_BYTES = 1 << 26
KIND = FileKind(FORMAT, "a native model", (VERSION,), MAX_FILE_BYTES)

ROW_TENSORS = tuple(f"rows.{k}" for k in range(len(_core.feature_rows())))
LAYERS = ("recurrent", "hidden", "output")
_DTYPES = {"weight": "int8", "bias": "int32", "shift": "uint8"}
TENSORS = dict.fromkeys(ROW_TENSORS, "uint8") | {
    f"{layer}.{part}": dtype for layer in LAYERS for part, dtype in _DTYPES.items()
}
"""The names and dtypes of a file's tensors; csrc/native_model.h describes them."""


def fingerprint(tensors: Tensors) -> str:
    """Return a hash of weights, architecture and version: 32 hexadecimal digits."""
    digest = hashlib.blake2b(f"{ARCHITECTURE} {VERSION}".encode(), digest_size=16)
    for name in TENSORS:
        array = tensors[name]
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def native_weights(tensors: Tensors) -> _core.NativeWeights:
    """Return checked weights for the C++ core.

    Raises:
        ValueError: a missing tensor, another dtype or shape, or a value out of range; says which.
    """
    for name, dtype in TENSORS.items():
        if name not in tensors:
            raise ValueError(f"expected a tensor {name!r}, found {sorted(tensors)}")
        if tensors[name].dtype != np.dtype(dtype):
            raise ValueError(f"expected {name} with dtype {dtype}, found {tensors[name].dtype}")
    ready = {name: np.ascontiguousarray(tensors[name]) for name in TENSORS}
    return _core.NativeWeights(
        [ready[name] for name in ROW_TENSORS],
        *(ready[f"{layer}.{part}"] for layer in LAYERS for part in _DTYPES),
    )


def to_bytes(tensors: Tensors, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a file; the same tensors and metadata give the same bytes."""
    return tensor_file.to_bytes(
        {name: tensors[name] for name in TENSORS},
        {
            **metadata,
            "format": FORMAT,
            "version": VERSION,
            "architecture": ARCHITECTURE,
            "fingerprint": fingerprint(tensors),
        },
    )


def write(path: str | os.PathLike[str], tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Write a file, atomically."""
    data = to_bytes(tensors, metadata)
    with atomic_output(path) as file:
        file.write(data)


def from_bytes(
    data: bytes, path: str | os.PathLike[str]
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the tensors and metadata in the bytes of a file; ``path`` is for messages.

    `native_weights` checks the tensors themselves.

    Raises:
        FormatError: truncated, or not the file of a native model.
        ChecksumError: the tensors are not those that were written.
        NewerVersionError, UnsupportedError: the file has another version or architecture.
    """
    file = KIND.parse(data, path)
    architecture = file.metadata.get("architecture")
    if architecture != ARCHITECTURE:
        raise UnsupportedError(
            f"{path}: expected a native model of architecture {ARCHITECTURE!r}, "
            f"found {architecture!r}"
        )
    if set(file.tensors) != set(TENSORS):
        raise FormatError(
            f"{path}: expected the tensors {list(TENSORS)}, found {sorted(file.tensors)}"
        )
    file.check_hash("fingerprint", fingerprint(file.tensors), "tensors")
    return file.tensors, file.metadata
