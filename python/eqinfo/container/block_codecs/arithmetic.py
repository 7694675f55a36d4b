"""Blocks as range-coded symbols of a model over bytes, one lane per segment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eqinfo.container.block_codec import Data
from eqinfo.container.block_codecs.segments import SegmentedBlockCodec
from eqinfo.errors import FormatError
from eqinfo.models.lanes import coding_lanes, native_form
from eqinfo.models.protocol import Model
from eqinfo.range_coder import RangeDecoder, RangeEncoder, as_symbols

# Symbols per lane between checks for the end of the streams.
_ROUNDS = 256
# More than 16 lanes of the native model are not faster.
_LANES = 64
_LANE_BYTES = 140 << 10


class ArithmeticBlockCodec(SegmentedBlockCodec):
    """Codes the segments of a block in parallel, each on a lane that begins with an empty context.

    Args:
        model: a model over the 256 bytes.
        precision: bits of the frequencies.
        segment_bytes: bytes of data per segment.
    """

    def __init__(self, model: Model, precision: int, segment_bytes: int) -> None:
        super().__init__(segment_bytes, _LANES, native_form(model) is not None)
        self._model = model
        self._precision = precision

    def _encode(self, segments: Sequence[Data]) -> list[bytes]:
        count, short = len(segments), len(segments[-1])
        coder = RangeEncoder(count, self._precision)
        contexts = coding_lanes(self._model, count, self._precision)
        symbols = [as_symbols(segment) for segment in segments]
        begin = 0
        while begin < len(symbols[0]):
            active = count if begin < short else count - 1
            end = min(begin + _ROUNDS, short if begin < short else len(symbols[0]))
            rows = np.stack([symbols[lane][begin:end] for lane in range(active)], axis=1)
            contexts.encode(coder, np.ascontiguousarray(rows), np.arange(active, dtype=np.int64))
            begin = end
        return [coder.finish(lane)[0] for lane in range(count)]

    def _decode(self, streams: Sequence[bytes], raw_bytes: int) -> bytes:
        count = len(streams)
        short = raw_bytes - (count - 1) * self.segment_bytes
        longest = self.segment_bytes if count > 1 else short
        coder = RangeDecoder(count, self._precision)
        contexts = coding_lanes(self._model, count, self._precision)
        for lane, stream in enumerate(streams):
            coder.start(stream, lane)
        text = np.zeros((count, longest), np.uint8)
        begin = 0
        while begin < longest:
            active = count if begin < short else count - 1
            end = min(begin + _ROUNDS, short if begin < short else longest)
            lanes = np.arange(active, dtype=np.int64)
            text[:active, begin:end] = contexts.decode(coder, end - begin, lanes).T
            begin = end
            for lane in range(active):
                if coder.overrun(lane):
                    raise FormatError(f"segment {lane}: expected a longer stream, found its end")
        for lane, stream in enumerate(streams):
            expected = (coder.end(lane) + 7) // 8
            if expected != len(stream):
                raise FormatError(
                    f"segment {lane}: expected a stream of {expected} bytes, found {len(stream)}"
                )
        return text.reshape(-1)[:raw_bytes].tobytes()

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        lanes = min(_LANES, -(-raw_bytes // self.segment_bytes))
        # The streams of a group, and its text twice.
        return lanes * (_LANE_BYTES + 3 * self.segment_bytes)
