"""Tries of strings as the arrays of their nodes, in depth-first order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TrieArrays(NamedTuple):
    """The nodes of a trie in depth-first order, as `Codebook` takes them: shape (nodes,) each."""

    depth: NDArray[np.uint32]
    symbol: NDArray[np.uint8]
    end: NDArray[np.bool_]


def trie_arrays(strings: Iterable[bytes]) -> TrieArrays:
    """Return the trie of strings, which are distinct and in lexicographic order."""
    strings = [string for string in strings if string]
    text = np.frombuffer(b"".join(strings), np.uint8)
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    begins = np.cumsum(lengths) - lengths
    shared = _shared_prefixes(text, begins, lengths)
    new = lengths - shared  # nodes that a string adds to those of the strings before it
    first = np.cumsum(new) - new
    within = np.arange(new.sum()) - np.repeat(first, new)
    depth = np.repeat(shared, new) + within + 1
    symbol = text[np.repeat(begins + shared, new) + within]
    end = np.zeros(len(depth), np.bool_)
    end[first + new - 1] = True
    return TrieArrays(
        np.concatenate([np.zeros(1, np.uint32), depth.astype(np.uint32)]),
        np.concatenate([np.zeros(1, np.uint8), symbol]),
        np.concatenate([np.ones(1, np.bool_), end]),
    )


def _shared_prefixes(
    text: NDArray[np.uint8], begins: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many bytes each string has in common with the one before it."""
    shared = np.zeros(len(begins), np.int64)
    equal = np.arange(1, len(begins))  # the strings that are equal so far
    byte = 0
    while len(equal):
        equal = equal[(lengths[equal] > byte) & (lengths[equal - 1] > byte)]
        equal = equal[text[begins[equal] + byte] == text[begins[equal - 1] + byte]]
        shared[equal] += 1
        byte += 1
    return shared


def strings_of(
    depth: NDArray[np.uint32], symbol: NDArray[np.uint8], has_id: NDArray[np.bool_]
) -> Iterator[bytes]:
    """Yield the strings of the nodes that have an id, in order."""
    string = bytearray()
    for length, byte, wanted in zip(depth.tolist(), symbol.tolist(), has_id.tolist(), strict=True):
        if length > 0:
            del string[length - 1 :]
            string.append(byte)
        if wanted:
            yield bytes(string)


def spare_bits(depth: NDArray[np.uint32], end: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return log2 of the number of strings that begin with each string, by id.

    See `Codebook.spare_bits`.
    """
    count = int(end.sum())
    after = np.empty(count, np.int64)  # the first id after those that begin with this one
    open_nodes: list[tuple[int, int]] = []
    next_id = 0
    for length, has_id in zip(depth.tolist(), end.tolist(), strict=True):
        while open_nodes and open_nodes[-1][0] >= length:
            after[open_nodes.pop()[1]] = next_id
        if has_id:
            open_nodes.append((length, next_id))
            next_id += 1
    after[[index for _, index in open_nodes]] = next_id
    return np.asarray(np.log2(after - np.arange(count)))
