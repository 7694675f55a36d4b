"""Documents as they are read from a stream: in runs, and long ones in pieces."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import BinaryIO, TypeAlias

from eqinfo.common.batch import TextBatch
from eqinfo.shards.bad_input import BadInputError

READ_BYTES = 1 << 22
"""Bytes of content per read; the whole documents among them are encoded together."""
LONG_BYTES = 1 << 24
"""A text document of more bytes than this is never held in memory as a whole."""


@dataclass(frozen=True)
class Lines:
    """Whole lines as they are in the file, to be taken apart; the last may be unterminated."""

    data: bytes


Texts: TypeAlias = list[bytes] | TextBatch | Iterator[bytes]
"""Whole documents, or the pieces of one long document."""


@dataclass(frozen=True)
class DocumentRun:
    """Consecutive documents of a file.

    Attributes:
        texts: their bytes; or the lines they are in; or an iterator over the pieces of one long
            document. Pieces that have not been read when the next run is taken are skipped.
        offset: where the first document begins in the content of its file, in bytes; for Parquet
            files, in rows.
        skipped: documents among them that cannot be read; they are not in ``texts``.
        consumed: returns how many stored bytes have been read so far. Valid until the next run is
            taken.
    """

    texts: Texts | Lines
    offset: int = 0
    skipped: tuple[BadInputError, ...] = ()
    consumed: Callable[[], int] = lambda: 0


def split(file: BinaryIO, separator: bytes, offset: int) -> Iterator[DocumentRun]:
    """Yield the documents that a separator ends; the last one may lack it.

    Args:
        file: is read from its current position, where a document begins.
        separator: is part of no document.
        offset: that position in the content of the file.
    """
    rest = b""
    while True:
        chunk = file.read(READ_BYTES)
        *texts, rest = (rest + chunk).split(separator)
        if texts:
            yield DocumentRun(texts, offset)
            offset += sum(map(len, texts)) + len(texts) * len(separator)
        if not chunk:
            break
        if len(rest) > LONG_BYTES:
            long = _LongDocument(file, rest, separator)
            pieces = iter(long)
            yield DocumentRun(pieces, offset)
            for _ in pieces:
                pass
            offset, rest = offset + long.size, long.rest
    if rest:
        yield DocumentRun([rest], offset)


class _LongDocument:
    """A document that is too long to be read to its end before it is passed on.

    Attributes:
        size: bytes of the document and its separator, once all pieces have been read.
        rest: the bytes that were read after the separator.
    """

    def __init__(self, file: BinaryIO, begin: bytes, separator: bytes) -> None:
        self._file = file
        self._separator = separator
        self.rest = begin
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        # A separator may begin in the last bytes of a piece, so they wait for the next one.
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


def split_lines(file: BinaryIO, offset: int) -> Iterator[DocumentRun]:
    """Yield the lines of a file from its current position on, where a line begins.

    Args:
        file: is read; a line of any length is held in memory.
        offset: its position in the content of the file.
    """
    waiting: list[bytes] = []  # the beginning of a line
    while chunk := file.read(READ_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end:
            lines = Lines(b"".join([*waiting, chunk[:end]]))
            yield DocumentRun(lines, offset)
            offset += len(lines.data)
            waiting = []
        if end < len(chunk):
            waiting.append(chunk[end:])
    if waiting:
        yield DocumentRun(Lines(b"".join(waiting)), offset)


def divide(
    run: DocumentRun, separator: bytes, boundary: int
) -> tuple[DocumentRun | None, DocumentRun | None]:
    """Divide a run into the documents that begin before ``boundary`` and the others.

    Args:
        run: documents as `split` or `split_lines` yields them.
        separator: ends each document.
        boundary: an offset in the content of the file.
    """
    if run.offset >= boundary:
        return None, run
    if isinstance(run.texts, Lines):
        return _divide_lines(run, run.texts.data, boundary)
    if not isinstance(run.texts, list):
        return run, None
    end = run.offset + sum(map(len, run.texts)) + len(run.texts) * len(separator)
    if end <= boundary:  # most runs; the beginnings take longer to find
        return run, None
    sizes = (len(text) + len(separator) for text in run.texts)
    begins = list(accumulate(sizes, initial=run.offset))
    count = bisect_left(begins, boundary, hi=len(run.texts))
    if count == len(run.texts):
        return run, None
    after = replace(run, texts=run.texts[count:], offset=begins[count])
    return replace(run, texts=run.texts[:count]), after


def _divide_lines(
    run: DocumentRun, data: bytes, boundary: int
) -> tuple[DocumentRun, DocumentRun | None]:
    end = data.find(b"\n", boundary - run.offset - 1) + 1
    if end in (0, len(data)):
        return run, None
    after = replace(run, texts=Lines(data[end:]), offset=run.offset + end)
    return replace(run, texts=Lines(data[:end])), after
