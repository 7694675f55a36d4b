"""What M2 reads: sequences of tokens of one length, and which of them it predicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import xxhash
from numpy.typing import NDArray

from eqinfo.embedding.loss import IGNORED
from eqinfo.experiment.tokenizations.base import Ids

__all__ = ["StreamSequences", "TaskSequences", "TokenSequences", "document_sequences"]

Batch: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Inputs and targets, both of shape (n, context); a target of `IGNORED` is not predicted."""
_DIGESTED_AT_ONCE = 256


class TokenSequences(ABC):
    """Numbered sequences of tokens, all of one length.

    Attributes:
        context: tokens per sequence.
    """

    context: int

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of sequences."""

    @abstractmethod
    def batch(self, numbers: NDArray[np.int64]) -> Batch:
        """Return the sequences with these numbers."""

    def digest(self) -> str:
        """Return a checksum of all sequences, in order; reads them once."""
        digest = xxhash.xxh3_128()
        for begin in range(0, len(self), _DIGESTED_AT_ONCE):
            for array in self.batch(np.arange(begin, min(begin + _DIGESTED_AT_ONCE, len(self)))):
                digest.update(np.ascontiguousarray(array, "<i8").data)
        return digest.hexdigest()


class StreamSequences(TokenSequences):
    """Streams of tokens, cut into sequences; an incomplete sequence at a stream's end is dropped.

    Args:
        streams: integers of any width, such as the memory-mapped tokens of shards.
        context: tokens per sequence.

    Raises:
        ValueError: the context is below 1, or there is not one whole sequence.
    """

    def __init__(self, streams: Sequence[NDArray[np.integer[Any]]], context: int) -> None:
        self.context = context
        self._streams = streams
        if context < 1:
            raise ValueError(f"expected a context of 1 or more tokens, found {context}")
        counts = [max(0, len(stream) - 1) // context for stream in streams]
        self._first = np.array([0, *accumulate(counts)])
        if self._first[-1] == 0:
            raise ValueError(
                f"expected a stream of more than {context} tokens, found at most "
                f"{max(map(len, streams), default=0)}: give more text, or a shorter context"
            )

    def __len__(self) -> int:
        """Return the number of sequences."""
        return int(self._first[-1])

    def batch(self, numbers: NDArray[np.int64]) -> Batch:
        """Return some sequences; every target is the token after its input."""
        streams = np.searchsorted(self._first, numbers, "right") - 1
        tokens = np.empty((len(numbers), self.context + 1), np.int64)
        for sequence, stream, number in zip(tokens, streams, numbers, strict=True):
            begin = int(number - self._first[stream]) * self.context
            sequence[:] = self._streams[stream][begin : begin + self.context + 1]
        return tokens[:, :-1], tokens[:, 1:]


class TaskSequences(TokenSequences):
    """Pairs for a sequence-to-sequence task: a source, an end mark, the target, and padding.

    Args:
        sources: ids below ``end``.
        targets: ids below ``end``, as many documents.
        end: the id of the mark and of the padding; the vocabulary has ``end + 1`` ids.
        context: tokens per sequence.

    Raises:
        ValueError: there is no pair, or one is too long.
    """

    def __init__(
        self, sources: Sequence[Ids], targets: Sequence[Ids], end: int, context: int
    ) -> None:
        self.context = context
        self._tokens = np.full((len(sources), context + 1), end, np.int64)
        self._targets = np.full((len(sources), context), IGNORED, np.int64)
        longest = max((len(s) + len(t) for s, t in zip(sources, targets, strict=True)), default=0)
        if not 0 < longest < context:
            raise ValueError(
                f"expected a longest pair of 1 to {context - 1} tokens, found {longest} tokens"
            )
        for tokens, predicted, source, target in zip(
            self._tokens, self._targets, sources, targets, strict=True
        ):
            tokens[: len(source)] = source
            tokens[len(source) + 1 : len(source) + 1 + len(target)] = target
            predicted[len(source) : len(source) + len(target)] = target

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self._tokens)

    def batch(self, numbers: NDArray[np.int64]) -> Batch:
        """Return some sequences; only the tokens of the target are predicted."""
        return self._tokens[numbers, :-1], self._targets[numbers]


def document_sequences(documents: Sequence[Ids], begin: int, context: int) -> StreamSequences:
    """Cut documents into sequences, none of which crosses the end of a document.

    The id ``begin`` precedes every document. If the context is a whole number of windows, a
    position in a sequence is always the same position in a window, as in the paper, whose sequences
    and documents are whole windows, too (section 3.4).

    Raises:
        ValueError: no document is long enough for a sequence.
    """
    mark = np.array([begin])
    return StreamSequences([np.concatenate([mark, ids]) for ids in documents], context)
