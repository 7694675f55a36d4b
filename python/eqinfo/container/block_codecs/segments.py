"""Blocks of segments: a directory of their coded lengths, then one stream per segment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from eqinfo.container.block_codec import Data, Room
from eqinfo.errors import FormatError

_LENGTH = np.dtype("<u4")


class SegmentedBlockCodec(ABC):
    """Base of block codecs that cut a block into segments, each of which decodes alone.

    The directory has the length of every stream but the last, which takes the rest.

    Args:
        segment_bytes: bytes of data per segment; the last one of a block may have fewer.
        group: number of segments that are coded in parallel, which bounds the memory.
        exact: see `BlockCodec`.
    """

    def __init__(self, segment_bytes: int, group: int, exact: bool) -> None:
        self.segment_bytes = segment_bytes
        self._group = group
        self.exact = exact

    @abstractmethod
    def _encode(self, segments: Sequence[Data]) -> list[bytes]:
        """Return the stream of each segment."""

    @abstractmethod
    def _decode(self, streams: Sequence[bytes], raw_bytes: int) -> bytes:
        """Return the data of consecutive segments; only the last may be short.

        Raises:
            FormatError: `_encode` does not write this for any data of that size.
        """

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`."""
        step = self.segment_bytes
        segments = [data[i : i + step] for i in range(0, len(data), step)]
        streams: list[bytes] = []
        for begin in range(0, len(segments), self._group):
            streams += self._encode(segments[begin : begin + self._group])
        lengths = np.array([len(stream) for stream in streams[:-1]], _LENGTH)
        return lengths.tobytes() + b"".join(streams)

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        data = self._decode_groups(self._streams(coded, len(room)), len(room))
        room[:] = np.frombuffer(data, np.uint8)

    def decode_segments(self, coded: Data, raw_bytes: int, first: int, last: int) -> bytes:
        """Return the data of segments ``first`` to ``last`` - 1 of a block.

        Raises:
            FormatError: as `decode`.
        """
        wanted = min(raw_bytes, last * self.segment_bytes) - first * self.segment_bytes
        return self._decode_groups(self._streams(coded, raw_bytes)[first:last], wanted)

    def _decode_groups(self, streams: Sequence[bytes], raw_bytes: int) -> bytes:
        step = self._group * self.segment_bytes
        return b"".join(
            self._decode(
                streams[number * self._group : (number + 1) * self._group],
                min(step, raw_bytes - number * step),
            )
            for number in range(-(-raw_bytes // step))
        )

    def _streams(self, coded: Data, raw_bytes: int) -> list[bytes]:
        count = -(-raw_bytes // self.segment_bytes)
        begin = (count - 1) * _LENGTH.itemsize
        if len(coded) < begin:
            raise FormatError(f"expected the lengths of {count} segments, found {len(coded)} bytes")
        lengths = np.frombuffer(coded, _LENGTH, count - 1).astype(np.int64)
        ends = begin + np.cumsum(lengths)
        if count > 1 and int(ends[-1]) > len(coded):
            raise FormatError(f"expected segments up to {ends[-1]}, found {len(coded)} bytes")
        bounds = [begin, *ends.tolist(), len(coded)]
        return [bytes(coded[a:b]) for a, b in pairwise(bounds)]
