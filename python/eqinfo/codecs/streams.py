"""Documents of symbols as range-coded streams, many at a time on the lanes of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eqinfo.codecs.frame import compare_check, crc, get_length, put_check, put_length
from eqinfo.common.lane_loop import LaneIndices, lane_count, run_lanes
from eqinfo.common.progress import Advance
from eqinfo.common.symbols import Symbols, concatenate_by
from eqinfo.errors import FormatError
from eqinfo.models.lanes import ModelLanes, NativeLanes, coding_lanes
from eqinfo.models.protocol import Model
from eqinfo.range_coder import RangeDecoder, RangeEncoder

MAX_SYMBOLS = (1 << 63) - 1
"""The longest document that a stream can announce."""

# The most symbols that are coded on every lane in one call. Decoding looks whether a stream has
# ended too early after every such call.
_ROUNDS = 256


class Stream(Protocol):
    """A stream to be decoded.

    Attributes:
        data: its bytes.
    """

    @property
    def data(self) -> bytes: ...  # noqa: D102

    def check_end(self, coder: RangeDecoder, lane: int) -> None:
        """Check that the stream of a lane ends as an encoder ends it; FormatError if not."""
        ...


def encode_streams(
    model: Model,
    documents: Sequence[Symbols],
    precision: int,
    lanes: int,
    check_bits: int = 0,
    advance: Advance = lambda _: None,
) -> list[tuple[bytes, int]]:
    """Encode documents, at most ``lanes`` at a time.

    Args:
        advance: called with numbers of symbols that have been encoded, at least once every
            `_ROUNDS` symbols of a lane.

    Returns:
        The bytes of each document's stream, and how many bits of them count.
    """
    lanes = lane_count(lanes, len(documents))
    encoding = _Encoding(model, documents, precision, lanes, check_bits, advance)
    run_lanes(encoding, range(len(documents)), lanes)
    return encoding.streams


def decode_streams(
    model: Model,
    streams: Sequence[Stream],
    precision: int,
    lanes: int,
    check_bits: int = 0,
    most: int = MAX_SYMBOLS,
) -> list[Symbols]:
    """Decode what `encode_streams` encoded.

    Args:
        most: symbols of a document; a stream that announces more is refused.

    Raises:
        ChecksumError: the symbols have another checksum.
        FormatError: no encoder writes one of the streams.
    """
    lanes = lane_count(lanes, len(streams))
    decoding = _Decoding(model, streams, precision, lanes, check_bits, most)
    run_lanes(decoding, range(len(streams)), lanes)
    return concatenate_by(decoding.keys, decoding.values, len(streams))


class _Encoding:
    """A `LaneTask`: documents being encoded.

    Attributes:
        streams: the bytes of each document and how many bits of them count.
    """

    def __init__(
        self,
        model: Model,
        documents: Sequence[Symbols],
        precision: int,
        lanes: int,
        check_bits: int,
        advance: Advance,
    ) -> None:
        self.streams: list[tuple[bytes, int]] = [(b"", 0)] * len(documents)
        self._documents = documents
        self._coder = RangeEncoder(lanes, precision)
        self._contexts = coding_lanes(model, lanes, precision)
        self._check_bits = check_bits
        self._advance = advance
        self._fresh: list[int] = []
        self._current = np.zeros(lanes, np.int64)
        self._positions = np.zeros(lanes, np.int64)
        self._ends = np.zeros(lanes, np.int64)

    def begin(self, lane: int, item: int) -> bool:
        length = len(self._documents[item])
        put_length(self._coder, length, lane)
        if length == 0:
            self._finish(lane, item)
            return False
        self._current[lane], self._positions[lane], self._ends[lane] = item, 0, length
        self._fresh.append(lane)
        return True

    def step(self, lanes: LaneIndices) -> list[int]:
        _reset(self._contexts, self._fresh)
        positions = self._positions[lanes]
        rounds = min(_ROUNDS, int((self._ends[lanes] - positions).min()))
        symbols = [
            self._documents[document][position : position + rounds]
            for document, position in zip(self._current[lanes], positions, strict=True)
        ]
        self._contexts.encode(self._coder, np.ascontiguousarray(np.transpose(symbols)), lanes)
        self._positions[lanes] += rounds
        self._advance(rounds * len(lanes))
        finished: list[int] = lanes[self._positions[lanes] == self._ends[lanes]].tolist()
        for lane in finished:
            self._finish(lane, int(self._current[lane]))
        return finished

    def _finish(self, lane: int, item: int) -> None:
        put_check(self._coder, self._documents[item], self._check_bits, lane)
        self.streams[item] = self._coder.finish(lane)


class _Decoding:
    """A `LaneTask`: streams being decoded.

    Attributes:
        keys, values: the documents of decoded symbols, and the symbols.
    """

    def __init__(
        self,
        model: Model,
        streams: Sequence[Stream],
        precision: int,
        lanes: int,
        check_bits: int,
        most: int,
    ) -> None:
        self.keys: list[NDArray[np.int64]] = []
        self.values: list[Symbols] = []
        self._streams = streams
        self._coder = RangeDecoder(lanes, precision)
        self._contexts = coding_lanes(model, lanes, precision)
        self._check_bits = check_bits
        self._most = most
        self._fresh: list[int] = []
        self._current = np.zeros(lanes, np.int64)
        self._left = np.zeros(lanes, np.int64)
        self._crcs = [0] * lanes  # of the symbols so far

    def begin(self, lane: int, item: int) -> bool:
        self._coder.start(self._streams[item].data, lane)
        length = get_length(self._coder, lane)
        if length > self._most:
            raise FormatError(f"expected at most {self._most} symbols, found {length}")
        self._crcs[lane] = 0
        if length == 0:
            self._end(lane, item)
            return False
        self._current[lane], self._left[lane] = item, length
        self._fresh.append(lane)
        return True

    def step(self, lanes: LaneIndices) -> list[int]:
        _reset(self._contexts, self._fresh)
        rounds = min(_ROUNDS, int(self._left[lanes].min()))
        symbols = self._contexts.decode(self._coder, rounds, lanes)
        self.keys.append(np.repeat(self._current[lanes], rounds))
        self.values.append(symbols.T.ravel())
        self._left[lanes] -= rounds
        if self._check_bits:
            for lane, some in zip(lanes.tolist(), symbols.T, strict=True):
                self._crcs[lane] = crc(some, self._crcs[lane])
        finished: list[int] = lanes[self._left[lanes] == 0].tolist()
        for lane in finished:
            self._end(lane, int(self._current[lane]))
        check_overrun(self._coder, lanes)
        return finished

    def _end(self, lane: int, item: int) -> None:
        if self._check_bits:
            compare_check(self._coder, self._crcs[lane], self._check_bits, lane)
        self._streams[item].check_end(self._coder, lane)


def _reset(contexts: ModelLanes | NativeLanes, lanes: list[int]) -> None:
    """Empty the contexts of ``lanes``, and the list."""
    if lanes:
        contexts.reset(np.array(lanes, np.int64))
        lanes.clear()


def check_overrun(coder: RangeDecoder, lanes: NDArray[np.int64]) -> None:
    """Raise FormatError if the stream of a lane has ended before the symbols that were decoded."""
    for lane in lanes:
        if coder.overrun(int(lane)):
            raise FormatError(
                "expected a stream as long as its text, found one that ends before: it is "
                "truncated, altered, or from another model"
            )
