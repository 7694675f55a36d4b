"""Files of native models: safetensors with integer tensors, which are checked before use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common import tensor_file
from eqinfo.common.files import atomic_output
from eqinfo.errors import ChecksumError, FormatError, UnsupportedError

FORMAT = "eqinfo-native-model"
VERSION = "1"
ARCHITECTURE = "hashed-rows-gated-average"
MAX_FILE_BYTES = 1 << 26

ROW_TENSORS = tuple(f"rows.{k}" for k in range(len(_core.feature_rows())))
LAYERS = ("recurrent", "hidden", "output")
_DTYPES = {"weight": "int8", "bias": "int32", "shift": "uint8"}
TENSORS = dict.fromkeys(ROW_TENSORS, "uint8") | {
    f"{layer}.{part}": dtype for layer in LAYERS for part, dtype in _DTYPES.items()
}
"""Names and dtypes of a file's tensors; csrc/native_model.h says what they are."""

Tensors = Mapping[str, NDArray[Any]]


def fingerprint(tensors: Tensors) -> str:
    """Return a hash of the weights and of the name of their arithmetic."""
    digest = hashlib.blake2b(f"{ARCHITECTURE} {VERSION}".encode(), digest_size=16)
    for name in TENSORS:
        array = tensors[name]
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def native_weights(tensors: Tensors) -> _core.NativeWeights:
    """Check the tensors and return them in native form.

    Raises:
        ValueError: a tensor is missing, or its dtype, shape or values are not allowed; the message
            names it.
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
    """Return the content of a file with these tensors and metadata."""
    return safetensors.numpy.save(
        {name: np.ascontiguousarray(tensors[name]) for name in TENSORS},
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


def read(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file; of one that is too long, enough for `from_bytes` to say so.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def from_bytes(
    data: bytes, path: str | os.PathLike[str]
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the tensors and metadata of a file's content; ``path`` is named in messages.

    Raises:
        FormatError: the content is truncated or is not a native model.
        ChecksumError: the tensors are not those that were written.
        UnsupportedError: the file has another version or architecture.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(
            f"{path}: expected a native model of at most {MAX_FILE_BYTES} bytes, found more"
        )
    tensors, metadata = tensor_file.parse(data, path, FORMAT)
    for key, expected in (("version", VERSION), ("architecture", ARCHITECTURE)):
        if metadata.get(key) != expected:
            raise UnsupportedError(
                f"{path}: expected a native model with {key} {expected!r}, "
                f"found {metadata.get(key)!r}"
            )
    if set(tensors) != set(TENSORS):
        raise FormatError(f"{path}: expected the tensors {list(TENSORS)}, found {sorted(tensors)}")
    found = fingerprint(tensors)
    if metadata.get("fingerprint") != found:
        raise ChecksumError(
            f"{path}: expected the fingerprint {metadata.get('fingerprint')}, found {found}"
        )
    return tensors, metadata
