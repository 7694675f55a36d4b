"""Frequency stage: logits to integer frequencies by rule 1 (docs/pipeline.md, "Frequency")."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import cache

Frequencies = Sequence[int]
"""The frequency of each symbol; they sum to 2^precision."""
Predict = Callable[[Sequence[int]], Frequencies]
"""A model: ``predict(context)`` returns the frequencies of the next symbol after a context."""


@cache
def exp2(k: int) -> int:
    """Return EXP2[k] = round(2^31 * 2^(-k/1024)), which step 3 of the rule uses.

    It is half the 1024th root of 2^(32 * 1024 - k): ten square roots.
    """
    root = 1 << (32 * 1024 - k)
    for _ in range(10):
        root = math.isqrt(root)
    return (root + 1) // 2


def float32(value: float) -> float:
    """Round to float32.

    A difference or product of two float32 that Python computes in double is rounded correctly too.
    """
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


LOGIT_SCALE = float32(1024 / math.log(2))
MAX_QUANTISED = 31 * 1024


def quantise(maximum: float, logit: float) -> int:
    """Return x = rint((maximum - logit) * 1024 log2(e)), at most 31 * 1024: step 2 of the rule.

    Subtraction and multiplication are in float32.
    """
    scaled = float32(float32(maximum - logit) * LOGIT_SCALE)
    return round(min(scaled, float(MAX_QUANTISED)))


def frequencies(logits: Sequence[float], precision: int) -> list[int]:
    """Apply frequency rule 1: return integers of at least 1 that sum to 2^precision.

    Raises:
        ValueError: a logit is NaN or +infinity, or all are -infinity.
    """
    maximum = max(logits)
    if any(math.isnan(x) or x == math.inf for x in logits) or maximum == -math.inf:
        raise ValueError("expected logits without NaN or +infinity, not all -infinity")
    quantised = [quantise(maximum, x) for x in logits]
    weights = [exp2(x % 1024) >> (x // 1024) for x in quantised]
    total, weight_sum = 1 << precision, sum(weights)
    spread = total - len(logits)
    result = [1 + weight * spread // weight_sum for weight in weights]
    result[quantised.index(0)] += total - sum(result)
    return result
