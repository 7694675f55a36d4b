"""Files of transformers: tensor files with integer weights and the bytes of every symbol."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common import tensor_file
from eqinfo.common.files import atomic_output
from eqinfo.common.tensor_file import FileKind, TensorFile, Tensors
from eqinfo.common.tensor_layout import Data
from eqinfo.errors import FormatError

FORMAT = "eqinfo-transformer"
ARITHMETIC_VERSION = "1"
VERSION = "2"  # of the file; 1 had no checksum of the metadata
KIND = FileKind(FORMAT, "a transformer", ("1", VERSION))
CHECKSUM = "checksum"
PIECES = "pieces"
PIECE_ENDS = "piece_ends"
TOKENIZER = "tokenizer"


def fingerprint(tensors: Tensors) -> str:
    """Return a hash of all tensors and the arithmetic's version: 32 hexadecimal digits."""
    digest = hashlib.blake2b(f"{FORMAT} {ARITHMETIC_VERSION}".encode(), digest_size=16)
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.name} {array.shape}".encode())
        ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(ordered.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def write(path: str | os.PathLike[str], tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Write a file, atomically."""
    data = to_bytes(tensors, metadata)
    with atomic_output(path) as file:
        file.write(data)


def to_bytes(tensors: Tensors, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a file."""
    complete = {
        **metadata,
        "format": FORMAT,
        "version": VERSION,
        "fingerprint": fingerprint(tensors),
    }
    complete[CHECKSUM] = _checksum(complete)
    return tensor_file.to_bytes(tensors, complete)


def read(path: str | os.PathLike[str]) -> TensorFile:
    """Read a file; as `parse`.

    Raises:
        EqInfoError: as `parse`.
        OSError: the file cannot be read.
    """
    return parse(KIND.read_in_large_pages(path), path)


def parse(data: Data, path: str | os.PathLike[str]) -> TensorFile:
    """Return the content of a file, compared with its fingerprint and checksum.

    Args:
        data: the file's bytes.
        path: its name, for messages.

    Raises:
        FormatError: truncated, or not the file of a transformer.
        ChecksumError: the tensors or metadata are not those that were written.
        NewerVersionError: the file has another version.
    """
    file = KIND.parse(data, path)
    file.check_hash("fingerprint", fingerprint(file.tensors), "tensors")
    if file.metadata["version"] != "1":
        file.check_hash(CHECKSUM, _checksum(file.metadata), "metadata")
    return file


def _checksum(metadata: Mapping[str, str]) -> str:
    """Return a hash of all metadata but itself: 32 hexadecimal digits."""
    rest = sorted((key, value) for key, value in metadata.items() if key != CHECKSUM)
    return hashlib.blake2b(json.dumps(rest).encode(), digest_size=16).hexdigest()


def piece_tensors(pieces: Sequence[bytes | None], tokenizer: str) -> dict[str, NDArray[Any]]:
    """Return the tensors that say what bytes symbols stand for, and how text becomes symbols.

    Args:
        pieces: the bytes of each symbol; None or no bytes for one that stands for no text.
        tokenizer: the JSON of a tokenizer of the package ``tokenizers``.
    """
    parts = [piece or b"" for piece in pieces]
    return {
        PIECES: np.frombuffer(b"".join(parts), np.uint8),
        PIECE_ENDS: np.cumsum([len(part) for part in parts], dtype=np.int64),
        TOKENIZER: np.frombuffer(tokenizer.encode(), np.uint8),
    }


def pieces_of(tensors: Tensors, alphabet: int) -> list[bytes | None]:
    """Return the bytes of each symbol, None for one that stands for no text.

    Raises:
        ValueError: they are not in the tensors, or not those of ``alphabet`` symbols.
    """
    data, ends = _vector(tensors, PIECES, "uint8"), _vector(tensors, PIECE_ENDS, "int64")
    sizes = np.diff(ends, prepend=0)
    if len(ends) != alphabet or (sizes < 0).any() or ends[-1] != len(data):
        raise ValueError(
            f"expected {PIECE_ENDS} of {alphabet} rising offsets up to {len(data)}, found "
            f"{len(ends)}, the last {int(ends[-1]) if len(ends) else None}"
        )
    text = data.tobytes()
    return [text[end - size : end] or None for end, size in zip(ends, sizes, strict=True)]


def tokenizer_of(tensors: Tensors) -> str:
    """Return the JSON of the tokenizer.

    Raises:
        ValueError: it is not in the tensors, or not UTF-8.
    """
    return _vector(tensors, TOKENIZER, "uint8").tobytes().decode()


def _vector(tensors: Tensors, name: str, dtype: str) -> NDArray[Any]:
    try:
        return TensorFile("model", dict(tensors), {}).vector(name, dtype)
    except FormatError as error:
        raise ValueError(str(error)) from None
