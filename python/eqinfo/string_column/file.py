"""Files of string columns: tensor files with ids, offsets, and the codebook if it is not bundled.

``docs/string_column.md`` has the format.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import xxhash
from numpy.typing import NDArray

from eqinfo.codebook.table import BUNDLED, Codebook, Ids, bundled_name
from eqinfo.common import tensor_file
from eqinfo.common.tensor_file import FileKind, TensorFile, Tensors
from eqinfo.errors import FormatError, ModelMismatchError

FORMAT = "eqinfo-string-column"
VERSION = "1"
KIND = FileKind(FORMAT, "a string column", (VERSION,))
Kind: TypeAlias = Literal["str", "bytes"]

_STEPS = ("uint8", "uint16", "uint32")


class FlatRows(NamedTuple):
    """Row i is ids[begin(i) : begin(i + 1)], where begin(i) = bases[i // 32] + steps[i].

    Attributes:
        ids: the ids of all rows, of the codebook's dtype, shape (n,).
        bases: int64, shape (rows // 32 + 1,).
        steps: uint8, uint16 or uint32, shape (rows + 1,).
    """

    ids: Ids
    bases: NDArray[np.int64]
    steps: NDArray[np.unsignedinteger[Any]]


Column: TypeAlias = tuple[Codebook, FlatRows, NDArray[np.bool_] | None, Kind]


def to_bytes(
    codebook: Codebook, rows: FlatRows, valid: NDArray[np.bool_] | None, kind: Kind
) -> bytes:
    """Return the bytes of a file; the same column gives the same bytes."""
    tensors: dict[str, NDArray[Any]] = dict(rows._asdict())
    if valid is not None:
        tensors["valid"] = np.packbits(valid, bitorder="little")
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "codebook": codebook.fingerprint,
    }
    name = bundled_name(codebook)
    if name is None:
        tensors["codebook"] = np.frombuffer(codebook.to_bytes(), np.uint8)
    else:
        metadata["bundled"] = name
    metadata["checksum"] = _checksum(tensors, metadata)
    return tensor_file.to_bytes(tensors, metadata)


def from_bytes(data: bytes, path: str | os.PathLike[str] = "column") -> Column:
    """Return the codebook, rows, validity and kind in the bytes of a file.

    `StringColumn` checks that the offsets and ids are valid.

    Args:
        data: the file's content.
        path: the file, for messages.

    Raises:
        FormatError: truncated, or not a column file.
        ChecksumError: the content is not what was written.
        ModelMismatchError: a bundled codebook that is another one in this version of the package.
        NewerVersionError: a later version of the format.
    """
    file = KIND.parse(data, path)
    metadata = {key: value for key, value in file.metadata.items() if key != "checksum"}
    file.check_hash("checksum", _checksum(file.tensors, metadata), "content")
    codebook = _codebook(file)
    rows = FlatRows(
        file.vector("ids", codebook.dtype.name),
        file.vector("bases", "int64"),
        file.vector("steps", *_STEPS),
    )
    valid = None
    if "valid" in file.tensors:
        bits = file.vector("valid", "uint8")
        count = len(rows.steps) - 1
        if len(bits) != (count + 7) // 8:
            raise FormatError(
                f"{path}: expected {(count + 7) // 8} bytes of valid bits for {count} rows, "
                f"found {len(bits)}"
            )
        valid = np.unpackbits(bits, count=count, bitorder="little").astype(np.bool_)
    return codebook, rows, valid, _kind(path, metadata.get("kind"))


def _kind(path: str | os.PathLike[str], found: str | None) -> Kind:
    if found == "str":
        return "str"
    if found == "bytes":
        return "bytes"
    raise FormatError(f"{path}: expected the kind 'str' or 'bytes', found {found!r}")


def _codebook(file: TensorFile) -> Codebook:
    name = file.metadata.get("bundled")
    if name is None:
        content = file.vector("codebook", "uint8").tobytes()
        codebook = Codebook.from_bytes(content, f"{file.path}, its codebook")
    elif name in BUNDLED:
        codebook = Codebook.bundled(name)
    else:
        raise ModelMismatchError(
            f"{file.path}: expected a bundled codebook among {', '.join(BUNDLED)}, found {name!r}"
        )
    expected = file.metadata.get("codebook")
    if codebook.fingerprint != expected:
        raise ModelMismatchError(
            f"{file.path}: expected the codebook {expected}, found {codebook.fingerprint}"
            f"{'' if name is None else f', the bundled {name!r}'}"
        )
    return codebook


def _checksum(tensors: Tensors, metadata: Mapping[str, str]) -> str:
    digest = xxhash.xxh3_128(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        array = tensors[name]
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{name} {array.dtype.name} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
