"""Blocks as range-coded ids of a codebook, with frequencies that follow what came before."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook import Codebook
from eqinfo.container.coders.codebook import CodebookCoder, IdArray
from eqinfo.errors import FormatError
from eqinfo.range_coder import RangeDecoder, RangeEncoder

PRECISION = 24
_COUNT = struct.Struct("<I")
# A table serves this many ids, then twice as many, and so on up to the largest number: later ones
# differ less from those before, and making one takes as long as coding some thousand ids.
_FIRST_IDS = 1 << 11
_LAST_IDS = 1 << 14
_ID_WEIGHT = 4


class RangedCoder:
    """The ids of `CodebookCoder` through the range coder.

    Ids are coded in runs; the frequencies of a run come from how often each id has occurred in the
    block before it (docs/format.md). So a block stands alone, and no table is stored.

    Args:
        codebook: of at most 16 bits.
    """

    exact = True

    def __init__(self, codebook: Codebook) -> None:
        self._plain = CodebookCoder(codebook)

    def encode(self, data: bytes) -> bytes:
        """See `Coder`."""
        ids = self._plain.ids(data)
        table = _Table(len(self._plain.codebook))
        coder = RangeEncoder(1, PRECISION)
        for before, begin, end in _runs(len(ids)):
            table.count(ids[before:begin])
            coder.extend_static(table.frequencies(), ids[begin:end])
        return _COUNT.pack(len(ids)) + coder.finish()[0]

    def decode(self, coded: bytes, raw_bytes: int) -> bytes:
        """See `Coder`."""
        if len(coded) < _COUNT.size:
            raise FormatError(f"expected a number of ids, found {len(coded)} bytes")
        (count,) = _COUNT.unpack_from(coded)
        if count > raw_bytes:
            raise FormatError(f"expected at most {raw_bytes} ids, found {count}")
        stream = coded[_COUNT.size :]
        return self._plain.text(self._decode_ids(stream, count), raw_bytes)

    def _decode_ids(self, stream: bytes, count: int) -> IdArray:
        table = _Table(len(self._plain.codebook))
        coder = RangeDecoder(1, PRECISION)
        coder.start(stream)
        ids = np.empty(count, np.uint16)
        for before, begin, end in _runs(count):
            table.count(ids[before:begin])
            ids[begin:end] = coder.extend_static(table.frequencies(), end - begin)
            if coder.overrun():
                raise FormatError(f"expected {count} ids, found the end of the stream at {end}")
        expected = (coder.end() + 7) // 8
        if expected != len(stream):
            raise FormatError(f"expected a stream of {expected} bytes, found {len(stream)}")
        return ids


def _runs(count: int) -> Iterator[tuple[int, int, int]]:
    """Yield where the run before begins, and where each run begins and ends."""
    before, begin, size = 0, 0, _FIRST_IDS
    while begin < count:
        yield before, begin, min(begin + size, count)
        before, begin = begin, begin + size
        size = min(2 * size, _LAST_IDS)


class _Table:
    """How often each id has occurred, as frequencies."""

    def __init__(self, ids: int) -> None:
        self._ids = ids
        self._weights: NDArray[np.int64] | None = None
        self._sum = ids

    def count(self, ids: IdArray) -> None:
        if len(ids) == 0:
            return
        if self._weights is None:
            self._weights = np.ones(self._ids, np.int64)
        self._weights += _ID_WEIGHT * np.bincount(ids, minlength=self._ids)
        self._sum += _ID_WEIGHT * len(ids)

    def frequencies(self) -> NDArray[np.uint32]:
        """Return at least 1 for each id; what is left of 2^24 goes to the first most frequent."""
        if self._weights is None:
            return _equal_frequencies(self._ids)
        total = 1 << PRECISION
        rows = 1 + self._weights * (total - self._ids) // self._sum
        rows[np.argmax(self._weights)] += total - int(rows.sum())
        return rows.astype(np.uint32)


@cache
def _equal_frequencies(ids: int) -> NDArray[np.uint32]:
    # 2^24 is a multiple of the number of ids: nothing is left over.
    rows = np.full(ids, (1 << PRECISION) // ids, np.uint32)
    rows.setflags(write=False)
    return rows
