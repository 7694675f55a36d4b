"""Rows of compressed and of raw text, mixed (Proxy Compression, arXiv 2602.04289)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.experiment.m2.sequences import Rows, RowSource, StreamRows

Tokens = NDArray[np.integer[Any]]


class ProxyRows(RowSource):
    """Rows of tokens, and for a share of the text rows of its bytes instead.

    The first id of a row is a mark that says which of the two it holds. Tokens keep their ids, the
    256 bytes stand behind them, the two marks come last. The paper also begins with some pairs, a
    text as tokens and as bytes in one row; those are not here.

    Args:
        streams: tokens below ``tokens``.
        to_bytes: returns the text behind tokens.
        context: ids of a row.
        tokens: number of different tokens.
        raw_share: of the text that is bytes, 0 to 1; 0.1 in the paper.
        seed: of the choice.

    Attributes:
        vocab_size: number of different ids.

    Raises:
        ValueError: a share that is none, or not one whole row.
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
            raise ValueError(f"expected a share of 0 to 1, found {raw_share}")
        self.context = context
        self.vocab_size = tokens + 258
        self._first_byte, self._token_mark, self._byte_mark = tokens, tokens + 256, tokens + 257
        self._tokens = StreamRows(streams, context)
        raw = np.random.default_rng(seed).random(len(self._tokens)) < raw_share
        self._compressed = np.flatnonzero(~raw)
        chosen = (np.array([number]) for number in np.flatnonzero(raw))
        text = b"".join(to_bytes(self._tokens.rows(number)[1][0]) for number in chosen)
        count = len(text) // context
        self._bytes = np.frombuffer(text, np.uint8, count * context).reshape(count, context)
        if len(self) == 0:
            raise ValueError(f"expected text for a row of {context} bytes, found {len(text)}")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._compressed) + len(self._bytes)

    def rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Return some rows: those of tokens come first, those of bytes last."""
        targets = np.empty((len(numbers), self.context), np.int64)
        compressed = numbers < len(self._compressed)
        targets[compressed] = self._tokens.rows(self._compressed[numbers[compressed]])[1]
        raw = self._bytes[numbers[~compressed] - len(self._compressed)]
        targets[~compressed] = raw.astype(np.int64) + self._first_byte
        marks = np.where(compressed, self._token_mark, self._byte_mark)
        return np.column_stack([marks, targets[:, :-1]]), targets
