"""Conversion between text and bytes. Inside the package, everything is bytes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import FormatError

Text: TypeAlias = str | bytes | bytearray | memoryview


def to_bytes(text: Text) -> bytes:
    """Return the bytes of ``text``; a ``str`` is encoded as UTF-8.

    Raises:
        TypeError: ``text`` is neither ``str`` nor bytes-like.
        ValueError: a ``str`` with a lone surrogate, which UTF-8 cannot encode.
    """
    if isinstance(text, str):
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise ValueError(
                f"expected text, found the lone surrogate U+{code:04X} at index {error.start}; "
                "encode bytes instead"
            ) from None
    if isinstance(text, bytes | bytearray | memoryview):
        return bytes(text)
    raise TypeError(f"expected str or bytes, found {type(text).__name__}")


def to_array(text: Text) -> NDArray[np.uint8]:
    """Return the bytes of ``text``, shape (bytes,); memory is shared with all but a ``str``.

    Raises:
        TypeError, ValueError: as `to_bytes`.
    """
    if not isinstance(text, bytearray | memoryview) or not memoryview(text).c_contiguous:
        text = to_bytes(text)
    return np.frombuffer(text, np.uint8)


def to_text(data: bytes) -> str:
    """Return ``data`` as text.

    Raises:
        FormatError: ``data`` is not UTF-8; names the first bad byte.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"expected UTF-8, found byte 0x{data[error.start]:02x} at offset {error.start}; "
            "use decode_bytes for data that is not text"
        ) from None
