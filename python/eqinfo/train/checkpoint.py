"""Checkpoint files: what PyTorch saves, after a magic number and a checksum.

PyTorch loads a file with a flipped bit without complaint, as other weights. So the checksum is
compared before PyTorch sees the content.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from typing import Any, BinaryIO

import numpy as np
import torch

from eqinfo.common.files import atomic_output
from eqinfo.common.named import named
from eqinfo.container.magic import CHECKPOINT_MAGIC
from eqinfo.errors import ChecksumError, FormatError, NewerVersionError

CHECKPOINT_VERSION = 2
"""Magic number, checksum, what PyTorch saved. Version 1 had neither of the first two."""
_DIGEST_BYTES = 16
_READ_BYTES = 1 << 20
_PYTORCH_MAGIC = b"PK\x03\x04"  # PyTorch saves zip files
_OF_THE_RUN = ("key", "run", "tokens")
"""What determines a run, by the kinds of runs."""
_WHAT_TO_DO = "resume from a copy of it, or start again"


class _Hashed:
    """A file open for writing that hashes what is written to it.

    Attributes:
        digest: of the bytes so far.
        error: what writing has raised, Ctrl-C included; PyTorch raises a RuntimeError instead.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.digest = _new_digest()
        self.error: BaseException | None = None
        self._file = file

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        try:
            return self._file.write(data)
        except BaseException as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def write_checkpoint(path: str | os.PathLike[str], kind: str, content: dict[str, Any]) -> None:
    """Write a checkpoint atomically.

    Args:
        path: the file.
        kind: identifies the kind of run; `read_checkpoint` asks for it.
        content: tensors, numbers, strings, lists, tuples and dictionaries by name; NumPy's numbers
            become Python's. The names "format" and "version" are taken.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_output(path) as file:
        file.write(CHECKPOINT_MAGIC + bytes(_DIGEST_BYTES))
        hashed = _Hashed(file)
        try:
            torch.save(
                {"format": kind, "version": CHECKPOINT_VERSION, **_without_numpy(content)}, hashed
            )
        except RuntimeError:
            if hashed.error is None:
                raise
            raise hashed.error from None
        file.seek(len(CHECKPOINT_MAGIC))
        file.write(hashed.digest.digest())


def _without_numpy(value: Any) -> Any:
    """Replace NumPy's numbers, which PyTorch saves but does not load, by Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is dict:
        return {name: _without_numpy(one) for name, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_without_numpy, value))
    return value


def read_checkpoint(
    path: str | os.PathLike[str], kind: str, device: str | None = None
) -> dict[str, Any]:
    """Return the content of a checkpoint.

    Args:
        path: the file.
        kind: the kind of run that must have written it.
        device: where tensors go; by default to the devices that they were saved from.

    Raises:
        FormatError: the file is not a checkpoint of this kind of run.
        ChecksumError: the file is truncated or altered.
        NewerVersionError: the checkpoint has another version.
        OSError: the file cannot be read.
    """
    content = _content(path, device)
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if found != kind:
        raise FormatError(
            f"{path}: expected a training checkpoint with format {kind!r}, found {found!r}; give "
            "another file"
        )
    if content["version"] != CHECKPOINT_VERSION:
        raise NewerVersionError(
            f"{path}: expected a training checkpoint of version {CHECKPOINT_VERSION}, found "
            f"version {content['version']}; a later eqinfo may read it"
        )
    return dict(content)


def describe_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the numbers and words of a checkpoint of any kind: its format, run and steps.

    Raises:
        FormatError, ChecksumError, OSError: as `read_checkpoint`.
    """
    content = _content(path, "cpu")
    found = {"format": "a training checkpoint", **(content if isinstance(content, dict) else {})}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, str | int | float) or name in _OF_THE_RUN
    }


def _content(path: str | os.PathLike[str], device: str | None) -> Any:
    with named(path), open(path, "rb") as file:
        _check(path, file)
        # In memory, because PyTorch may hide that reading fails.
        return _load(path, io.BytesIO(file.read()), device)


def _check(path: str | os.PathLike[str], file: BinaryIO) -> None:
    """Compare magic number and checksum, and leave the file at the beginning of the content."""
    magic = file.read(len(CHECKPOINT_MAGIC))
    if magic.startswith(_PYTORCH_MAGIC):
        raise FormatError(
            f"{path}: expected a training checkpoint with a checksum, found a PyTorch file "
            "without one, as eqinfo wrote them before; finish the run with the eqinfo that began "
            "it, or start again"
        )
    if magic != CHECKPOINT_MAGIC[: len(magic)] or not magic:
        raise FormatError(
            f"{path}: expected a training checkpoint, which begins with {CHECKPOINT_MAGIC!r}, "
            f"found {magic!r}; {_WHAT_TO_DO}"
        )
    expected = file.read(_DIGEST_BYTES)
    digest = _new_digest()
    while data := file.read(_READ_BYTES):
        digest.update(data)
    if digest.digest() != expected:
        raise ChecksumError(
            f"{path}: expected a training checkpoint with the checksum {expected.hex()}, "
            f"found {digest.hexdigest()}: the file is truncated or altered; {_WHAT_TO_DO}"
        )
    file.seek(len(CHECKPOINT_MAGIC) + _DIGEST_BYTES)


def _load(path: str | os.PathLike[str], file: BinaryIO, device: str | None) -> Any:
    try:
        return torch.load(file, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise FormatError(
            f"{path}: expected a training checkpoint, found a file that PyTorch cannot load: "
            f"{reason}; {_WHAT_TO_DO}"
        ) from None


def _new_digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=_DIGEST_BYTES)
