"""Sequences of compressed and of raw text, mixed (Proxy Compression, arXiv 2602.04289)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.embedding.loss import IGNORED
from eqinfo.experiment.m2.sequences import Batch, StreamSequences, TokenSequences

__all__ = ["FIRST_BYTE", "FIRST_TOKEN", "ProxySequences"]

Tokens: TypeAlias = NDArray[np.integer[Any]]

FIRST_BYTE, FIRST_TOKEN = 64, 64 + 256
"""The first 64 ids are sentinels, the next 256 bytes, and the rest compressed tokens."""
RAW, RAW_END, COMPRESSED, COMPRESSED_END = 12, 13, 14, 15
"""The sentinels in use, around raw and around compressed text. The others never occur here."""


class ProxySequences(TokenSequences):
    """Sequences of tokens, and for a share of the text sequences of its bytes instead.

    Ids and sentinels are those of the paper's code: with 65,536 tokens there are 65,856 ids. The
    first id of a sequence is a sentinel that says which kind it is.

    Pairs, the paper's warm-up, are a text in both forms in one sequence, in either order: ``RAW,
    bytes, RAW_END, COMPRESSED, tokens, COMPRESSED_END``. All of it is predicted. As there, they
    take the place of as many single sequences as keeps the share of raw forms.

    The paper's documents are whole, between marks of their own; here they are pieces that fit into
    a sequence, so those without a pair need no end. The paper mixes pairs in for the first fifth of
    its steps, while the raw share falls from 0.6 to 0.1; here a run has one mix.

    Args:
        streams: tokens below ``tokens``.
        to_bytes: returns the text of tokens.
        context: ids per sequence.
        tokens: number of different tokens.
        raw_share: share of the text that is read as bytes, 0 to 1; 0.1 in the paper.
        seed: of the random choice of that share.
        pairs: whether to have pairs.

    Attributes:
        vocab_size: number of different ids.

    Raises:
        ValueError: raw_share is out of range, there is not one whole sequence, or a token does not
            fit into one as a pair.
    """

    def __init__(
        self,
        streams: Sequence[Tokens],
        to_bytes: Callable[[Tokens], bytes],
        context: int,
        tokens: int,
        raw_share: float,
        seed: int = 0,
        *,
        pairs: bool = False,
    ) -> None:
        if not 0 <= raw_share <= 1:
            raise ValueError(f"expected a raw share of 0 to 1, found {raw_share}")
        self.context = context
        self.vocab_size = FIRST_TOKEN + tokens
        self._tokens = StreamSequences(streams, context)
        random = np.random.default_rng(seed)
        raw, paired = _kinds(random.random(len(self._tokens)), raw_share, pairs)
        self._compressed = np.flatnonzero(~raw & ~paired)
        text = b"".join(to_bytes(ids) for ids in self._chosen(raw))
        count = len(text) // context
        self._bytes = np.frombuffer(text, np.uint8, count * context).reshape(count, context)
        self._pairs = np.empty((0, context + 1), np.int64)
        if pairs:
            sizes = np.array([len(to_bytes(np.array([id_]))) for id_ in range(tokens)])
            pieces = [piece for ids in self._chosen(paired) for piece in _cut(ids, sizes, context)]
            rows = [_pair(piece, to_bytes(piece), random.random() < 0.5) for piece in pieces]
            self._pairs = np.full((len(rows), context + 1), IGNORED, np.int64)
            for padded, row in zip(self._pairs, rows, strict=True):
                padded[: len(row)] = row
        if len(self) == 0:
            raise ValueError(
                f"expected text for a sequence of {context} bytes, found {len(text)} bytes: give "
                "more text, or a shorter context"
            )

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self._compressed) + len(self._bytes) + len(self._pairs)

    def batch(self, numbers: NDArray[np.int64]) -> Batch:
        """Return some sequences; those of tokens have the lowest numbers, pairs the highest."""
        sequences = np.empty((len(numbers), self.context + 1), np.int64)
        kinds = np.searchsorted(
            np.cumsum([len(self._compressed), len(self._bytes)]), numbers, "right"
        )
        compressed, raw, paired = (kinds == kind for kind in range(3))
        ids = self._tokens.batch(self._compressed[numbers[compressed]])[1]
        sequences[compressed, 0], sequences[raw, 0] = COMPRESSED, RAW
        sequences[compressed, 1:] = ids + FIRST_TOKEN
        bytes_ = self._bytes[numbers[raw] - len(self._compressed)]
        sequences[raw, 1:] = bytes_.astype(np.int64) + FIRST_BYTE
        sequences[paired] = self._pairs[numbers[paired] - len(self._compressed) - len(self._bytes)]
        inputs = np.maximum(sequences[:, :-1], 0)  # what follows the end of a pair is ignored
        return inputs, sequences[:, 1:]

    def _chosen(self, mask: NDArray[np.bool_]) -> list[Tokens]:
        return [self._tokens.batch(np.array([at]))[1][0] for at in np.flatnonzero(mask)]


def _kinds(
    draws: NDArray[np.float64], raw_share: float, pairs: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which texts are raw, and which are pairs, by random numbers of 0 to 1.

    A pair has one raw and one compressed form. If r of the forms are to be raw, and n of the texts
    are pairs, then n / (1 + n) = r where nothing else is raw, and 1 - r where all else is raw.
    """
    none = np.zeros(len(draws), bool)
    if not pairs:
        return draws < raw_share, none
    rarer = min(raw_share, 1 - raw_share)
    paired = draws < rarer / (1 - rarer)
    return (none if raw_share < 0.5 else ~paired), paired


def _cut(ids: Tokens, sizes: NDArray[np.int64], context: int) -> list[Tokens]:
    """Cut tokens into pieces that fit into a sequence with their bytes and four sentinels."""
    most = context + 1 - 4
    ends = np.concatenate([[0], np.cumsum(1 + sizes[ids])])
    cuts = [0]
    while cuts[-1] < len(ids):
        end = int(np.searchsorted(ends, ends[cuts[-1]] + most, "right")) - 1
        if end == cuts[-1]:
            size = int(sizes[ids[end]])
            raise ValueError(
                f"expected a context of {size + 4} or more for pairs with a token of {size} bytes, "
                f"found {context}"
            )
        cuts.append(end)
    return [ids[begin:end] for begin, end in pairwise(cuts)]


def _pair(ids: Tokens, text: bytes, raw_first: bool) -> NDArray[np.int64]:
    raw = np.concatenate([[RAW], np.frombuffer(text, np.uint8) + np.int64(FIRST_BYTE), [RAW_END]])
    tokens = np.concatenate([[COMPRESSED], ids.astype(np.int64) + FIRST_TOKEN, [COMPRESSED_END]])
    return np.concatenate([raw, tokens] if raw_first else [tokens, raw])
