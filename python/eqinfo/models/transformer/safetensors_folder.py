"""The weights in a folder of safetensors files, read when they are asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import FormatError, UnsupportedError

_SIZE_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000  # as the package safetensors
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class SafetensorsFolder:
    """Float tensors by name.

    Args:
        folder: has ``model.safetensors``, or several files and their index.

    Raises:
        FormatError: not such a folder, or a damaged file.
        OSError: a file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._places: dict[str, tuple[Path, int, dict[str, Any]]] = {}
        index = folder / _INDEX
        if index.exists():
            names = sorted(set(read_json(index).get("weight_map", {}).values()))
            files = [folder / Path(name).name for name in names]
        else:
            files = [folder / _SINGLE]
        for path in files:
            self._add(path)

    def _add(self, path: Path) -> None:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(_SIZE_BYTES), "little")
            header = file.read(size) if size <= _MAX_HEADER_BYTES else b""
        try:
            entries = json.loads(header)
            for name, entry in entries.items():
                if name != "__metadata__":
                    self._places[name] = path, _SIZE_BYTES + size, dict(entry)
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise FormatError(f"{path}: expected a safetensors file, found another") from None

    @property
    def names(self) -> set[str]:
        """The names of all tensors."""
        return set(self._places)

    def get(self, name: str) -> NDArray[np.float32] | None:
        """Return a tensor, or None where there is none.

        Raises:
            FormatError: the file ends before it.
            UnsupportedError: a dtype that is not a float of at most 32 bits.
        """
        if name not in self._places:
            return None
        path, begin, entry = self._places[name]
        dtype = _DTYPES.get(entry["dtype"])
        if dtype is None:
            raise UnsupportedError(
                f"{path}: expected {name} of dtype {', '.join(_DTYPES)}, found {entry['dtype']}"
            )
        first, last = entry["data_offsets"]
        with open(path, "rb") as file:
            file.seek(begin + first)
            data = file.read(last - first)
        try:
            array = np.frombuffer(data, dtype).reshape(entry["shape"])
        except ValueError as error:
            raise FormatError(f"{path}: expected the values of {name}: {error}") from None
        if entry["dtype"] == "BF16":
            array = (array.astype(np.uint32) << 16).view(np.float32)
        return np.asarray(array, np.float32)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        FormatError: there is none in it.
        OSError: the file cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: expected JSON: {error}") from None
    if not isinstance(content, dict):
        raise FormatError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content
