"""An order-6 byte n-gram model (M1) in NumPy: quick to train, good enough to compare codecs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.integers import check_bits
from eqinfo.models.protocol import FRESH


@dataclass(frozen=True)
class Level:
    """Symbols after contexts of one length, sorted; those of `contexts[k]` begin at `first[k]`."""

    contexts: NDArray[np.uint64]
    rest: NDArray[np.float32]
    """Probability that each context leaves to the level below."""
    first: NDArray[np.int64]
    symbols: NDArray[np.uint8]
    shares: NDArray[np.float32]


@dataclass
class NgramState:
    """The last bytes of each lane, up to 8, most recent lowest; and the bytes seen so far."""

    history: NDArray[np.uint64]
    lengths: NDArray[np.int64]


def train_level(data: NDArray[np.uint8], order: int) -> Level:
    """Count the symbols after every context of ``order`` bytes.

    A symbol that follows a context of 4 bytes or more only once is left to the level below. So a
    short text may have no contexts.
    """
    keys = np.zeros(max(0, len(data) - order), np.uint64)
    for i in range(order + 1):
        keys <<= np.uint64(8)
        keys |= data[i : len(keys) + i]
    keys.sort()
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    counts = np.diff(np.append(begins, len(keys)))
    keys = keys[begins]
    contexts = keys >> np.uint64(8)
    new = np.concatenate([[True], contexts[1:] != contexts[:-1]])[: len(keys)]
    starts, owners = np.flatnonzero(new), np.cumsum(new) - 1
    distinct = np.diff(np.append(starts, len(keys)))
    shares = counts / (np.add.reduceat(counts, starts) + distinct)[owners]
    if order >= 4:
        keys, shares, owners = keys[counts > 1], shares[counts > 1], owners[counts > 1]
    kept, first = np.unique(owners, return_index=True)
    rest = 1 - np.bincount(owners, shares, minlength=len(starts))[kept]
    return Level(
        contexts[starts][kept],
        rest.astype(np.float32),
        np.append(first, len(keys)),
        keys.astype(np.uint8),
        shares.astype(np.float32),
    )


class NgramModel:
    """Orders 0 to ``order``, interpolated as in Witten and Bell (1991).

    Every level weights its counts by total / (total + distinct) and leaves the rest to the level
    below, so the most trusted contexts are those seen often and with few different symbols.

    Args:
        text: training text.
        order: bytes of the longest context, up to 7.

    Raises:
        TypeError: an order that is not an integer.
        ValueError: another order.
    """

    vocab_size = 256

    def __init__(self, text: bytes, order: int = 6) -> None:
        (order,) = check_bits(3, order=order)
        data = np.frombuffer(text, np.uint8)
        self.levels = [train_level(data, k) for k in range(order + 1)]
        digest = hashlib.blake2b(text, digest_size=16).hexdigest()
        self.fingerprint = f"ngram:{order}:{digest}"

    def start(self, batch: int) -> NgramState:
        """Return empty contexts."""
        return NgramState(np.zeros(batch, np.uint64), np.zeros(batch, np.int64))

    def reset(self, state: NgramState, lanes: NDArray[np.int64]) -> None:
        """Empty some contexts."""
        state.history[lanes] = 0
        state.lengths[lanes] = 0

    def step(
        self, state: NgramState, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Append symbols and predict the next ones; see `eqinfo.models.Model.step`."""
        seen = symbols != FRESH
        state.history[lanes[seen]] <<= np.uint64(8)
        state.history[lanes[seen]] |= symbols[seen].astype(np.uint64)
        state.lengths[lanes[seen]] += 1
        return np.log(self.probabilities(state.history[lanes], state.lengths[lanes]))

    @property
    def context_length(self) -> int:
        """Bytes that a prediction depends on."""
        return len(self.levels) - 1

    def logits_at(
        self, contexts: NDArray[np.int32], lengths: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Predict after whole contexts; see `eqinfo.models.ContextModel.logits_at`."""
        history = np.zeros(len(lengths), np.uint64)
        for position in range(contexts.shape[1]):
            seen = lengths > position
            history[seen] = history[seen] << np.uint64(8) | contexts[seen, position].astype(
                np.uint64
            )
        return np.log(self.probabilities(history, lengths.astype(np.int64)))

    def probabilities(
        self, history: NDArray[np.uint64], lengths: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Mix all levels, lowest first; float32, shape (n, 256)."""
        result = np.full((len(history), 256), 1 / 256, np.float32)
        for order, level in enumerate(self.levels):
            if len(level.contexts) == 0:
                continue
            key = history & np.uint64((1 << 8 * order) - 1)
            at = np.minimum(np.searchsorted(level.contexts, key), len(level.contexts) - 1)
            rows = np.flatnonzero((level.contexts[at] == key) & (lengths >= order))
            at = at[rows]
            first, count = level.first[at], level.first[at + 1] - level.first[at]
            result[rows] *= level.rest[at, None]
            offsets = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
            entries = np.repeat(first, count) + offsets
            result[np.repeat(rows, count), level.symbols[entries]] += level.shares[entries]
        return result
