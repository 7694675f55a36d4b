"""Sequences of compressed and of raw text, mixed (Proxy Compression, arXiv 2602.04289)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.experiment.m2.sequences import Batch, StreamSequences, TokenSequences

__all__ = ["ProxySequences"]

Tokens: TypeAlias = NDArray[np.integer[Any]]


class ProxySequences(TokenSequences):
    """Sequences of tokens, and for a share of the text sequences of its bytes instead.

    The first id of a sequence is a mark that says which kind it is. Tokens keep their ids; the 256
    bytes come after them, then the two marks. The paper also starts with pairs, a text as tokens
    and as bytes in one sequence; those are left out here.

    Args:
        streams: tokens below ``tokens``.
        to_bytes: returns the text of tokens.
        context: ids per sequence.
        tokens: number of different tokens.
        raw_share: share of the text that is read as bytes, 0 to 1; 0.1 in the paper.
        seed: of the random choice of that share.

    Attributes:
        vocab_size: number of different ids.

    Raises:
        ValueError: raw_share is out of range, or there is not one whole sequence.
    """

    def __init__(
        self,
        streams: Sequence[Tokens],
        to_bytes: Callable[[Tokens], bytes],
        context: int,
        tokens: int,
        raw_share: float,
        seed: int = 0,
    ) -> None:
        if not 0 <= raw_share <= 1:
            raise ValueError(f"expected a raw share of 0 to 1, found {raw_share}")
        self.context = context
        self.vocab_size = tokens + 258
        self._first_byte, self._token_mark, self._byte_mark = tokens, tokens + 256, tokens + 257
        self._tokens = StreamSequences(streams, context)
        raw = np.random.default_rng(seed).random(len(self._tokens)) < raw_share
        self._compressed = np.flatnonzero(~raw)
        chosen = (np.array([number]) for number in np.flatnonzero(raw))
        text = b"".join(to_bytes(self._tokens.batch(number)[1][0]) for number in chosen)
        count = len(text) // context
        self._bytes = np.frombuffer(text, np.uint8, count * context).reshape(count, context)
        if len(self) == 0:
            raise ValueError(
                f"expected text for a sequence of {context} bytes, found {len(text)} bytes: give "
                "more text, or a shorter context"
            )

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self._compressed) + len(self._bytes)

    def batch(self, numbers: NDArray[np.int64]) -> Batch:
        """Return some sequences; those of tokens have the lower numbers."""
        targets = np.empty((len(numbers), self.context), np.int64)
        compressed = numbers < len(self._compressed)
        targets[compressed] = self._tokens.batch(self._compressed[numbers[compressed]])[1]
        raw = self._bytes[numbers[~compressed] - len(self._compressed)]
        targets[~compressed] = raw.astype(np.int64) + self._first_byte
        marks = np.where(compressed, self._token_mark, self._byte_mark)
        return np.column_stack([marks, targets[:, :-1]]), targets
