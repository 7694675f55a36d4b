"""How far bits are from uniform: n-grams and tokens of n bits (figures 11, 16 and 17)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eqinfo.experiment.tokenizations.base import Ids

__all__ = ["Divergence", "divergences", "random_bits", "token_bits"]

Bits = NDArray[np.uint8]
SIZES = range(1, 17)
"""Bits per segment in the paper's figures."""
PARTS = 10


@dataclass(frozen=True)
class Divergence:
    """Divergence from uniform, in bits, of segments of ``size`` bits, over disjoint samples.

    Attributes:
        size: bits per segment.
        segments: per sample.
        plug_in: KL divergence of the observed frequencies from uniform, mean over samples.
        corrected: the same with the entropy estimate of Miller and Madow, H + (V - 1) / 2m in nats,
            where m segments have V different values; mean over samples.
        low, high: 5th and 95th percentile of the corrected divergence over samples.
    """

    size: int
    segments: int
    plug_in: float
    corrected: float
    low: float
    high: float

    @property
    def noise(self) -> float:
        """Width of the 90 % interval of the entropy over its mean (figure 16)."""
        return (self.high - self.low) / (self.size - self.corrected)


def token_bits(documents: Sequence[Ids], bits: int) -> Bits:
    """Return the bits of all tokens, one bit per value, most significant first."""
    ids = np.concatenate([np.empty(0, np.int64), *documents])
    places = np.arange(bits - 1, -1, -1)
    return (ids[:, None] >> places & 1).astype(np.uint8).reshape(-1)


def random_bits(count: int, seed: int) -> Bits:
    """Return the baseline: bits from a random number generator."""
    return np.random.default_rng(seed).integers(0, 2, count, np.uint8)


def divergences(
    bits: Bits, *, overlapping: bool, sizes: Iterable[int] = SIZES, parts: int = PARTS
) -> list[Divergence]:
    """Measure segments of every size in ``parts`` disjoint samples.

    Args:
        bits: of a stream of tokens.
        overlapping: whether segments begin at every bit (n-grams, figure 11) or follow one another
            without overlap (tokens of n bits, figure 17).
        sizes: bits per segment.
        parts: number of disjoint samples, each a run of consecutive bits.

    Raises:
        ValueError: too few bits for one segment per sample.
    """
    least = parts * max(sizes)
    if len(bits) < least:
        raise ValueError(
            f"expected at least {least} bits, found {len(bits)}: each of {parts} samples needs a "
            f"segment of {max(sizes)} bits"
        )
    samples = np.array_split(bits, parts)
    return [_divergence([_segments(s, n, overlapping) for s in samples], n) for n in sizes]


def _segments(bits: Bits, size: int, overlapping: bool) -> NDArray[np.int64]:
    step = 1 if overlapping else size
    count = (len(bits) - size) // step + 1
    values = np.zeros(count, np.int64)
    for place in range(size):
        values = values << 1 | bits[place : place + (count - 1) * step + 1 : step]
    return values


def _divergence(samples: Sequence[NDArray[np.int64]], size: int) -> Divergence:
    plug_in, corrected = [], []
    for values in samples:
        counts = np.bincount(values)
        counts = counts[counts > 0]
        entropy = -float((counts / len(values) * np.log2(counts / len(values))).sum())
        plug_in.append(size - entropy)
        corrected.append(plug_in[-1] - (len(counts) - 1) / (2 * len(values) * math.log(2)))
    low, high = np.percentile(corrected, [5, 95])
    return Divergence(
        size,
        min(map(len, samples)),
        float(np.mean(plug_in)),
        float(np.mean(corrected)),
        float(low),
        float(high),
    )
