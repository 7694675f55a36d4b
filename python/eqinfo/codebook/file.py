"""Codebook files: safetensors with two tensors, and everything else as metadata."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import safetensors
from numpy.typing import NDArray

from eqinfo.errors import ChecksumError, FormatError, UnsupportedError

FORMAT = "eqinfo-codebook"
VERSIONS = (1, 2)
"""1: all nodes have ids, and strings may cross words; 2: some have not, or align is "word"."""
Align: TypeAlias = Literal["none", "word"]
"""word: no string of the codebook crosses the end of a word (`eqinfo.word`)."""
# 2^20 strings take 5 MB; what is much larger is no codebook, and is not read.
MAX_FILE_BYTES = 1 << 26

_DTYPES = {"U8": "<u1", "U16": "<u2", "U32": "<u4", "BOOL": "<u1"}


def as_align(align: object) -> Align:
    """Return ``align``, or raise ValueError where it is none."""
    if align == "none" or align == "word":
        return align
    raise ValueError(f"expected align of 'none' or 'word', found {align!r}")


def identity(
    depth: NDArray[np.uint32], symbol: NDArray[np.uint8], end: NDArray[np.bool_], align: str
) -> dict[str, str]:
    """Return the metadata that follow from the arrays.

    The fingerprint hashes what decides about ids: version, window_bits, align and node arrays; 32
    hexadecimal digits.
    """
    version = 1 if align == "none" and end.all() else 2
    window_bits = int(end.sum()).bit_length() - 1
    head = f"{FORMAT} {version} {window_bits}" + (f" {align}" if version > 1 else "")
    digest = hashlib.blake2b(f"{head}\n".encode(), digest_size=16)
    digest.update(depth.astype("<u4").tobytes())
    digest.update(symbol.tobytes())
    if version > 1:
        digest.update(end.tobytes())
    return {
        "format": FORMAT,
        "version": str(version),
        "window_bits": str(window_bits),
        "max_length": str(depth.max()),
        "fingerprint": digest.hexdigest(),
        **({"align": align} if version > 1 else {}),
    }


def to_bytes(
    depth: NDArray[np.uint32],
    symbol: NDArray[np.uint8],
    end: NDArray[np.bool_],
    metadata: Mapping[str, str],
) -> bytes:
    """Return what a file holds; the same codebook gives the same bytes."""
    deepest = int(depth.max())
    name = "U8" if deepest < 1 << 8 else "U16" if deepest < 1 << 16 else "U32"
    tensors = {"depth": (name, depth.astype(_DTYPES[name])), "symbol": ("U8", symbol)}
    if metadata["version"] != "1":
        tensors["end"] = ("BOOL", end)
    header: dict[str, Any] = {
        "__metadata__": dict(sorted({**metadata, "checksum": _checksum(metadata)}.items()))
    }
    offset = 0
    for tensor, (dtype, array) in tensors.items():
        offsets = [offset, offset + array.nbytes]
        header[tensor] = {"dtype": dtype, "shape": [len(array)], "data_offsets": offsets}
        offset = offsets[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    arrays = [array.tobytes() for _, array in tensors.values()]
    return b"".join([len(text).to_bytes(8, "little"), text, *arrays])


def read(path: str | os.PathLike[str]) -> bytes:
    """Read a file, or what is too much of one; OSError where there is none."""
    with Path(path).open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def from_bytes(
    data: bytes, path: str | os.PathLike[str]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.bool_], Align, dict[str, str]]:
    """Return depth, symbol, end, align and metadata of what a file holds; ``path`` is for messages.

    Whether the arrays are a trie is for `Codebook` to check.

    Raises:
        FormatError: truncated, or not a codebook file.
        ChecksumError: the content is not what was written.
        UnsupportedError: a later version.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(f"{path}: expected at most {MAX_FILE_BYTES} bytes, found more")
    try:
        tensors = dict(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
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
    depth = _vector(path, tensors, "depth", ("U8", "U16", "U32")).astype(np.uint32)
    symbol = _vector(path, tensors, "symbol", ("U8",))
    names = {"depth", "symbol"} if metadata["version"] == "1" else {"depth", "symbol", "end"}
    if set(tensors) != names or len(depth) != len(symbol) or len(depth) == 0:
        raise FormatError(
            f"{path}: expected {', '.join(sorted(names))} of the same length, found "
            f"{ {name: tensor['shape'] for name, tensor in tensors.items()} }"
        )
    end = np.ones(len(depth), np.bool_)
    if "end" in names:
        flags = _vector(path, tensors, "end", ("BOOL",))
        if len(flags) != len(depth) or flags.max() > 1:
            raise FormatError(f"{path}: expected {len(depth)} ends of 0 or 1, found others")
        end = flags.astype(np.bool_)
    try:
        align = as_align(metadata.get("align", "none"))
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    written = metadata.get("fingerprint")
    found = identity(depth, symbol, end, align)["fingerprint"]
    if written != found:
        raise ChecksumError(f"{path}: expected the fingerprint {written}, found {found}")
    stored = {key: value for key, value in metadata.items() if key != "checksum"}
    return depth, symbol, end, align, stored


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
    if version not in map(str, VERSIONS):
        raise UnsupportedError(
            f"{path}: expected codebook version {' or '.join(map(str, VERSIONS))}, "
            f"found {version}; a later eqinfo reads it"
        )


def _vector(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Mapping[str, Any]],
    name: str,
    dtypes: tuple[str, ...],
) -> NDArray[Any]:
    if name not in tensors:
        raise FormatError(f"{path}: expected a tensor {name!r}, found {sorted(tensors)}")
    tensor = tensors[name]
    dtype, shape = tensor["dtype"], tensor["shape"]
    if dtype not in dtypes or len(shape) != 1:
        raise FormatError(
            f"{path}: expected {name} of dtype {' or '.join(dtypes)} and shape (n,), "
            f"found {dtype} of shape {shape}"
        )
    return np.frombuffer(tensor["data"], _DTYPES[dtype])
