"""Mixer stage: bytes coded with the predictions of a model that learns as it reads.

The predictions of many contexts and of a model (M1) are mixed for each bit, in integers only, and
every bit teaches the mixer (``csrc/mixer.h``; docs/pipeline.md, "Mixer"; `eqinfo.reference.mixer`).
So any data that repeats itself becomes short: text of any language, code, logs, tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.integers import check_bits
from eqinfo.common.text import to_array
from eqinfo.errors import FormatError
from eqinfo.models.lanes import native_form
from eqinfo.models.protocol import Model
from eqinfo.range_coder import DEFAULT_PRECISION

__all__ = [
    "PrimedMixer",
    "SolidMixer",
    "decode",
    "decode_batch_into",
    "decode_into",
    "encode",
    "encode_batch",
    "primed_table_bits",
    "primed_working_bytes",
    "probabilities",
    "working_bytes",
]

TABLE_BITS = 16
"""Buckets per context, as a power of two, of a mixer for more than 64 KiB."""
PRIMED_TABLE_BITS = 14
"""Buckets per context, as a power of two, that a dictionary has beside data that need fewer. With
more, documents of 1 kB became 1 % smaller, and took four times the memory."""
MAX_DICTIONARY_BYTES = 1 << 20
KEPT_BYTES = 1 << 21
"""Bytes of data before a block in which a `SolidMixer` finds matches. Its places for matches are
2^18, so that older ones have been replaced by then; and weights no longer learn fast."""


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
    return encode_batch([data], model, precision)[0]


def encode_batch(
    texts: Sequence[str | bytes | bytearray | memoryview],
    model: Model | None = None,
    precision: int = DEFAULT_PRECISION,
) -> list[bytes]:
    """Return what `encode` returns for each of several texts.

    Memory is needed for one at a time: see `working_bytes`.

    Args:
        texts: any bytes, as for `encode`.
        model: as for `encode`.
        precision: as for `encode`.

    Raises:
        TypeError, ValueError: as for `encode`.
    """
    check_bits(32, precision=precision)
    return _core.mixer_encode([to_array(text) for text in texts], _native(model), precision)


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
    check_bits(63, size=size)
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
    with _naming_sizes(stream, room):
        decode_batch_into([stream], [room], model, precision)


def decode_batch_into(
    streams: Sequence[bytes | bytearray | memoryview],
    rooms: Sequence[NDArray[np.uint8]],
    model: Model | None = None,
    precision: int = DEFAULT_PRECISION,
) -> None:
    """Decode several streams into memory of the caller, with a model two at a time.

    A model predicts for both in one step, which takes less time than one after the other.

    Args:
        streams: what `encode` or `encode_batch` returned.
        rooms: for each stream, memory as for `decode_into`.
        model: the model that encoded them.
        precision: as for `encode`.

    Raises:
        FormatError: as for `decode`, for one of the streams; what is in the rooms then means
            nothing.
        TypeError, ValueError: as for `encode`.
    """
    check_bits(32, precision=precision)
    arrays = [to_array(stream) for stream in streams]
    _core.mixer_decode(arrays, list(rooms), _native(model), precision)


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
    check_bits(32, precision=precision)
    return _core.mixer_probabilities(to_array(data), _native(model), precision)


def working_bytes(size: int) -> int:
    """Return how much memory the mixer takes for ``size`` bytes, at most: some 50 MiB.

    Without the data, the stream and the model's context.
    """
    (size,) = check_bits(63, size=size)
    bits = _table_bits(size)
    # Twelve buckets of 64 bytes, and two tables of four places; then weights and rows.
    return (12 * 64 + 2 * 4 * 4 << bits) + (1 << 20)


class SolidMixer:
    """Codes data in blocks, and goes on learning from one to the next: the best ratio.

    Each block has a stream of its own, which decodes after those before it, with another object of
    the same parameters. After an error, the object has lost its place and refuses to go on. Threads
    may share it; one call runs at a time.

    Args:
        model: as for `encode`.
        precision: as for `encode`.
        block_bytes: bytes of data in a block, at most.
        table_bits: 2^this buckets per context, 8 to 16, however much data comes.
        kept_bytes: how many bytes of data before a block matches are found in, at most.

    Raises:
        MemoryError: there is no memory for its tables, 51 MiB, and for ``kept_bytes`` and a block.
        TypeError, ValueError: as for `encode`, and for sizes out of range.

    Example:
        >>> from eqinfo.mixer import SolidMixer
        >>> coder = SolidMixer(block_bytes=100)
        >>> first, second = coder.encode(b"a line of text"), coder.encode(b"a line of text")
        >>> len(first), len(second)
        (14, 3)
    """

    def __init__(
        self,
        model: Model | None = None,
        precision: int = DEFAULT_PRECISION,
        *,
        block_bytes: int,
        table_bits: int = TABLE_BITS,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        check_bits(32, precision=precision, table_bits=table_bits)
        check_bits(63, block_bytes=block_bytes, kept_bytes=kept_bytes)
        self._mixer = _core.SolidMixer(
            _native(model), precision, table_bits, kept_bytes, block_bytes
        )

    def encode(self, data: str | bytes | bytearray | memoryview) -> bytes:
        """Return the stream of the next block, as `encode` does for a whole text.

        Raises:
            ValueError: more data than in a block.
        """
        return self._mixer.encode(to_array(data))

    def decode_into(self, stream: bytes | bytearray | memoryview, room: NDArray[np.uint8]) -> None:
        """Decode the next block, as `decode_into` does a whole text.

        Raises:
            FormatError: `encode` returns no such stream for any data of that size.
            ValueError: more data than in a block.
        """
        with _naming_sizes(stream, room):
            self._mixer.decode(to_array(stream), room)


class PrimedMixer:
    """Codes short data, each by itself, after it has read a dictionary: text of the same kind.

    What the mixer and the model have learned from the dictionary is kept, so that it is read once.
    Each stream is what a `SolidMixer` gives for a second block, if the first one is the dictionary.
    Threads may share the object, and each works with memory of its own: see `primed_working_bytes`.

    Args:
        dictionary: 1 to 2^20 bytes; a str is encoded as UTF-8. What is most alike to the data comes
            best at the end.
        model: as for `encode`.
        precision: as for `encode`.
        table_bits: 2^this buckets per context, 8 to 16.

    Raises:
        MemoryError: there is no memory for its tables.
        TypeError, ValueError: as for `encode`, and for sizes out of range.

    Example:
        >>> from eqinfo.mixer import PrimedMixer, encode
        >>> primed = PrimedMixer(b"a line of text, and another line of text")
        >>> len(primed.encode(b"a line of text")), len(encode(b"a line of text"))
        (3, 14)
    """

    def __init__(
        self,
        dictionary: str | bytes | bytearray | memoryview,
        model: Model | None = None,
        precision: int = DEFAULT_PRECISION,
        *,
        table_bits: int = PRIMED_TABLE_BITS,
    ) -> None:
        check_bits(32, precision=precision, table_bits=table_bits)
        self._mixer = _core.PrimedMixer(_native(model), precision, table_bits, to_array(dictionary))

    def encode(self, data: str | bytes | bytearray | memoryview) -> bytes:
        """Return the stream of data, as `encode` does without a dictionary."""
        return self._mixer.encode(to_array(data))

    def decode_into(self, stream: bytes | bytearray | memoryview, room: NDArray[np.uint8]) -> None:
        """Decode into memory of the caller, as `decode_into` does without a dictionary.

        Raises:
            FormatError: `encode` returns no such stream for any data of that size.
        """
        with _naming_sizes(stream, room):
            self._mixer.decode(to_array(stream), room)


def primed_table_bits(dictionary_bytes: int, size: int) -> int:
    """Return the ``table_bits`` of a `PrimedMixer` for data of ``size`` bytes in files.

    As many as data of that size have without a dictionary, or as a dictionary of that size has, up
    to 14.
    """
    dictionary_bytes, size = check_bits(63, dictionary_bytes=dictionary_bytes, size=size)
    return max(_table_bits(size), min(_table_bits(dictionary_bytes), PRIMED_TABLE_BITS))


def primed_working_bytes(table_bits: int) -> int:
    """Return how much memory a `PrimedMixer` takes for what it has read, and once more per thread.

    Without the data, the stream and the model's context.
    """
    return working_bytes(2 << table_bits) + (12 * 4 // 2 << table_bits)


@contextmanager
def _naming_sizes(
    stream: bytes | bytearray | memoryview, room: NDArray[np.uint8]
) -> Iterator[None]:
    """Say in a FormatError which stream it is about."""
    try:
        yield
    except FormatError:
        raise FormatError(
            f"expected the stream of {len(room)} bytes, found {len(stream)} bytes that no encoder "
            "writes"
        ) from None


def _table_bits(size: int) -> int:
    return min(max((max(size, 1) - 1).bit_length() - 1, 8), TABLE_BITS)


def _native(model: Model | None) -> _core.Model | None:
    if model is None:
        return None
    native = native_form(model)
    if native is None:
        raise TypeError(f"expected a native model, found {type(model).__name__}")
    return native
