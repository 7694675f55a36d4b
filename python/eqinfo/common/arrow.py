"""Conversion of strings from and to Arrow data, with nulls."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import UnsupportedError


class ArrowRows(NamedTuple):
    """Row i is data[offsets[i] : offsets[i + 1]].

    Attributes:
        data: uint8, shape (n,).
        offsets: int64, shape (rows + 1,).
        valid: bool, shape (rows,), False for nulls, which have no bytes; None if there are none.
        text: whether the rows are strings; if not, they are binary.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    valid: NDArray[np.bool_] | None
    text: bool


def is_arrow(values: object) -> bool:
    """Return whether ``values`` have an Arrow interface, as in pyarrow and polars."""
    return hasattr(values, "__arrow_c_array__") or hasattr(values, "__arrow_c_stream__")


def from_arrow(values: object) -> ArrowRows:
    """Return the rows of Arrow strings or binary.

    Every such type is accepted: large ones, views, dictionaries, chunked arrays. The bytes are not
    copied if they are contiguous already.

    Raises:
        TypeError: an Arrow array of another type.
        UnsupportedError: pyarrow is not installed.
    """
    pa = _pyarrow()
    array = pa.chunked_array(values) if hasattr(values, "__arrow_c_stream__") else pa.array(values)
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.cast(kind.value_type), kind.value_type
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    text = any(test(kind) for test in strings)
    if not text and not any(test(kind) for test in binary):
        raise TypeError(f"expected an Arrow array of strings or binary, found {kind}")
    array = array.cast(pa.large_string() if text else pa.large_binary())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    valid = None
    if array.null_count:
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        array = array.fill_null("" if text else b"")
    if len(array) == 0:
        return ArrowRows(np.empty(0, np.uint8), np.zeros(1, np.int64), None, text)
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return ArrowRows(np.frombuffer(data or b"", np.uint8), bounds, valid, text)


def to_arrow(rows: ArrowRows) -> Any:
    """Return a pyarrow array of string or binary; of the large types from 2^31 bytes on.

    Raises:
        UnsupportedError: pyarrow is not installed.
    """
    pa = _pyarrow()
    large = rows.offsets[-1] >= 1 << 31
    if large:
        kind = pa.large_string() if rows.text else pa.large_binary()
    else:
        kind = pa.string() if rows.text else pa.binary()
    offsets = rows.offsets if large else rows.offsets.astype(np.int32)
    bitmap = None
    if rows.valid is not None:
        bitmap = pa.py_buffer(np.packbits(rows.valid, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(offsets), pa.py_buffer(rows.data)]
    return pa.Array.from_buffers(kind, len(rows.offsets) - 1, buffers)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise UnsupportedError(
            "expected pyarrow for Arrow data, found none; pip install eqinfo[arrow]"
        ) from None
    return pa
