"""Mixer stage: bytes coded with the predictions of a model that learns as it reads.

The predictions of many contexts and of a model (M1) are mixed for each bit, in integers only, and
every bit teaches the mixer (``csrc/mixer.h``; docs/pipeline.md, "Mixer"; `eqinfo.reference.mixer`).
So any data that repeats itself becomes short: text of any language, code, logs, tables.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.text import to_bytes
from eqinfo.errors import FormatError
from eqinfo.models.lanes import native_form
from eqinfo.models.protocol import Model
from eqinfo.range_coder import DEFAULT_PRECISION

__all__ = ["decode", "decode_into", "encode", "probabilities", "working_bytes"]

_MAX_BUCKET_BITS = 16


def encode(
    data: str | bytes | bytearray | memoryview,
    model: Model | None = None,
    precision: int = DEFAULT_PRECISION,
) -> bytes:
    """Encode bytes into one range-coded stream, which does not store their number.

    Args:
        data: any bytes; a str is encoded as UTF-8.
        model: a native model over bytes (M1), whose predictions are mixed in.
        precision: bits of the model's frequencies.

    Returns:
        The stream, cut after the byte with its last bit.

    Raises:
        TypeError: a model that is not native.
        ValueError: a model over another alphabet, or a precision that does not suit it.

    Example:
        >>> from eqinfo import mixer
        >>> data = b"a line that comes back\\n" * 50
        >>> stream = mixer.encode(data)
        >>> len(data), len(stream)
        (1150, 24)
        >>> mixer.decode(stream, len(data)) == data
        True
    """
    return _core.mixer_encode(_array(data), _native(model), precision)


def decode(
    stream: bytes | bytearray | memoryview,
    size: int,
    model: Model | None = None,
    precision: int = DEFAULT_PRECISION,
) -> bytes:
    """Decode what `encode` returned.

    Args:
        stream: the stream.
        size: the number of bytes that were encoded.
        model: the model that encoded them.
        precision: as for `encode`.

    Raises:
        FormatError: `encode` returns no such stream for any data of that size.
        TypeError, ValueError: as for `encode`.
    """
    room = np.empty(size, np.uint8)
    decode_into(stream, room, model, precision)
    return room.tobytes()


def decode_into(
    stream: bytes | bytearray | memoryview,
    room: NDArray[np.uint8],
    model: Model | None = None,
    precision: int = DEFAULT_PRECISION,
) -> None:
    """Decode into memory of the caller what `encode` returned.

    Args:
        stream: the stream.
        room: uint8, shape (bytes,), contiguous and writable: as many bytes as were encoded.
        model: the model that encoded them.
        precision: as for `encode`.

    Raises:
        FormatError, TypeError, ValueError: as for `decode`.
    """
    try:
        _core.mixer_decode(_array(stream), room, _native(model), precision)
    except FormatError:
        raise FormatError(
            f"expected the stream of {len(room)} bytes, found {len(stream)} bytes that no encoder "
            "writes"
        ) from None


def probabilities(
    data: str | bytes | bytearray | memoryview,
    model: Model | None = None,
    precision: int = DEFAULT_PRECISION,
) -> NDArray[np.uint16]:
    """Return the probability of a one that the mixer gives for each bit, before it sees the bit.

    Args:
        data: any bytes; a str is encoded as UTF-8.
        model: as for `encode`.
        precision: as for `encode`.

    Returns:
        uint16, shape (bytes, 8), in 2^-16; the most significant bit of each byte comes first.

    Raises:
        TypeError, ValueError: as for `encode`.
    """
    return _core.mixer_probabilities(_array(data), _native(model), precision)


def working_bytes(size: int) -> int:
    """Return how much memory the mixer takes for ``size`` bytes, at most: some 50 MiB.

    Without the data, the stream and the model's context.
    """
    bits = min(max((max(size, 1) - 1).bit_length() - 1, 8), _MAX_BUCKET_BITS)
    # Twelve buckets of 64 bytes, and two tables of four places; then weights and rows.
    return (12 * 64 + 2 * 4 * 4 << bits) + (1 << 20)


def _array(data: str | bytes | bytearray | memoryview) -> NDArray[np.uint8]:
    return np.frombuffer(to_bytes(data), np.uint8)


def _native(model: Model | None) -> _core.Model | None:
    if model is None:
        return None
    native = native_form(model)
    if native is None:
        raise TypeError(f"expected a native model, found {type(model).__name__}")
    return native
