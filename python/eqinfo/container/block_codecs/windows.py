"""Blocks as equal-info windows of a model over bytes."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from eqinfo.codecs.windows import WindowCodec
from eqinfo.container.block_codec import Data
from eqinfo.container.block_codecs.segments import SegmentedBlockCodec
from eqinfo.errors import FormatError
from eqinfo.models.lanes import native_form
from eqinfo.models.protocol import Model
from eqinfo.range_coder import as_symbols

_BYTE = 8
# Bytes for the model's predictions, in each thread.
_MEMORY = 16 << 20
_GROUP = 256


class _Limit(threading.local):
    """Symbols that a thread's call may code."""

    symbols = 0


class WindowsBlockCodec(SegmentedBlockCodec):
    """Codes each segment as bijective windows, every one of which begins with an empty context.

    Args:
        model: a model over the 256 bytes.
        precision: bits of the frequencies.
        segment_bytes: bytes of data per segment.
        window_bits: bits per window, a multiple of 8.

    Raises:
        ValueError: parameters out of range.
    """

    def __init__(self, model: Model, precision: int, segment_bytes: int, window_bits: int) -> None:
        super().__init__(segment_bytes, _GROUP, native_form(model) is not None)
        if window_bits % _BYTE:
            raise ValueError(f"expected window_bits of a multiple of 8, found {window_bits}")
        self._limit = _Limit()
        self._codec = WindowCodec(
            model, window_bits, _BYTE, precision=precision, memory=_MEMORY, progress=self._count
        )

    def _count(self, done: int, total: int | None) -> None:
        """Stop where windows decode to more than the block has, before memory runs out."""
        if done > self._limit.symbols:
            raise FormatError("expected windows of no more bytes than the block has, found more")

    def _encode(self, segments: Sequence[Data]) -> list[bytes]:
        self._limit.symbols = sum(map(len, segments))
        tokens = self._codec.encode_symbols([as_symbols(segment) for segment in segments])
        return [part.astype(np.uint8).tobytes() for part in tokens]

    def _decode(self, streams: Sequence[bytes], raw_bytes: int) -> bytes:
        self._limit.symbols = raw_bytes
        tokens = [np.frombuffer(stream, np.uint8).astype(np.uint16) for stream in streams]
        parts = [part.astype(np.uint8).tobytes() for part in self._codec.decode_symbols(tokens)]
        short = raw_bytes - (len(streams) - 1) * self.segment_bytes
        for number, part in enumerate(parts):
            expected = self.segment_bytes if number < len(parts) - 1 else short
            if len(part) != expected:
                raise FormatError(f"segment {number}: expected {expected} bytes, found {len(part)}")
        return b"".join(parts)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        # The streams and the symbols of a group are there as bytes and as numbers of two bytes.
        return _MEMORY + 8 * min(raw_bytes, _GROUP * self.segment_bytes)
