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

    Every such type is accepted: large ones, views, binary of a fixed size, dictionaries
    (categoricals and enums), run-end encoded ones, extension types that are stored as one of these,
    and the type of nulls, which counts as strings. So are chunked arrays. The bytes are not copied
    if they are contiguous already.

    Raises:
        TypeError: an Arrow array of another type.
        UnsupportedError: pyarrow is not installed.
    """
    pa = _pyarrow()
    array = pa.chunked_array(values) if hasattr(values, "__arrow_c_stream__") else pa.array(values)
    text = _holds_text(pa, array.type)
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    plain = [_plain(pa, chunk) for chunk in chunks]
    if len(plain) == 1:
        (array,) = plain
    else:
        array = pa.concat_arrays(plain or [pa.array([], _large(pa, text))])
    valid = None
    if array.null_count:
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        array = array.fill_null("" if text else b"")
    if len(array) == 0:
        return ArrowRows(np.empty(0, np.uint8), np.zeros(1, np.int64), None, text)
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return ArrowRows(np.frombuffer(data or b"", np.uint8), bounds, valid, text)


def _holds_text(pa: Any, kind: Any) -> bool:
    """Return whether a type has rows of text (True) or of bytes; TypeError for other rows."""
    plain = kind
    while True:
        if isinstance(plain, pa.BaseExtensionType):
            plain = plain.storage_type
        elif pa.types.is_dictionary(plain) or pa.types.is_run_end_encoded(plain):
            plain = plain.value_type
        else:
            break
    strings = ("is_string", "is_large_string", "is_string_view", "is_null")
    binary = ("is_binary", "is_large_binary", "is_binary_view", "is_fixed_size_binary")
    if _is_one_of(pa, plain, strings):
        return True
    if _is_one_of(pa, plain, binary):
        return False
    hint = "; pass one of its columns" if pa.types.is_struct(plain) else ""
    raise TypeError(f"expected an Arrow array of strings or binary, found {kind}{hint}")


def _is_one_of(pa: Any, kind: Any, tests: tuple[str, ...]) -> bool:
    # Old versions of pyarrow have no views, and no tests for them.
    found = (getattr(pa.types, test, None) for test in tests)
    return any(test(kind) for test in found if test is not None)


def _large(pa: Any, text: bool) -> Any:
    return pa.large_string() if text else pa.large_binary()


def _plain(pa: Any, array: Any) -> Any:
    """Return an array whose type `_holds_text` accepts as large_string or large_binary."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa, array.storage)
    # pyarrow cannot take views, which decoding would do, but it can cast them.
    if pa.types.is_dictionary(kind):
        return _plain(pa, array.dictionary).take(array.indices)
    if pa.types.is_run_end_encoded(kind):
        places = np.arange(array.offset, array.offset + len(array))
        runs = np.searchsorted(array.run_ends.to_numpy(), places, "right")
        return _plain(pa, array.values).take(pa.array(runs))
    return array.cast(_large(pa, _holds_text(pa, kind)))


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
