"""Documents as they come out of files: runs of them, and long ones in pieces."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import BinaryIO, TypeAlias

from eqinfo.common.batch import TextBatch

READ_BYTES = 1 << 22
"""Content that is read at a time; what of it is whole documents is encoded together."""
LONG_BYTES = 1 << 24
"""A text document of more bytes is never held in memory whole."""

Texts: TypeAlias = list[bytes] | TextBatch | Iterator[bytes]


@dataclass(frozen=True)
class Run:
    """Documents that follow each other.

    Attributes:
        texts: their bytes; or an iterator over the pieces of one long document, of which the
            next run skips what has not been read.
        offset: of the first one in the content of its file.
        consumed: returns how many stored bytes have been read by now; until the next run.
    """

    texts: Texts
    offset: int = 0
    consumed: Callable[[], int] = lambda: 0


def split(file: BinaryIO, separator: bytes, offset: int) -> Iterator[Run]:
    """Yield documents that a separator ends; the last one may do without.

    Args:
        file: read from where it stands, the begin of a document.
        separator: belongs to no document.
        offset: of that place.
    """
    rest = b""
    while True:
        chunk = file.read(READ_BYTES)
        *texts, rest = (rest + chunk).split(separator)
        if texts:
            yield Run(texts, offset)
            offset += sum(map(len, texts)) + len(texts) * len(separator)
        if not chunk:
            break
        if len(rest) > LONG_BYTES:
            long = _Long(file, rest, separator)
            pieces = iter(long)
            yield Run(pieces, offset)
            for _ in pieces:
                pass
            offset, rest = offset + long.size, long.rest
    if rest:
        yield Run([rest], offset)


class _Long:
    """A document too long to wait for its end.

    Attributes:
        size: once it has been read, its bytes with those of the separator.
        rest: and what was read after them.
    """

    def __init__(self, file: BinaryIO, begin: bytes, separator: bytes) -> None:
        self._file = file
        self._separator = separator
        self.rest = begin
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        # A separator may begin in the last bytes of a piece, which therefore wait for the next one.
        keep = len(self._separator) - 1
        while True:
            piece, found, after = self.rest.partition(self._separator)
            if found:
                self.size += len(piece) + len(found)
                self.rest = after
                yield piece
                return
            whole = len(piece) - keep
            chunk = self._file.read(READ_BYTES)
            if not chunk:
                self.size += len(piece)
                self.rest = b""
                yield piece
                return
            self.size += whole
            self.rest = piece[whole:] + chunk
            yield piece[:whole]


def divide(run: Run, separator: bytes, boundary: int) -> tuple[Run | None, Run | None]:
    """Divide what `split` yields: documents that begin before an offset, and the others."""
    if run.offset >= boundary:
        return None, run
    if not isinstance(run.texts, list):
        return run, None
    sizes = (len(text) + len(separator) for text in run.texts)
    begins = list(accumulate(sizes, initial=run.offset))
    count = bisect_left(begins, boundary, hi=len(run.texts))
    if count == len(run.texts):
        return run, None
    after = replace(run, texts=run.texts[count:], offset=begins[count])
    return replace(run, texts=run.texts[:count]), after
