"""The bytes of any object with the buffer protocol."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

_NUMBER_FORMATS = frozenset("cbB?hHiIlLqQnNefdg")
"""What `memoryview.format` is for items that are numbers, without the byte order."""


def bytes_of(data: Buffer) -> memoryview:
    """Return a view of the bytes of an object, whatever its items and dimensions.

    Raises:
        BufferError: the object is not C-contiguous.
        TypeError: the object has no buffer, or one of Python objects.
    """
    if type(data) is bytes:
        return memoryview(data)
    try:
        with memoryview(data) as view:
            contiguous = view.c_contiguous
            # Not in the names of fields.
            objects = "O" in view.format and "O" in re.sub(":.*?:", "", view.format)
    except ValueError:  # NumPy's dates
        raise TypeError(
            f"expected a buffer, found {type(data).__name__} whose items have none; give it as "
            "array.view(numpy.uint8)"
        ) from None
    except TypeError:
        raise TypeError(
            f"expected bytes or another object with a buffer, found {type(data).__name__}"
        ) from None
    if objects:
        raise TypeError(
            f"expected items that are bytes or numbers, found {type(data).__name__} of Python "
            "objects, whose memory has only their addresses"
        )
    if not contiguous:
        raise BufferError(
            f"expected a C-contiguous buffer, found {type(data).__name__} that is not; copy it"
        )
    # A memoryview casts only items of one native character, and no empty dimensions.
    return pickle.PickleBuffer(data).raw()


def is_row_of_numbers(data: object) -> bool:
    """Return whether an object is a buffer whose items are numbers, as in one document's bytes."""
    try:
        with memoryview(data) as view:  # type: ignore[arg-type]
            return view.ndim <= 1 and view.format.lstrip("@=<>!") in _NUMBER_FORMATS
    except (BufferError, TypeError, ValueError):  # no buffer, or one of NumPy's dates
        return False


def is_constant(view: memoryview) -> bool:
    """Return whether nobody can change the bytes, even by way of another object."""
    return isinstance(view.obj, bytes)
