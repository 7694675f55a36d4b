"""Codebook files: tensor files with the nodes of a trie; docs/format.md defines them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.common import tensor_file
from eqinfo.common.tensor_file import FileKind
from eqinfo.errors import FormatError

FORMAT = "eqinfo-codebook"
VERSIONS = (1, 2, 3)
"""1: every node has an id, and align is "none"; 2: some nodes have no id, or align is "word"; 3:
align is "phrase"."""
Align: TypeAlias = Literal["none", "word", "phrase"]
"""Under "word", no string of a codebook crosses the end of a word (`eqinfo.word`). Under "phrase",
strings that do are sequences of whole words."""
# 2^20 strings take 5 MB; a much larger file is not a codebook and is not read.
MAX_FILE_BYTES = 1 << 26

KIND = FileKind(FORMAT, "a codebook", tuple(map(str, VERSIONS)), MAX_FILE_BYTES)


def as_align(align: object) -> Align:
    """Return ``align``, or raise ValueError if it is not an `Align`."""
    if align == "none" or align == "word" or align == "phrase":
        return align
    raise ValueError(f"expected align of 'none', 'word' or 'phrase', found {align!r}")


def identity(
    depth: NDArray[np.uint32], symbol: NDArray[np.uint8], end: NDArray[np.bool_], align: str
) -> dict[str, str]:
    """Return the metadata that follow from the arrays.

    The fingerprint, 32 hexadecimal digits, hashes everything that the ids depend on: version,
    window_bits, align and the arrays.
    """
    version = 3 if align == "phrase" else 1 if align == "none" and end.all() else 2
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
    """Return the bytes of a file; the same codebook gives the same bytes."""
    narrowest = np.min_scalar_type(int(depth.max()))
    tensors: dict[str, NDArray[Any]] = {"depth": depth.astype(narrowest), "symbol": symbol}
    if metadata["version"] != "1":
        tensors["end"] = end
    return tensor_file.to_bytes(tensors, {**metadata, "checksum": _checksum(metadata)})


def from_bytes(
    data: bytes, path: str | os.PathLike[str]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.bool_], Align, dict[str, str]]:
    """Return depth, symbol, end, align and metadata from the bytes of a file.

    `Codebook` checks that the arrays are a trie.

    Args:
        data: the file's content.
        path: the file, for messages.

    Raises:
        FormatError: truncated, or not a codebook file.
        ChecksumError: the content is not what was written.
        NewerVersionError: a later version.
    """
    file = KIND.parse(data, path)
    metadata = {key: value for key, value in file.metadata.items() if key != "checksum"}
    file.check_hash("checksum", _checksum(metadata), "metadata")
    depth = file.vector("depth", "uint8", "uint16", "uint32").astype(np.uint32)
    symbol = file.vector("symbol", "uint8")
    names = {"depth", "symbol"} if metadata["version"] == "1" else {"depth", "symbol", "end"}
    if set(file.tensors) != names or len(depth) != len(symbol) or len(depth) == 0:
        raise FormatError(
            f"{path}: expected {', '.join(sorted(names))} of the same length, found "
            f"{ {name: array.shape for name, array in file.tensors.items()} }"
        )
    end = np.ones(len(depth), np.bool_)
    if "end" in names:
        end = file.vector("end", "bool")
        # A file can hold any byte where NumPy has only 0 and 1.
        if len(end) != len(depth) or end.view(np.uint8).max() > 1:
            raise FormatError(
                f"{path}: expected {len(depth)} ends of 0 or 1, found {len(end)} of at most "
                f"{end.view(np.uint8).max(initial=0)}"
            )
    try:
        align = as_align(metadata.get("align", "none"))
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    if (metadata["version"] == "3") != (align == "phrase"):
        raise FormatError(
            f"{path}: expected align of 'phrase' in version 3 alone, found {align!r} in version "
            f"{metadata['version']}"
        )
    file.check_hash("fingerprint", identity(depth, symbol, end, align)["fingerprint"], "strings")
    return depth, symbol, end, align, metadata


def _checksum(metadata: Mapping[str, str]) -> str:
    text = json.dumps(sorted(metadata.items()), separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
