"""Range coder on a GPU: many streams in parallel, one per lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.integers import check_bits
from eqinfo.cuda import require_cuda
from eqinfo.cuda.frequency import frequencies, symbol_intervals
from eqinfo.cuda.memory import device_memory, stream_of, to_device, to_host, torch
from eqinfo.errors import FormatError
from eqinfo.range_coder import DEFAULT_PRECISION

__all__ = ["DeviceRangeDecoder", "DeviceRangeEncoder"]

_FULL_RANGE = -1  # 2^64 - 1 in 64 bits


class DeviceRangeEncoder:
    """Encodes one stream per lane, each with the bytes of `eqinfo.range_coder.RangeEncoder`.

    Args:
        lanes: number of independent streams.
        symbols: the most symbols per stream.
        precision: bits of the frequencies (8 to 24).
        device: a CUDA device.
    """

    def __init__(
        self,
        lanes: int,
        symbols: int,
        precision: int = DEFAULT_PRECISION,
        device: str = "cuda",
    ) -> None:
        lanes, symbols, precision = check_bits(
            31, lanes=lanes, symbols=symbols, precision=precision
        )
        self._native = require_cuda()
        self.precision = precision
        self._room = symbols
        self._symbols = symbols
        with device_memory("range_encode"):
            self._encoders = torch.tensor([[0, _FULL_RANGE]] * lanes, device=device)
            self._words = torch.zeros((lanes, symbols + 1), dtype=torch.int32, device=device)
            self._counts = torch.zeros(lanes, dtype=torch.int64, device=device)
            self._bits = torch.zeros(lanes, dtype=torch.int64, device=device)

    def step(self, logits: Any, symbols: Any) -> Any:
        """Encode symbols[i] with row i on lane i; -1 for no symbol.

        Returns the status of each row, as `frequency.frequencies` does; a lane whose row is faulty
        is unchanged.

        Raises:
            ValueError: more steps than ``symbols``.
        """
        if self._room == 0:
            raise ValueError(f"expected at most {self._symbols} symbols per stream, found one more")
        self._room -= 1
        intervals, status = symbol_intervals(logits, self.precision, symbols)
        self._native.range_encode(
            intervals.unsqueeze(0),
            self.precision,
            self._encoders,
            self._words,
            self._counts,
            self._stream,
        )
        return status

    def finish(self) -> list[bytes]:
        """End all streams, return their bytes, and begin new ones. Waits for the device."""
        self._native.range_finish(
            self._encoders, self._words, self._counts, self._bits, self._stream
        )
        words = to_host(self._words).view(np.uint32).astype(">u4")
        sizes = (to_host(self._bits) + 7) // 8
        self._counts.zero_()
        self._room = self._symbols
        return [row.tobytes()[:size] for row, size in zip(words, sizes.tolist(), strict=True)]

    @property
    def _stream(self) -> int:
        return stream_of(self._words.device)


class DeviceRangeDecoder:
    """The reverse of `DeviceRangeEncoder`.

    Args:
        streams: one per lane.
        counts: int64, shape (lanes,): the symbols of each stream.
        precision: bits of the frequencies.
        device: a CUDA device.

    Raises:
        FormatError: a stream that no encoder writes.
    """

    def __init__(
        self,
        streams: Sequence[bytes],
        counts: NDArray[np.int64],
        precision: int = DEFAULT_PRECISION,
        device: str = "cuda",
    ) -> None:
        (precision,) = check_bits(31, precision=precision)
        self._native = require_cuda()
        self.precision = precision
        lanes = len(streams)
        self._sizes = np.array([len(stream) for stream in streams], np.int64)
        offsets = np.concatenate([[0], np.cumsum(self._sizes)]).astype(np.int64)
        with device_memory("range_start"):
            self._bytes = to_device(np.frombuffer(b"".join(streams), np.uint8), device)
            self._offsets = to_device(offsets, device)
            self._decoders = torch.zeros((lanes, 3), dtype=torch.int64, device=device)
            self._positions = torch.zeros(lanes, dtype=torch.int64, device=device)
            self._remaining = to_device(np.asarray(counts, np.int64), device)
            status = torch.zeros(lanes, dtype=torch.int32, device=device)
        self._native.range_start(*self._streams, status, self._stream)
        bad = np.flatnonzero(to_host(status))
        if len(bad):
            raise FormatError(
                f"stream {bad[0]}: expected a stream that an encoder writes, found other bytes: "
                "altered, or not a stream"
            )

    def step(self, logits: Any) -> tuple[Any, Any]:
        """Decode one symbol per lane; row i predicts the symbol of lane i.

        Returns:
            The symbols, int32, shape (lanes,): -1 if a stream has no more, or if its row is faulty.
            And the status of each row, as `frequency.frequencies` returns it.
        """
        table, status = frequencies(logits, self.precision)
        with device_memory("range_decode"):
            symbols = torch.empty(len(status), dtype=torch.int32, device=table.device)
        self._native.range_decode(
            *self._streams, table, status, self.precision, self._remaining, symbols, self._stream
        )
        return symbols, status

    def end(self) -> None:
        """Check that every stream ends after its symbols. Waits for the device.

        Raises:
            FormatError: a stream that is altered, truncated or too long.
        """
        bits = torch.empty_like(self._positions)
        self._native.range_end(*self._streams, bits, self._stream)
        ends = to_host(bits)
        wrong = np.flatnonzero((ends < 0) | ((ends + 7) // 8 != self._sizes))
        if len(wrong):
            raise FormatError(
                f"stream {wrong[0]}: expected it to end with its last symbol, found that it does "
                "not: it is altered, truncated, or was written with other predictions"
            )

    @property
    def _streams(self) -> tuple[Any, ...]:
        return self._bytes, self._offsets, self._decoders, self._positions

    @property
    def _stream(self) -> int:
        return stream_of(self._positions.device)
