"""Range coder stage: symbols and their predictions to a stream of bits, and back.

Low and range have 64 bits, words 32 bits; the range is divided exactly, and a stream ends exactly
(docs/pipeline.md, "Range coder"). ``csrc/range_coder.h`` has the arithmetic, and
`eqinfo.reference.RangeEncoder` states it in plain Python.

A stream is bytes, most significant bit first, and is read as if zeros followed it. It is at most 64
bits longer than the information content of its symbols. Predictions are float32 logits, or uint32
frequencies that sum to 2^precision; a row predicts one symbol.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.integers import check_bits
from eqinfo.errors import FormatError
from eqinfo.frequency import as_array

__all__ = [
    "DEFAULT_PRECISION",
    "RangeDecoder",
    "RangeEncoder",
    "as_symbols",
    "decode",
    "decode_static",
    "encode",
    "encode_static",
]

DEFAULT_PRECISION = 24


def as_symbols(symbols: Any) -> NDArray[np.int32]:
    """Return symbols as int32, shape (n,).

    Args:
        symbols: bytes, or a one-dimensional array or sequence of integers.

    Raises:
        TypeError: the symbols are not integers.
        ValueError: the array is not one-dimensional, or a symbol is negative or above 2^31 - 1. An
            int32 array is not searched for such symbols; coders refuse them.
    """
    if isinstance(symbols, np.ndarray) and symbols.dtype == np.int32 and symbols.ndim == 1:
        return np.ascontiguousarray(symbols)
    if isinstance(symbols, bytes | bytearray | memoryview):
        return np.frombuffer(symbols, np.uint8).astype(np.int32)
    array = np.asarray(symbols)
    if array.size == 0:
        array = array.astype(np.int32)
    if array.dtype.kind not in "iu":
        advice = "; encode text to bytes" if array.dtype.kind == "U" else ""
        raise TypeError(f"expected integer symbols, found {array.dtype}{advice}")
    if array.ndim != 1:
        raise ValueError(f"expected symbols of shape (n,), found shape {array.shape}")
    if array.dtype.itemsize > 2 and array.size and (array.min() < 0 or array.max() >= 1 << 31):
        raise ValueError(
            f"expected symbols of 0 to 2^31 - 1 (31 bits), found {array.min()} to {array.max()}"
        )
    return np.ascontiguousarray(array, dtype=np.int32)


def _rows(predictions: Any) -> NDArray[Any]:
    return np.ascontiguousarray(as_array(predictions))


def _lanes(lanes: Any, count: int) -> NDArray[np.int64]:
    if lanes is None:
        return np.arange(count, dtype=np.int64)
    return np.ascontiguousarray(lanes, dtype=np.int64)


def encode(predictions: Any, symbols: Any, precision: int = DEFAULT_PRECISION) -> bytes:
    """Encode symbols to one stream.

    Args:
        predictions: shape (n, V); row i predicts symbols[i].
        symbols: n integers below V, or bytes.
        precision: frequencies sum to 2^precision.

    Returns:
        the stream, its last byte filled up with zero bits.

    Raises:
        ModelError: a prediction cannot be used; the message names its row.
        ValueError: a symbol is not in the alphabet; the message names its place.
    """
    encoder = RangeEncoder(1, precision)
    encoder.extend(predictions, symbols)
    return encoder.finish()[0]


def decode(
    stream: bytes, predictions: Any, precision: int = DEFAULT_PRECISION
) -> NDArray[np.int32]:
    """Decode as many symbols as there are predictions; the reverse of `encode`.

    Args:
        stream: what `encode` returned.
        predictions: as in `encode`.
        precision: as in `encode`.

    Returns:
        int32, shape (n,).

    Raises:
        FormatError: no encoder writes this stream for these predictions; it is truncated, altered
            or too long.
        ModelError: a prediction cannot be used; the message names its row.
    """
    decoder = RangeDecoder(1, precision)
    decoder.start(stream)
    symbols = decoder.extend(predictions)
    _check_end(decoder, stream)
    return symbols


def encode_static(frequencies: Any, symbols: Any, precision: int = DEFAULT_PRECISION) -> bytes:
    """Encode symbols that all have the same uint32 frequencies, shape (V,). See `encode`."""
    encoder = RangeEncoder(1, precision)
    encoder.extend_static(frequencies, symbols)
    return encoder.finish()[0]


def decode_static(
    stream: bytes, frequencies: Any, count: int, precision: int = DEFAULT_PRECISION
) -> NDArray[np.int32]:
    """Decode ``count`` symbols; the reverse of `encode_static`. See `decode`."""
    check_bits(63, count=count)
    decoder = RangeDecoder(1, precision)
    decoder.start(stream)
    symbols = decoder.extend_static(frequencies, count)
    _check_end(decoder, stream)
    return symbols


class RangeEncoder:
    """Encodes many independent streams, one per lane; a step encodes one symbol on each lane.

    Threads may share a coder, which takes one call at a time. If an exception ends a call after a
    part of its symbols, later calls on those lanes raise RuntimeError; `finish`, which raises it,
    too, begins a new stream.

    Examples:
        Two lanes and an alphabet of three symbols, with the same prediction all the time:

        >>> import numpy as np
        >>> from eqinfo.range_coder import RangeDecoder, RangeEncoder
        >>> logits = np.log(np.array([[0.5, 0.25, 0.25]] * 2, np.float32))
        >>> encoder, decoder = RangeEncoder(lanes=2), RangeDecoder(lanes=2)
        >>> for symbols in ([0, 1], [0, 2], [0, 1]):
        ...     encoder.step(logits, symbols)
        >>> for lane in range(2):
        ...     stream, bits = encoder.finish(lane)
        ...     decoder.start(stream, lane)
        >>> [decoder.step(logits).tolist() for _ in range(3)]
        [[0, 1], [0, 2], [0, 1]]

    Args:
        lanes: number of streams, at least 1.
        precision: frequencies sum to 2^precision; 8 to 24.

    Raises:
        ValueError: ``lanes`` or ``precision`` is out of range.
    """

    def __init__(self, lanes: int = 1, precision: int = DEFAULT_PRECISION) -> None:
        check_bits(63, lanes=lanes)
        check_bits(32, precision=precision)
        self._core = _core.RangeEncoder(lanes, precision)

    def step(self, predictions: Any, symbols: Any, lanes: Any = None) -> None:
        """Encode symbols[i] with predictions[i] on lanes[i]; by default, on lane i.

        The lanes must be distinct. The errors are those of `encode`; after one, no lane has
        changed.
        """
        symbols = as_symbols(symbols)
        self._core.step(_rows(predictions), symbols, _lanes(lanes, len(symbols)))

    def extend(self, predictions: Any, symbols: Any, lane: int = 0) -> None:
        """Encode one symbol per row of predictions, all on one lane."""
        self._core.extend(_rows(predictions), as_symbols(symbols), lane)

    def extend_static(self, frequencies: Any, symbols: Any, lane: int = 0) -> None:
        """Encode symbols that all have the same uint32 frequencies, shape (V,), on one lane."""
        self._core.extend_static(_static(frequencies), as_symbols(symbols), lane)

    def extend_counted(self, ids: NDArray[np.uint16], window_bits: int, lane: int = 0) -> None:
        """Encode ids of ``window_bits`` bits, with frequencies counted from earlier runs of ids.

        docs/format.md describes how, under the codec "ranged". The precision must be 24.
        """
        self._core.extend_counted(ids, window_bits, lane)

    def extend_lanes(
        self, contexts: _core.ModelLanes, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> None:
        """Encode symbols of shape (rounds, n), which native contexts predict.

        symbols[i, k] is the next symbol on lanes[k] in round i.
        """
        self._core.extend_lanes(contexts, symbols, lanes)

    def put_bits(self, value: int, bits: int, lane: int = 0) -> None:
        """Encode a number below 2^bits, for up to 24 bits, all values being equally probable."""
        self._core.put_bits(value, bits, lane)

    def finish(self, lane: int = 0) -> tuple[bytes, int]:
        """End the stream of a lane and return its bytes and its length in bits.

        The lane then begins a new stream.
        """
        stream, bits = self._core.finish(lane)
        return stream, bits


class RangeDecoder:
    """Decodes the streams of a `RangeEncoder` with as many lanes and the same precision.

    A lane that was given no stream reads zeros. Threads may share a coder, which takes one call at
    a time. If an exception ends `extend_lanes`, later calls on those lanes raise RuntimeError until
    `start` gives them a stream.
    """

    def __init__(self, lanes: int = 1, precision: int = DEFAULT_PRECISION) -> None:
        check_bits(63, lanes=lanes)
        check_bits(32, precision=precision)
        self._core = _core.RangeDecoder(lanes, precision)

    def start(self, stream: bytes, lane: int = 0) -> None:
        """Give a lane its stream.

        Raises:
            FormatError: its first 64 bits are all ones, which no encoder writes.
        """
        self._core.start(stream, lane)

    def step(self, predictions: Any, lanes: Any = None) -> NDArray[np.int32]:
        """Decode one symbol per row of predictions, with row i on lanes[i]; by default, on lane i.

        Returns:
            int32, shape (n,).
        """
        rows = _rows(predictions)
        return self._core.step(rows, _lanes(lanes, len(rows)))

    def extend(self, predictions: Any, lane: int = 0) -> NDArray[np.int32]:
        """Decode one symbol per row of predictions, all on one lane; int32, shape (n,)."""
        return self._core.extend(_rows(predictions), lane)

    def extend_static(self, frequencies: Any, count: int, lane: int = 0) -> NDArray[np.int32]:
        """Decode ``count`` symbols that all have the same uint32 frequencies, shape (V,)."""
        return self._core.extend_static(_static(frequencies), count, lane)

    def extend_counted(self, count: int, window_bits: int, lane: int = 0) -> NDArray[np.uint16]:
        """Decode ids that `RangeEncoder.extend_counted` encoded.

        Returns:
            ``count`` ids; fewer if the stream is overrun before (see `overrun`).
        """
        return self._core.extend_counted(count, window_bits, lane)

    def extend_lanes(
        self, contexts: _core.ModelLanes, rounds: int, lanes: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Decode symbols that `RangeEncoder.extend_lanes` encoded; int32, shape (rounds, n)."""
        return self._core.extend_lanes(contexts, rounds, lanes)

    def get_bits(self, bits: int, lane: int = 0) -> int:
        """Decode a number that `RangeEncoder.put_bits` encoded with as many bits."""
        return self._core.get_bits(bits, lane)

    def overrun(self, lane: int = 0) -> bool:
        """Return whether the stream is too short for the symbols decoded so far.

        The lane has then read more bytes after the stream's end than any encoder leaves out.
        """
        return self._core.overrun(lane)

    def end(self, lane: int = 0) -> int:
        """Check the stream's end and return its length in bits.

        The stream must be the one that encodes the symbols decoded so far, and no more.

        Raises:
            FormatError: its bits are not those. It is altered or truncated, or was encoded with
                other predictions.
        """
        return self._core.end(lane)


def _check_end(decoder: RangeDecoder, stream: bytes) -> None:
    expected = (decoder.end() + 7) // 8
    if expected != len(stream):
        raise FormatError(f"expected a stream of {expected} bytes, found {len(stream)}")


def _static(frequencies: Any) -> NDArray[np.uint32]:
    array = as_array(frequencies)
    if array.dtype != np.uint32:
        raise TypeError(f"expected uint32 frequencies, found {array.dtype}")
    return np.ascontiguousarray(array)
