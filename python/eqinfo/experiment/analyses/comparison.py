"""Comparisons of results: Welch's test over seeds, and the methods on the frontier (figure 4)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Welch", "frontier", "welch"]

_POINTS = 200_001  # of the integral; its error is below 1e-8


@dataclass(frozen=True)
class Welch:
    """Welch's test of two means.

    Attributes:
        t: the difference of the means over its standard error.
        freedom: degrees of freedom.
        p: probability of a difference as large as this if the means are the same, both sides.
    """

    t: float
    freedom: float
    p: float


def welch(first: Sequence[float], second: Sequence[float]) -> Welch:
    """Test whether two methods differ, by their results with several seeds.

    Raises:
        ValueError: fewer than two values of one, or all values of both are the same.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(
            f"expected two values or more of each, found {len(first)} and {len(second)}"
        )
    parts = [statistics.variance(values) / len(values) for values in (first, second)]
    error = math.sqrt(sum(parts))
    if error == 0:
        raise ValueError("expected values that vary, found the same ones with every seed")
    t = (statistics.mean(first) - statistics.mean(second)) / error
    weights = zip(parts, (first, second), strict=True)
    freedom = sum(parts) ** 2 / sum(part**2 / (len(values) - 1) for part, values in weights)
    return Welch(t, freedom, _both_tails(abs(t), freedom))


def _both_tails(t: float, freedom: float) -> float:
    """Return the probability beyond -t and t of Student's distribution."""
    # With x = sqrt(freedom) tan(angle), the density is cos(angle)^(freedom - 1), up to a factor.
    begin = math.atan(t / math.sqrt(freedom))
    tail, half = (
        _integral(np.cos(angles) ** (freedom - 1), angles)
        for angles in (np.linspace(low, math.pi / 2, _POINTS) for low in (begin, 0.0))
    )
    return tail / half


def _integral(values: NDArray[np.float64], places: NDArray[np.float64]) -> float:
    return float(((values[1:] + values[:-1]) / 2 * np.diff(places)).sum())


def frontier(results: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the methods that no other beats in both numbers, the most bytes first (figure 4).

    Args:
        results: by method, bytes of text per step of M2 (more is better), and bits per byte (fewer
            are).
    """
    best, found = math.inf, []
    for name, (_, bits) in sorted(results.items(), key=lambda item: (-item[1][0], item[1][1])):
        if bits < best:
            best = bits
            found.append(name)
    return found
