"""Range coder: 64-bit low and range, 32-bit words, exact division of the range, exact end.

``csrc/range_coder.h`` has the arithmetic, ``reference.RangeEncoder`` states it in plain Python. A
stream is big-endian bytes, read as if zeros followed it; it is at most 64 bits longer than the
information content of its symbols. Predictions are float32 logits or uint32 frequencies that sum
to 2^precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.errors import FormatError
from eqinfo.frequency import as_array

DEFAULT_PRECISION = 24


def as_symbols(symbols: Any) -> NDArray[np.int32]:
    """Return symbols (bytes, or integers of any width) as int32, shape (n,).

    Raises:
        TypeError: not integers.
        ValueError: not one-dimensional, or beyond int32.
    """
    if isinstance(symbols, np.ndarray) and symbols.dtype == np.int32 and symbols.ndim == 1:
        return np.ascontiguousarray(symbols)  # what is out of range is found where it is used
    if isinstance(symbols, bytes | bytearray | memoryview):
        return np.frombuffer(symbols, np.uint8).astype(np.int32)
    array = np.asarray(symbols)
    if array.size == 0:
        array = array.astype(np.int32)
    if array.dtype.kind not in "iu":
        raise TypeError(f"expected integer symbols, found {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"expected symbols of shape (n,), found shape {array.shape}")
    if array.dtype.itemsize > 2 and array.size and (array.min() < 0 or array.max() >= 1 << 31):
        raise ValueError("a symbol is negative or beyond 31 bits")
    return np.ascontiguousarray(array, dtype=np.int32)


def _rows(predictions: Any) -> NDArray[Any]:
    return np.ascontiguousarray(as_array(predictions))


def _lanes(lanes: Any, count: int) -> NDArray[np.int64]:
    if lanes is None:
        return np.arange(count, dtype=np.int64)
    return np.ascontiguousarray(lanes, dtype=np.int64)


def encode(predictions: Any, symbols: Any, precision: int = DEFAULT_PRECISION) -> bytes:
    """Encode one stream.

    Args:
        predictions: shape (n, V): row i predicts symbols[i].
        symbols: n integers below V, or bytes.
        precision: of the frequencies, in bits.

    Raises:
        ModelError: unusable predictions; names the row.
        ValueError: a symbol outside the alphabet; names it.
    """
    encoder = RangeEncoder(1, precision)
    encoder.extend(predictions, symbols)
    return encoder.finish()[0]


def decode(
    stream: bytes, predictions: Any, precision: int = DEFAULT_PRECISION
) -> NDArray[np.int32]:
    """Decode as many symbols as there are rows of predictions; the reverse of `encode`.

    Raises:
        FormatError: no encoder writes this stream for these predictions: truncated, altered or too
            long.
    """
    decoder = RangeDecoder(1, precision)
    decoder.start(stream)
    symbols = decoder.extend(predictions)
    _check_end(decoder, stream)
    return symbols


def encode_static(frequencies: Any, symbols: Any, precision: int = DEFAULT_PRECISION) -> bytes:
    """Encode symbols that all have the same frequencies, uint32, shape (V,); as `encode`."""
    encoder = RangeEncoder(1, precision)
    encoder.extend_static(frequencies, symbols)
    return encoder.finish()[0]


def decode_static(
    stream: bytes, frequencies: Any, count: int, precision: int = DEFAULT_PRECISION
) -> NDArray[np.int32]:
    """Decode ``count`` symbols; the reverse of `encode_static`. Raises as `decode` does."""
    decoder = RangeDecoder(1, precision)
    decoder.start(stream)
    symbols = decoder.extend_static(frequencies, count)
    _check_end(decoder, stream)
    return symbols


class RangeEncoder:
    """Streams in lanes: a step takes one symbol on each of many lanes in one native call.

    Args:
        lanes: number of independent streams.
        precision: of the frequencies, in bits (8 to 24).
    """

    def __init__(self, lanes: int = 1, precision: int = DEFAULT_PRECISION) -> None:
        self._core = _core.RangeEncoder(lanes, precision)

    def step(self, predictions: Any, symbols: Any, lanes: Any = None) -> None:
        """Encode symbols[i] with predictions[i] on lanes[i] (default: lane i).

        Raises as `encode` does; then no lane has changed.
        """
        symbols = as_symbols(symbols)
        self._core.step(_rows(predictions), symbols, _lanes(lanes, len(symbols)))

    def extend(self, predictions: Any, symbols: Any, lane: int = 0) -> None:
        """Encode many symbols, one a row of predictions, on one lane."""
        self._core.extend(_rows(predictions), as_symbols(symbols), lane)

    def extend_static(self, frequencies: Any, symbols: Any, lane: int = 0) -> None:
        """Encode symbols that all have the same uint32 frequencies, shape (V,)."""
        self._core.extend_static(_static(frequencies), as_symbols(symbols), lane)

    def extend_counted(self, ids: NDArray[np.uint16], window_bits: int, lane: int = 0) -> None:
        """Encode ids of ``window_bits`` bits with frequencies from the runs before.

        See docs/format.md, codec "ranged". The precision must be 24.
        """
        self._core.extend_counted(ids, window_bits, lane)

    def extend_lanes(
        self, contexts: _core.ModelLanes, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> None:
        """Add symbols of shape (rounds, n), as native ``contexts`` of ``lanes`` predict them."""
        self._core.extend_lanes(contexts, symbols, lanes)

    def put_bits(self, value: int, bits: int, lane: int = 0) -> None:
        """Encode a number of ``bits`` <= 24 bits, all values equally probable."""
        self._core.put_bits(value, bits, lane)

    def finish(self, lane: int = 0) -> tuple[bytes, int]:
        """End the stream of a lane: its bytes and its length in bits. The lane begins afresh."""
        stream, bits = self._core.finish(lane)
        return stream, bits


class RangeDecoder:
    """The reverse of `RangeEncoder`; a lane without a stream reads zeros."""

    def __init__(self, lanes: int = 1, precision: int = DEFAULT_PRECISION) -> None:
        self._core = _core.RangeDecoder(lanes, precision)

    def start(self, stream: bytes, lane: int = 0) -> None:
        """Give a lane its stream.

        Raises:
            FormatError: the first 64 bits are all ones, which no encoder writes.
        """
        self._core.start(stream, lane)

    def step(self, predictions: Any, lanes: Any = None) -> NDArray[np.int32]:
        """Decode one symbol on each of ``lanes`` (default: lane i for row i); int32, shape (n,)."""
        rows = _rows(predictions)
        return self._core.step(rows, _lanes(lanes, len(rows)))

    def extend(self, predictions: Any, lane: int = 0) -> NDArray[np.int32]:
        """Decode one symbol a row of predictions on one lane."""
        return self._core.extend(_rows(predictions), lane)

    def extend_static(self, frequencies: Any, count: int, lane: int = 0) -> NDArray[np.int32]:
        """Decode ``count`` symbols that all have the same uint32 frequencies, shape (V,)."""
        return self._core.extend_static(_static(frequencies), count, lane)

    def extend_counted(self, count: int, window_bits: int, lane: int = 0) -> NDArray[np.uint16]:
        """Decode what `RangeEncoder.extend_counted` wrote.

        Returns:
            ``count`` ids; fewer where the stream is overrun by so many.
        """
        return self._core.extend_counted(count, window_bits, lane)

    def extend_lanes(
        self, contexts: _core.ModelLanes, rounds: int, lanes: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Decode symbols of shape (rounds, n), as native ``contexts`` of ``lanes`` predict them."""
        return self._core.extend_lanes(contexts, rounds, lanes)

    def get_bits(self, bits: int, lane: int = 0) -> int:
        """Decode what `RangeEncoder.put_bits` wrote."""
        return self._core.get_bits(bits, lane)

    def overrun(self, lane: int = 0) -> bool:
        """Return whether more was read than any encoder writes for the symbols decoded so far."""
        return self._core.overrun(lane)

    def end(self, lane: int = 0) -> int:
        """Return the length in bits of the stream that ends after the symbols decoded so far.

        Raises:
            FormatError: that stream has other bits than this one, which is altered, truncated, or
                written with other predictions.
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
