"""Files of tensors: safetensors whose metadata names the format."""

from __future__ import annotations

import json
import os
from typing import Any

import safetensors.numpy
from numpy.typing import NDArray

from eqinfo.errors import FormatError


def parse(
    data: bytes, path: str | os.PathLike[str], file_format: str
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return tensors and metadata of a file of one format; ``path`` is for messages.

    Raises:
        FormatError: truncated, no safetensors file, or of another format.
    """
    try:
        tensors = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise FormatError(f"{path}: expected a safetensors file, found {error}") from None
    metadata = dict(header.get("__metadata__") or {})
    if metadata.get("format") != file_format:
        raise FormatError(
            f"{path}: expected format {file_format!r} in the metadata, "
            f"found {metadata.get('format')!r}"
        )
    return tensors, metadata
