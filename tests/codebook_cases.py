"""Codebooks and models that the codebook tests share."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook import Codebook
from eqinfo.reference.codebook import BYTES, node_arrays

TEXT = (
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having "
    "nothing to do: once or twice she had peeped into the book her sister was reading, but it had "
    "no pictures or conversations in it, \u201cand what is the use of a book,\u201d thought Alice "
    "\u201cwithout pictures or conversations?\u201d\n\nSo she was considering in her own mind (as "
    "well as she could, for the hot day made her feel very sleepy and stupid), whether the "
    "pleasure of making a daisy-chain would be worth the trouble of getting up and picking the "
    "daisies, when suddenly a White Rabbit with pink eyes ran close by her.\n"
).encode()


def from_strings(strings: list[bytes]) -> Codebook:
    """Build a codebook from its strings, in any order."""
    return Codebook(*arrays(strings))


def arrays(
    strings: list[bytes],
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the node arrays of strings."""
    depth, symbol, end = node_arrays(sorted(strings))
    return np.array(depth, np.uint32), np.array(symbol, np.uint8), np.array(end, np.bool_)


def sparse(seed: int, window_bits: int, symbols: bytes, longest: int) -> list[bytes]:
    """Return random strings, most of whose prefixes have no id."""
    random = np.random.default_rng(seed)
    strings = {b"", *BYTES}
    while len(strings) < 2**window_bits:
        length = int(random.integers(2, longest + 1))
        strings.add(bytes(random.choice(list(symbols), length).tolist()))
    return sorted(strings)


def _prose_strings(window_bits: int) -> list[bytes]:
    """Return strings that occur in `TEXT`."""
    random = np.random.default_rng(8)
    strings = {b"", *BYTES}
    while len(strings) < 2**window_bits:
        begin = int(random.integers(len(TEXT)))
        strings.add(TEXT[begin : begin + int(random.integers(2, 20))])
    return sorted(strings)


def grown(seed: int, window_bits: int, symbols: int, deepening: float) -> list[bytes]:
    """Grow a random prefix-closed dictionary; ``deepening`` of its strings extend the last one."""
    random = np.random.default_rng(seed)
    strings = [b"", *BYTES]
    present = set(strings)
    while len(strings) < 2**window_bits:
        deepen = random.random() < deepening
        parent = strings[-1] if deepen else strings[random.integers(len(strings))]
        child = parent + BYTES[random.integers(symbols)]
        if child not in present:
            present.add(child)
            strings.append(child)
    return sorted(strings)


@cache
def tables() -> dict[str, list[bytes]]:
    """Return dictionaries of many shapes."""
    chain = [b"a" * n for n in range(2, 2**12 - 255)]
    pairs = [bytes([i, j]) for i in range(256) for j in range(256)]
    return {
        "bushy": grown(1, 10, 256, 0.0),
        "narrow": grown(2, 10, 3, 0.5),
        "deep": grown(3, 11, 2, 0.995),
        "chain": sorted([b"", *BYTES, *chain]),
        "pairs": sorted([b"", *BYTES, *pairs[: 2**16 - 257]]),
        "sparse": sparse(6, 10, b"ab", 40),
        "sparse letters": sparse(7, 11, b"abc", 9),
        "sparse prose": _prose_strings(11),
        "ends": sorted([b"", *BYTES, *(bytes([0, i]) for i in range(255))]),
    }


class HashModel:
    """Predicts differently after every prefix; ``temperature`` goes from flat (0) to extreme."""

    vocab_size = 256

    def __init__(self, seed: int, temperature: float) -> None:
        self.seed = seed
        self.temperature = temperature
        self.fingerprint = f"hash:{seed}:{temperature}"

    def start(self, batch: int) -> list[bytes]:
        return [b""] * batch

    def reset(self, state: list[bytes], lanes: NDArray[np.int64]) -> None:
        for lane in lanes:
            state[lane] = b""

    def step(
        self, state: list[bytes], symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        for symbol, lane in zip(symbols.tolist(), lanes.tolist(), strict=True):
            if symbol >= 0:
                state[lane] += bytes([symbol])
            else:
                assert state[lane] == b""
        return np.stack([self.row(state[lane]) for lane in lanes])

    def row(self, prefix: bytes) -> NDArray[np.float32]:
        digest = hashlib.shake_128(self.seed.to_bytes(4, "little") + prefix).digest(256)
        values = np.frombuffer(digest, np.uint8).astype(np.float32)
        return values * np.float32(self.temperature / 256)


class FixedModel:
    """Always predicts the same integer frequencies, which are of one precision."""

    vocab_size = 256

    def __init__(self, frequencies: list[int]) -> None:
        self.frequencies = frequencies
        self.fingerprint = f"fixed:{hashlib.md5(repr(frequencies).encode()).hexdigest()}"

    def start(self, batch: int) -> None:
        return None

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None:
        pass

    def step(
        self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        return self.logits_at(symbols, lanes)

    def logits_at(self, contexts: NDArray[np.int32], lengths: NDArray[Any]) -> NDArray[np.uint32]:
        return np.tile(np.array(self.frequencies, np.uint32), (len(lengths), 1))


def flat_frequencies(precision: int) -> list[int]:
    return [2 ** (precision - 8)] * 256


def peaked_frequencies(precision: int) -> list[int]:
    return [1] * 97 + [2**precision - 255] + [1] * 158


def text_frequencies(precision: int) -> list[int]:
    counts = np.bincount(np.frombuffer(TEXT, np.uint8), minlength=256)
    frequencies: list[int] = (1 + counts * (2**precision - 256) // len(TEXT)).tolist()
    frequencies[ord(" ")] += 2**precision - sum(frequencies)
    return frequencies
