"""A model without context: one distribution for all symbols (StaticAC of arXiv 2404.03626)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.integers import check_bits
from eqinfo.common.text import to_array


def _log2_1024ths(count: int) -> int:
    """Return round(1024 log2(count)) in integers, so that it is the same on every machine."""
    # floor(1024 log2 c + 1/2) = floor(log2(2 c^2048) / 2)
    return ((2 * count**2048).bit_length() - 1) // 2


def _integer(count: Any) -> int:
    """Return a count; those that NumPy made floats of are taken, shares of a whole are not."""
    if isinstance(count, str | bytes) or count is None or int(count) != count:
        raise TypeError(f"expected integer counts, found {count!r}; multiply shares by a number")
    return int(count)


class StaticModel:
    """Predicts the same distribution in every context. Threads may share it.

    Args:
        counts: how often each symbol occurred: V non-negative integers. One is added to each, so
            that every symbol stays possible.

    Raises:
        TypeError: a text, for which there is `fit`, or counts that are not integers.
        ValueError: there are fewer than 2 or more than 2^18 counts, or one is negative.
    """

    def __init__(self, counts: Iterable[int]) -> None:
        given: object = counts
        if isinstance(given, str):
            raise TypeError("expected counts, found str; use StaticModel.fit(text)")
        self.counts = tuple(map(_integer, counts))
        if not 2 <= len(self.counts) <= 1 << 18 or min(self.counts) < 0:
            raise ValueError(
                "expected 2 to 2^18 counts, none negative, "
                f"found {len(self.counts)} with minimum {min(self.counts, default=None)}"
            )
        halvings = [_log2_1024ths(count + 1) for count in self.counts]
        logits = np.array([h * (math.log(2) / 1024) for h in halvings], np.float32)
        logits.setflags(write=False)
        self.static_logits: NDArray[np.float32] = logits
        """float32, shape (vocab_size,): the prediction of every step."""

    @classmethod
    def fit(cls, data: str | bytes, vocab_size: int = 256) -> StaticModel:
        """Return the model of the byte counts of ``data``; a str is counted as UTF-8."""
        check_bits(32, vocab_size=vocab_size)
        counts = np.bincount(to_array(data), minlength=vocab_size)
        return cls(counts.tolist())

    @property
    def vocab_size(self) -> int:
        """Number of symbols in the alphabet."""
        return len(self.counts)

    @property
    def native(self) -> _core.Model:
        """The native form of the model."""
        return _core.StaticModel(self.static_logits)

    @property
    def fingerprint(self) -> str:
        """Identifies the logits."""
        digest = hashlib.blake2b(self.static_logits.astype("<f4").tobytes(), digest_size=16)
        return f"static:{digest.hexdigest()}"

    def start(self, batch: int) -> None:
        """Return the state, which is None: there is no context."""

    def step(
        self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the same logits for every lane, shape (n, vocab_size)."""
        return self.static_logits[None].repeat(len(lanes), axis=0)

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None:
        """Do nothing: there is no context."""
