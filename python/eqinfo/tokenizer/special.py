"""Special and other added tokens: how they are found in a text, and how ids become bytes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain, pairwise, takewhile

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook.table import Codebook
from eqinfo.common.tokens import AnyTokens

END_OF_TEXT = "<|endoftext|>"
"""How id 0, the empty string, is written. It marks the end of a document, and padding."""
FEW = 8
"""Most strings that a pattern tries in turn."""
DEEPEST = 30
"""Most groups within groups of a pattern."""
SEARCHED_AT_ONCE = 1 << 18
"""Bytes of text whose comparisons stay in the cache."""
_SEVERAL = "decode several sequences with batch_decode or decode_batch"


class Finder:
    """Finds the leftmost of some strings in a text, and the longest there.

    Args:
        tokens: the strings; at least one.

    Attributes:
        prefix: the string that all of them begin with.
    """

    def __init__(self, tokens: frozenset[str]) -> None:
        self._pattern = re.compile(f"({_alternatives([*tokens])})")
        self.prefix = _common_prefix(tokens)  # most texts do not even have this
        self._starts = [start.encode() for start in _starts(tokens)]

    @cached_property
    def _pattern_of_bytes(self) -> re.Pattern[bytes]:
        return re.compile(self._pattern.pattern.encode())

    def find(self, text: str) -> str | None:
        """Return the first string in a text, or None."""
        match = self._pattern.search(text) if self.prefix in text else None
        return match and match.group()

    def is_in_any(self, texts: Sequence[str]) -> bool:
        """Whether one of the strings is in one of the texts."""
        prefix = self.prefix
        return any(map(self._pattern.search, [text for text in texts if prefix in text]))

    def is_in_bytes(self, data: NDArray[np.uint8]) -> bool:
        """Whether one of the strings is in UTF-8."""
        if len(self._starts) <= FEW and not any(_occurs(start, data) for start in self._starts):
            return False
        return self._pattern_of_bytes.search(data.data) is not None

    def split(self, text: str) -> list[str]:
        """Return plain texts and strings alternately; the first and last are plain texts."""
        return self._pattern.split(text) if self.prefix in text else [text]


@lru_cache
def finder_of(tokens: frozenset[str]) -> Finder:
    """Return a finder, which is kept between calls."""
    return Finder(tokens)


def _occurs(start: bytes, data: NDArray[np.uint8]) -> bool:
    """Return whether a string is in UTF-8, in half the time of ``start in data.tobytes()``."""
    for begin in range(0, len(data), SEARCHED_AT_ONCE):
        at = np.flatnonzero(data[begin : begin + SEARCHED_AT_ONCE] == start[0]) + begin
        at = at[at + len(start) <= len(data)]
        for i, byte in enumerate(start):
            if len(at) == 0:
                break
            at = at[data[at + i] == byte]
        if len(at):
            return True
    return False


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
        common = len(_common_prefix(group))
        rest = [token[common:] for token in group]
        inner = f"(?:{_alternatives(rest, depth + 1)})" if len(rest) > 1 else ""
        branches.append(re.escape(group[0][:common]) + inner)
    return "|".join(branches)


def _starts(strings: Collection[str]) -> list[str]:
    """Return for every first character what all strings with it begin with."""
    alike: dict[str, list[str]] = {}
    for string in strings:
        alike.setdefault(string[:1], []).append(string)
    return [*map(_common_prefix, alike.values())]


def _common_prefix(strings: Collection[str]) -> str:
    pairs = zip(min(strings), max(strings), strict=False)
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def as_ids(ids: AnyTokens) -> NDArray[np.int64]:
    """Return integers, or a single one, as int64, shape (n,).

    Raises:
        TypeError: the ids are not integers.
        ValueError: they are nested.
    """
    try:
        array = np.asarray(ids)
    except ValueError:  # sequences of different lengths
        raise ValueError(
            f"expected ids of shape (n,), found nested sequences; {_SEVERAL}"
        ) from None
    if array.ndim > 1:
        raise ValueError(f"expected ids of shape (n,), found shape {array.shape}; {_SEVERAL}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"expected integer ids, found {array.dtype}")
    return array.astype(np.int64, copy=False).reshape(-1)


def flat_ids(documents: Iterable[AnyTokens]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids of all documents as int64, shape (n,), and their offsets.

    Raises:
        TypeError: the ids are not integers.
        ValueError: those of a document are nested.
    """
    parts = [*documents]
    try:
        offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    except TypeError:
        other = next(part for part in parts if not hasattr(part, "__len__"))
        raise TypeError(
            f"expected a sequence of ids, found {type(other).__name__}; put a single id into a list"
        ) from None
    if all(type(part) is list for part in parts):
        return as_ids([*chain.from_iterable(parts)]), offsets
    return np.concatenate([np.zeros(0, np.int64), *map(as_ids, parts)]), offsets


def decode_documents(
    codebook: Codebook,
    added: Mapping[int, str],
    ids: NDArray[np.int64],
    offsets: NDArray[np.int64],
    *,
    num_threads: int = 1,
) -> list[bytes]:
    """Return the bytes of documents; those of an added token are its UTF-8.

    The codebook decodes all documents in one call, cut at the added tokens.

    Args:
        codebook: gives the bytes of its ids.
        added: contents of the added tokens by id; id 0 is one of them.
        ids: the ids of all documents, shape (n,).
        offsets: shape (documents + 1,): document i is ids[offsets[i] : offsets[i + 1]].
        num_threads: threads that decode; the bytes do not depend on it.

    Raises:
        ValueError: an id that neither the codebook nor an added token has; names the first.
    """
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
