"""The contestants of learnability.py by name: tables of tokens and embeddings of M2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from torch import nn

from eqinfo.embedding.text_embedding import TextEmbedding
from eqinfo.embedding.text_features import DEFAULT_KINDS, texts_of
from eqinfo.embedding.window_embedding import WindowEmbedding
from eqinfo.experiment.m2.network import MakeEmbedding
from id_bits import IdBitsEmbedding
from information import InformationEmbedding, levels
from kronecker import KroneckerEmbedding
from long_windows import LongWindowEmbedding, LongWindows
from subword_tables import bpe_longest_table, bpe_table, superbpe_table, unigram_table
from tables import (
    Table,
    bytes_table,
    phrase_table,
    prefixes_table,
    sampled_table,
    unaligned_table,
    word_table,
)
from tiny_lm import END
from window_tables import (
    padded_windows_table,
    split_windows_table,
    windows_table,
    word_windows_table,
)

Maker: TypeAlias = Callable[[Sequence[bytes], int], Table | None]
"""Makes a table of 2^n ids from text; None if a package is missing."""
MAKERS: dict[str, Maker] = {
    "bpe": bpe_table,
    **{f"phrase-{percent}": partial(phrase_table, percent=percent) for percent in (50, 35, 20)},
    "word": word_table,
    "word-sampled": partial(sampled_table, make=word_table),
    "superbpe": superbpe_table,
    "unigram": unigram_table,
    "none": unaligned_table,
    "prefixes": prefixes_table,
    "bpe-longest": bpe_longest_table,
    "windows": windows_table,
    "windows-sampled": partial(sampled_table, make=windows_table),
    "windows-2": split_windows_table,
    "windows-word": word_windows_table,
    "windows-padded": padded_windows_table,
    "bytes": bytes_table,
}
FIXED_BITS = {"bytes": 8}
"""Tables whose number of ids is not to be chosen: log2 of it."""


def text_embedding(table: Table, **options: Any) -> MakeEmbedding:
    """Make embeddings that know the text of their tokens."""

    if isinstance(table.strings, LongWindows):
        return partial(LongWindowEmbedding, table.strings)

    def make(rows: int, width: int) -> nn.Module:
        if table.window_tokens == 1:
            return TextEmbedding(table.strings, width, rows=rows, **options)
        token_bits = rows.bit_length() - 1
        return WindowEmbedding(table.strings, width, token_bits=token_bits, **options)

    return make


def shuffled_text_embedding(table: Table, **options: Any) -> MakeEmbedding:
    """Make embeddings as text embeddings, but with the texts of other tokens: the control.

    What these gain comes from the size of steps or from more parameters, and not from the text.
    """
    if isinstance(table.strings, LongWindows):
        return text_embedding(replace(table, strings=replace(table.strings, shuffled=True)))
    texts = texts_of(table.strings)
    strings = [texts.bytes_at(id_) for id_ in range(len(texts))]
    order = np.random.default_rng(0).permutation(np.arange(1, len(strings)))
    others = [strings[END], *(strings[id_] for id_ in order)]
    return text_embedding(replace(table, strings=others), **options)


def information_embedding(
    table: Table, base: Callable[[Table], MakeEmbedding] = text_embedding, shuffled: bool = False
) -> MakeEmbedding:
    """Make embeddings that also know M1's information of each token's text.

    Shuffled, they have that of other tokens: the control.
    """
    found = levels(table.strings)
    if shuffled:
        found = np.random.default_rng(0).permutation(found)

    def make(rows: int, width: int) -> nn.Module:
        return InformationEmbedding(found, base(table)(rows, width))

    return make


def _without(kind: str) -> list[str]:
    return [each for each in DEFAULT_KINDS if each != kind]


EMBEDDINGS: dict[str, Callable[[Table], MakeEmbedding]] = {
    "plain": lambda table: nn.Embedding,
    "text": text_embedding,
    **{f"text-no-{kind}": partial(text_embedding, kinds=_without(kind)) for kind in DEFAULT_KINDS},
    "text-mean": partial(text_embedding, combine="mean"),
    "text-sum": partial(text_embedding, combine="sum"),
    "text-shuffled": shuffled_text_embedding,
    "text-sum-shuffled": partial(shuffled_text_embedding, combine="sum"),
    "text-4k-buckets": partial(text_embedding, buckets=1 << 12),
    "text-64k-buckets": partial(text_embedding, buckets=1 << 16),
    "places": partial(text_embedding, kinds=["places"]),
    "kronecker": lambda table: partial(KroneckerEmbedding, table.strings),
    "id-bits": lambda table: IdBitsEmbedding,
    "information": partial(information_embedding, base=lambda table: nn.Embedding),
    "information-shuffled": partial(
        information_embedding, base=lambda table: nn.Embedding, shuffled=True
    ),
    "text-information": information_embedding,
    "text-information-shuffled": partial(information_embedding, shuffled=True),
}
IMPOSSIBLE = {
    ("windows-2", name) for name in EMBEDDINGS if name == "kronecker" or "information" in name
}
"""Tables and embeddings that do not fit together."""
