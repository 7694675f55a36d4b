"""Blocks of segments: a directory of their coded lengths, then one stream per segment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

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
        segments = self.segments(data)
        streams: list[bytes] = []
        for begin in range(0, len(segments), self._group):
            streams += self._encode(segments[begin : begin + self._group])
        return self.joined(streams)

    def segments(self, data: Data) -> list[Data]:
        """Return the data of each segment of a block."""
        step = self.segment_bytes
        return [data[i : i + step] for i in range(0, len(data), step)]

    def joined(self, streams: Sequence[bytes]) -> bytes:
        """Return the code of a block from the streams of its segments."""
        lengths = np.array([len(stream) for stream in streams[:-1]], _LENGTH)
        return lengths.tobytes() + b"".join(streams)

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        self._decode_range(coded, len(room), 0, -(-len(room) // self.segment_bytes), room)

    def decode_segments(self, coded: Data, raw_bytes: int, first: int, last: int) -> Room:
        """Return the data of segments ``first`` to ``last`` - 1 of a block.

        Raises:
            FormatError: as `decode`.
        """
        begin = first * self.segment_bytes
        room = np.empty(min(raw_bytes, last * self.segment_bytes) - begin, np.uint8)
        self._decode_range(coded, raw_bytes, first, last, room)
        return room

    def _decode_range(self, coded: Data, raw_bytes: int, first: int, last: int, room: Room) -> None:
        """Decode segments into ``room``, a group at a time: a block may have millions of them."""
        count = -(-raw_bytes // self.segment_bytes)
        lengths, offset = self._directory(coded, count)
        offset += int(lengths[:first].sum(dtype=np.int64))
        done = 0
        for begin in range(first, last, self._group):
            end = min(begin + self._group, last)
            bounds = [offset, *(offset + np.cumsum(lengths[begin:end], dtype=np.int64)).tolist()]
            if end == count:
                bounds.append(len(coded))
            streams = [bytes(coded[a:b]) for a, b in pairwise(bounds)]
            size = min((end - begin) * self.segment_bytes, len(room) - done)
            room[done : done + size] = np.frombuffer(self._decode(streams, size), np.uint8)
            done += size
            offset = bounds[-1]

    def _directory(self, coded: Data, count: int) -> tuple[NDArray[np.uint32], int]:
        """Return the lengths of all streams but the last, and where the first begins."""
        begin = (count - 1) * _LENGTH.itemsize
        if len(coded) < begin:
            raise FormatError(f"expected the lengths of {count} segments, found {len(coded)} bytes")
        lengths = np.frombuffer(coded, _LENGTH, count - 1)
        end = begin + int(lengths.sum(dtype=np.int64))
        if end > len(coded):
            raise FormatError(f"expected segments up to {end}, found {len(coded)} bytes")
        return lengths, begin
