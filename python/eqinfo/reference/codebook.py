"""Codebook stage: making a codebook from a model, parsing, decoding (docs/pipeline.md, "Codebook").

A codebook is a sorted list of byte strings; an id is a string's place in it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise, takewhile

Shares = Callable[[int, list[int], int], list[int]]
"""``shares(shared, frequencies, precision)``: how many codewords each symbol gets."""
Frequencies = Callable[[bytes], list[int]]
"""``frequencies(prefix)``: a model's prediction after a prefix; sums to 2^precision."""

BYTES = [bytes([byte]) for byte in range(256)]
"""The strings of one byte, which every codebook contains."""
ROOT_WEIGHT = 1 << 100
"""The weight of the empty string in `optimal`."""


def encode(strings: Sequence[bytes], text: bytes) -> list[int]:
    """Return the ids of the greedy parse: at every place the longest string that matches."""
    result = []
    begin = 0
    while begin < len(text):
        end = begin + 1
        found = bisect_left(strings, text[begin:end])
        longest = found
        while end < len(text):
            end += 1
            found = bisect_left(strings, text[begin:end], found)
            if found == len(strings) or not strings[found].startswith(text[begin:end]):
                break
            if len(strings[found]) == end - begin:
                longest = found
        result.append(longest)
        begin += len(strings[longest])
    return result


def encode_shortest(strings: Sequence[bytes], text: bytes) -> list[int]:
    """Return the ids of the parse with the fewest windows ("Shortest parse").

    Among parses with equally many, the one whose first window is longest, and so on.
    """
    ids = {string: index for index, string in enumerate(strings)}
    most = max(map(len, strings))
    # For each suffix of the text, the shortest first: its windows, and the length of the first.
    best: list[tuple[int, int]] = [(0, 0)]
    for begin in reversed(range(len(text))):
        ends = range(begin + 1, min(len(text), begin + most) + 1)
        windows, minus_length = min(
            (1 + best[len(text) - end][0], begin - end) for end in ends if text[begin:end] in ids
        )
        best.append((windows, -minus_length))
    result = []
    begin = 0
    while begin < len(text):
        length = best[len(text) - begin][1]
        result.append(ids[text[begin : begin + length]])
        begin += length
    return result


def decode(strings: Sequence[bytes], ids: Iterable[int]) -> bytes:
    """Return the strings of ids, joined."""
    return b"".join(strings[index] for index in ids)


def node_arrays(strings: Sequence[bytes]) -> tuple[list[int], list[int], list[bool]]:
    """Return the nodes of the trie of the strings, in depth-first order ("The walk").

    Args:
        strings: sorted; the first one is empty.

    Returns:
        for each node, its depth, the byte that leads to it (0 for the root), and whether it has an
        id.
    """
    nodes = [(0, 0, True)]
    for before, string in pairwise(strings):
        pairs = zip(before, string, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        lengths = range(shared + 1, len(string) + 1)
        nodes.extend((depth, string[depth - 1], depth == len(string)) for depth in lengths)
    return [node[0] for node in nodes], [node[1] for node in nodes], [node[2] for node in nodes]


def from_model(
    frequencies: Frequencies, shares: Shares, window_bits: int, precision: int
) -> list[bytes]:
    """Return the string of every codeword of the window code, in the order of the codewords.

    ``shares`` is that of the window stage; ``frequencies`` is the model.
    """
    strings = []
    # A stack of prefixes, each with the number of codewords that it owns.
    prefixes = [(b"", 2**window_bits)]
    while prefixes:
        prefix, codewords = prefixes.pop()
        strings.append(prefix)
        if codewords > 1:
            parts = shares(codewords - 1, frequencies(prefix), precision)
            children = [(prefix + BYTES[i], part) for i, part in enumerate(parts) if part > 0]
            prefixes.extend(reversed(children))
    return strings


def optimal(frequencies: Frequencies, window_bits: int, precision: int) -> list[bytes]:
    """Return the empty string, all bytes, and the most probable of the longer strings, sorted.

    Among equally probable strings, shorter ones come first, then lexicographically lesser ones.
    """

    def children(weight: int, string: bytes) -> Iterator[tuple[int, int, bytes]]:
        for byte, frequency in zip(BYTES, frequencies(string), strict=True):
            yield -(weight * frequency >> precision), len(string) + 1, string + byte

    heap = list(children(ROOT_WEIGHT, b""))
    heapq.heapify(heap)
    chosen: list[bytes] = []
    while len(chosen) < 2**window_bits - 257:
        weight, length, string = heapq.heappop(heap)
        if length > 1:
            chosen.append(string)
        for child in children(-weight, string):
            heapq.heappush(heap, child)
    return sorted([b"", *BYTES, *chosen])
