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
    """Return the trie of strings, which are distinct, not empty, and in lexicographic order."""
    depth, symbol, end = [0], [0], [True]
    last = b""
    for string in strings:
        shared = 0
        while shared < len(last) and string[: shared + 1] == last[: shared + 1]:
            shared += 1
        depth.extend(range(shared + 1, len(string) + 1))
        symbol.extend(string[shared:])
        end.extend(length == len(string) for length in range(shared + 1, len(string) + 1))
        last = string
    return TrieArrays(
        np.array(depth, np.uint32), np.array(symbol, np.uint8), np.array(end, np.bool_)
    )


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
