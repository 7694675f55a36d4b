"""How many of the different tokens of a text occur again (appendix D.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eqinfo.experiment.tokenizations.base import Ids

__all__ = ["Repeats", "repeats"]


@dataclass(frozen=True)
class Repeats:
    """Shares of the different tokens that occur at least twice, 0 to 1.

    Attributes:
        all: over all tokens; 34.5 % in the paper for padded windows of 16 bits, one token each, in
            20 documents of 1,024 bytes.
        by_place: over the tokens at each place in their window.
        occurring: number of different tokens at each place. In the paper all 256 tokens of 8 bits
            occur, and repeat, in both places of windows of 16 bits.
    """

    all: float
    by_place: tuple[float, ...]
    occurring: tuple[int, ...]


def repeats(documents: Sequence[Ids], window_tokens: int = 1) -> Repeats:
    """Return how many of the tokens that occur at all repeat (D.8).

    A token that occurs once teaches an M2 nothing that it can use again.

    Args:
        documents: ids of whole windows.
        window_tokens: tokens per window.

    Raises:
        ValueError: there are no tokens, or a document does not consist of whole windows.
    """
    lengths = [len(ids) for ids in documents]
    if sum(lengths) == 0 or any(length % window_tokens for length in lengths):
        raise ValueError(
            f"expected documents of whole windows of {window_tokens} tokens, found lengths "
            f"{lengths[:4]}"
        )
    tokens = np.concatenate(documents).reshape(-1, window_tokens)
    places = [_counts(column) for column in tokens.T]
    return Repeats(
        _repeated(_counts(tokens.reshape(-1))),
        tuple(map(_repeated, places)),
        tuple(map(len, places)),
    )


def _counts(tokens: Ids) -> Ids:
    return np.unique(tokens, return_counts=True)[1]


def _repeated(counts: Ids) -> float:
    return float((counts > 1).mean())
