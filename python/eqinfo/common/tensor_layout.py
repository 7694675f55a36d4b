"""The header of a safetensors file: which tensors there are, and where their bytes lie.

The package safetensors would copy every tensor, which doubles the memory of a large model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

Data: TypeAlias = bytes | memoryview
"""The bytes of a file."""

SIZE_BYTES = 8
"""The bytes before the header, which are its size."""


@dataclass(frozen=True)
class Place:
    """A tensor in a file.

    Attributes:
        dtype: as safetensors spells it.
        shape: as the header says.
        begin, end: its bytes in the file.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def header_bytes(data: Data) -> int:
    """Return the bytes of the header, from the first bytes of a file."""
    return int.from_bytes(data[:SIZE_BYTES], "little")


def layout(data: Data, item_bytes: Mapping[str, int]) -> tuple[dict[str, str], dict[str, Place]]:
    """Return the metadata and the place of every tensor.

    The tensors fill the file, one after the other, in any order.

    Args:
        data: the bytes of a file.
        item_bytes: of each dtype whose size is compared.

    Raises:
        ValueError: not a safetensors file; says what was expected.
    """
    size = header_bytes(data)
    first = SIZE_BYTES + size
    if len(data) < SIZE_BYTES or len(data) < first:
        raise ValueError(f"expected a header of {size} bytes, found {len(data)} bytes in all")
    try:
        header = json.loads(bytes(data[SIZE_BYTES:first]).decode())
    except RecursionError:
        raise ValueError("expected a header of few levels, found very many") from None
    if not isinstance(header, dict):
        raise ValueError(f"expected an object as the header, found {type(header).__name__}")
    metadata = _metadata(header.pop("__metadata__", None))
    places = {name: _place(name, entry, first) for name, entry in header.items()}
    end = first
    for name, place in sorted(places.items(), key=lambda item: (item[1].begin, item[1].end)):
        expected = prod(place.shape) * item_bytes.get(place.dtype, 0)
        if place.begin != end or (
            place.dtype in item_bytes and place.end - place.begin != expected
        ):
            raise ValueError(
                f"expected {name} of {expected} bytes from {end} on, found "
                f"{place.begin} to {place.end}"
            )
        end = place.end
    if end != len(data):
        raise ValueError(f"expected tensors of {len(data) - first} bytes, found {end - first}")
    return metadata, places


def _metadata(found: Any) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(x, str) for x in found.values()):
        raise ValueError(f"expected metadata of strings, found {found!r:.80}")
    return found


def _place(name: str, entry: Any, first: int) -> Place:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise ValueError(
            f"expected dtype, shape and data_offsets of {name}, found {entry!r:.80}"
        ) from None
    # Not isinstance, for which True is a number.
    numbers = isinstance(shape, list) and all(
        type(x) is int and x >= 0 for x in (*shape, begin, end)
    )
    if not isinstance(dtype, str) or not numbers or end < begin:
        raise ValueError(f"expected a dtype, a shape and offsets of {name}, found {entry!r:.80}")
    return Place(dtype, tuple(shape), first + begin, first + end)
