"""What M2 reads: rows of tokens, and which of them it is to predict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.experiment.tokenizations.base import Ids

Rows: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Inputs and targets, both of shape (n, context); a target of `IGNORED` is not predicted."""
IGNORED = -100


class RowSource(ABC):
    """Rows by number, all of one length.

    Attributes:
        context: tokens of a row.
    """

    context: int

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Return some rows."""


class StreamRows(RowSource):
    """Streams of tokens cut into rows; what is left of each at its end is not read.

    Args:
        streams: integers of any width, such as the mapped tokens of shards.
        context: tokens of a row.

    Raises:
        ValueError: there is not one whole row.
    """

    def __init__(self, streams: Sequence[NDArray[np.integer[Any]]], context: int) -> None:
        self.context = context
        self._streams = streams
        counts = [max(0, len(stream) - 1) // context for stream in streams]
        self._first = np.array([0, *accumulate(counts)])
        if self._first[-1] == 0:
            raise ValueError(
                f"expected a stream of more than {context} tokens, found "
                f"{max(map(len, streams), default=0)}: give more text, or a shorter context"
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._first[-1])

    def rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Return some rows; every target is the token behind its input."""
        which = np.searchsorted(self._first, numbers, "right") - 1
        rows = np.empty((len(numbers), self.context + 1), np.int64)
        for row, stream, number in zip(rows, which, numbers, strict=True):
            begin = int(number - self._first[stream]) * self.context
            row[:] = self._streams[stream][begin : begin + self.context + 1]
        return rows[:, :-1], rows[:, 1:]


class TaskRows(RowSource):
    """Sequence to sequence: a source, an end, and the target behind it, filled up to a context.

    Args:
        sources: ids below ``end``.
        targets: ids below ``end``, as many documents.
        end: the id behind both; the vocabulary is one larger.
        context: tokens of a row.

    Raises:
        ValueError: a pair that is longer than a row, or no pair.
    """

    def __init__(
        self, sources: Sequence[Ids], targets: Sequence[Ids], end: int, context: int
    ) -> None:
        self.context = context
        self._rows = np.full((len(sources), context + 1), end, np.int64)
        self._wanted = np.full((len(sources), context), IGNORED, np.int64)
        longest = max((len(s) + len(t) for s, t in zip(sources, targets, strict=True)), default=0)
        if not 0 < longest < context:
            raise ValueError(f"expected pairs of 1 to {context - 1} tokens, found {longest}")
        for row, wanted, source, target in zip(
            self._rows, self._wanted, sources, targets, strict=True
        ):
            row[: len(source)] = source
            row[len(source) + 1 : len(source) + 1 + len(target)] = target
            wanted[len(source) : len(source) + len(target)] = target

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Return some rows; only the target's tokens are to be predicted."""
        return self._rows[numbers, :-1], self._wanted[numbers]


def document_rows(documents: Sequence[Ids], begin: int, context: int) -> StreamRows:
    """Return rows of documents, none across the end of one; ``begin`` stands before each.

    With a context of whole windows a place in a row is always the same place in a window, as in the
    paper, whose sequences and documents are whole windows, too (section 3.4).

    Raises:
        ValueError: no document fills a row.
    """
    mark = np.array([begin])
    return StreamRows([np.concatenate([mark, ids]) for ids in documents], context)
