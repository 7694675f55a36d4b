"""Special and other added tokens: how they are found in a text, and how ids become bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook.table import Codebook

END_OF_TEXT = "<|endoftext|>"
"""How id 0, the empty string, is written. It marks the end of a document, and padding."""
AnyIds: TypeAlias = NDArray[np.integer[Any]] | Sequence[int]
FEW = 8
"""Most strings that a pattern tries in turn."""
DEEPEST = 30
"""Most groups within groups of a pattern."""
LIST_PART = 1 << 20
"""Numbers that are converted between two places where a signal handler can run."""


@lru_cache
def longest_of(tokens: frozenset[str]) -> re.Pattern[str]:
    """Return a pattern whose only group is the leftmost of some strings, and the longest there.

    It is kept between calls.
    """
    return re.compile(f"({_alternatives([*tokens])})")


def _alternatives(tokens: Sequence[str], depth: int = 0) -> str:
    """Return a pattern without groups that matches the longest of some strings.

    The time to match does not grow with the number of strings: they are a trie, in which strings
    that begin alike are one alternative. It is at most `DEEPEST`, since patterns can nest only so
    far.
    """
    if len(tokens) <= FEW or depth == DEEPEST:
        return "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
    alike: dict[str, list[str]] = {}
    for token in tokens:
        alike.setdefault(token[:1], []).append(token)
    branches = []
    for _, group in sorted(alike.items(), reverse=True):  # "" is last: the shortest
        pairs = zip(min(group), max(group), strict=False)
        common = len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
        rest = [token[common:] for token in group]
        inner = f"(?:{_alternatives(rest, depth + 1)})" if len(rest) > 1 else ""
        branches.append(re.escape(group[0][:common]) + inner)
    return "|".join(branches)


def as_ids(ids: AnyIds) -> NDArray[np.int64]:
    """Return integers as int64, shape (n,).

    Raises:
        TypeError: the ids are not integers.
    """
    array = np.asarray(ids).reshape(-1)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"expected integer ids, found {array.dtype}")
    return array.astype(np.int64, copy=False)


def as_list(array: NDArray[Any]) -> list[int]:
    """Return the list of an array, made in parts: a signal handler runs between two of them."""
    numbers: list[int] = array[:LIST_PART].tolist()
    for begin in range(LIST_PART, len(array), LIST_PART):
        numbers += array[begin : begin + LIST_PART].tolist()
    return numbers


def decode_documents(
    codebook: Codebook,
    added: Mapping[int, str],
    documents: Sequence[NDArray[np.int64]],
    *,
    num_threads: int = 1,
) -> list[bytes]:
    """Return the bytes of every document; those of an added token are its UTF-8.

    The codebook decodes all documents in one call, cut at the added tokens.

    Args:
        codebook: gives the bytes of its ids.
        added: contents of the added tokens by id; id 0 is one of them.
        documents: ids, shape (n,) each.
        num_threads: threads that decode; the bytes do not depend on it.

    Raises:
        ValueError: an id that neither the codebook nor an added token has; names the first.
    """
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    ids = np.concatenate(documents) if documents else np.zeros(0, np.int64)
    places = np.flatnonzero((ids <= 0) | (ids >= len(codebook)))
    contents = [added.get(int(index)) for index in ids[places]]
    if None in contents:
        _refuse(codebook, added, ids, offsets, int(places[contents.index(None)]))
    cuts = np.unique(np.concatenate([offsets, places, places + 1])) if len(places) else offsets
    of_codebook = ids.astype(codebook.dtype)
    of_codebook[places] = 0
    data, bounds = codebook.native.decode_flat(of_codebook, cuts, num_threads)
    whole = data.tobytes()
    pieces = [whole[begin:end] for begin, end in pairwise(bounds.tolist())]
    if not len(places):
        return pieces
    for piece, content in zip(np.searchsorted(cuts, places).tolist(), contents, strict=True):
        pieces[piece] = (content or "").encode()
    firsts = np.searchsorted(cuts, offsets).tolist()
    return [b"".join(pieces[begin:end]) for begin, end in pairwise(firsts)]


def _refuse(
    codebook: Codebook,
    added: Mapping[int, str],
    ids: NDArray[np.int64],
    offsets: NDArray[np.int64],
    place: int,
) -> None:
    document = int(np.searchsorted(offsets, place, side="right")) - 1
    of = f"document {document}, " if len(offsets) > 2 else ""
    count = len(codebook) + sum(index >= len(codebook) for index in added)
    raise ValueError(
        f"{of}id {place - offsets[document]}: expected one of {count} ids, found {ids[place]}; "
        "decode ids with the codebook that made them"
    )
