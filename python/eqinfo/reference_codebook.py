"""The codebook stage in plain Python, slow: what the tests compare the package with."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence

Shares = Callable[[int, list[int], int], list[int]]
"""shares(shared, frequencies, precision): how many codewords each symbol gets (window code)."""
Frequencies = Callable[[bytes], list[int]]
"""frequencies(prefix): what a model predicts, as integers that sum to 2^precision."""

BYTES = [bytes([byte]) for byte in range(256)]
ROOT_WEIGHT = 1 << 100


def encode(strings: Sequence[bytes], text: bytes) -> list[int]:
    """Greedy longest match; ``strings`` are sorted and prefix-closed, an id is a string's place."""
    ids = {string: index for index, string in enumerate(strings)}
    result = []
    window = b""
    for byte in text:
        longer = window + bytes([byte])
        if longer not in ids:
            result.append(ids[window])
            longer = bytes([byte])
        window = longer
    return [*result, ids[window]] if window else result


def decode(strings: Sequence[bytes], ids: Iterable[int]) -> bytes:
    """Join the strings."""
    return b"".join(strings[index] for index in ids)


def node_arrays(strings: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """Return the depth and symbol of every id."""
    return [len(s) for s in strings], [s[-1] if s else 0 for s in strings]


def from_model(
    frequencies: Frequencies, shares: Shares, window_bits: int, precision: int
) -> list[bytes]:
    """Return the string of every codeword of the window code."""
    strings = []
    prefixes = [(b"", 2**window_bits)]  # with the codewords that each owns; the next one last
    while prefixes:
        prefix, codewords = prefixes.pop()
        strings.append(prefix)
        if codewords > 1:
            parts = shares(codewords - 1, frequencies(prefix), precision)
            children = [(prefix + BYTES[i], part) for i, part in enumerate(parts) if part > 0]
            prefixes.extend(reversed(children))
    return strings


def optimal(frequencies: Frequencies, window_bits: int, precision: int) -> list[bytes]:
    """Return the empty string, all bytes, and the most probable strings (ties: shorter, then
    lesser).
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
