"""Texts to rows of tokens, added tokens among them, and the parts that truncation cuts rows into.

Everything is as in the ``tokenizers`` library, which the tests compare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook.table import Codebook

Array: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class AddedTokens:
    """Tokens that are found in text before the codebook sees it.

    Attributes:
        ids: by content.
        phases: one pattern each for the tokens that are looked for first and then; a pattern has
            the longest of its tokens that begins leftmost as its one group.
    """

    ids: Mapping[str, int]
    phases: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, ids: Mapping[str, int], phases: Sequence[Sequence[str]]) -> AddedTokens:
        """Return the tokens ``ids``; ``phases`` says which are looked for first, and then."""
        return cls(ids, tuple(_pattern(tuple(phase)) for phase in phases if phase))

    def occur_in(self, text: str) -> bool:
        """Whether one of the tokens is in ``text``."""
        return any(pattern.search(text) for pattern in self.phases)

    def split(self, text: str) -> list[str]:
        """Return plain text and added tokens in turn, plain text first and last."""
        parts = [text]
        for pattern in self.phases:
            splits = (pattern.split(p) if i % 2 == 0 else [p] for i, p in enumerate(parts))
            parts = [part for split in splits for part in split]
        return parts


@lru_cache
def _pattern(tokens: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})")


@dataclass(frozen=True)
class Row:
    """Tokens of a text.

    Attributes:
        ids: shape (n,).
        spans: where they begin and end in the text, in characters, shape (n, 2); None where they
            were not asked for.
    """

    ids: Array
    spans: Array | None

    def __getitem__(self, part: slice) -> Row:
        """Return a part of the row, a view."""
        return Row(self.ids[part], None if self.spans is None else self.spans[part])


def encode_texts(
    codebook: Codebook,
    added: AddedTokens,
    texts: Sequence[str],
    *,
    with_spans: bool,
    num_threads: int,
) -> list[Row]:
    """Return the tokens of every text, added ones among them, in one call of the codebook."""
    parts_of = [added.split(text) for text in texts]
    pieces = [piece for parts in parts_of for piece in parts[::2]]
    batch = codebook.encode_batch(pieces, num_threads=num_threads)
    ids = batch.tokens.astype(np.int64)
    bounds = pairwise(batch.offsets.tolist())
    rows = []
    for parts in parts_of:
        row = [
            np.array([added.ids[part]]) if i % 2 else ids[slice(*next(bounds))]
            for i, part in enumerate(parts)
        ]
        spans = _join_spans(codebook, parts, row) if with_spans else None
        rows.append(Row(row[0] if len(row) == 1 else np.concatenate(row), spans))
    return rows


def _join_spans(codebook: Codebook, parts: Sequence[str], ids: Sequence[Array]) -> Array:
    spans = []
    begin = 0
    for i, part in enumerate(parts):
        of_part = np.array([[0, len(part)]]) if i % 2 else character_spans(codebook, part, ids[i])
        spans.append(of_part + begin)
        begin += len(part)
    return np.concatenate(spans)


def character_spans(codebook: Codebook, text: str, ids: Array) -> Array:
    """Return where the tokens of a text begin and end in characters, shape (n, 2).

    All tokens that hold a part of a character get the whole of it.
    """
    lengths = codebook.lengths[ids]
    ends = np.cumsum(lengths, dtype=np.int64)
    leading = (np.frombuffer(text.encode(), np.uint8) & 0xC0) != 0x80
    character_at = np.cumsum(leading) - 1
    return np.stack([character_at[ends - lengths], character_at[ends - 1] + 1], axis=1)


def windows(length: int, size: int | None, stride: int, side: str) -> list[tuple[int, int]]:
    """Cut a row of tokens as truncation does: the part that stays, then those that overflow.

    Args:
        length: of the row in tokens.
        size: of a part, more than ``stride``; None for no truncation.
        stride: tokens that neighbouring parts share.
        side: which end is cut off, "right" or "left".
    """
    if size is None or length <= size:
        return [(0, length)]
    step = size - stride
    parts = [(at, min(at + size, length)) for at in range(0, length - stride, step)]
    if side == "right":
        return parts
    return [(length - end, length - begin) for begin, end in parts]
