"""Pruning of `Codebook.fit`: which of many candidate strings a greedy parse needs most.

A string's loss is the number of windows that a parse without it takes more; a candidate's gain is
the number that a parse with it takes less, each for itself (``csrc/cpu/codebook/fit.h``). In
rounds, the strings of least loss go, until as many are left as are wanted; then some are swapped
for others of greater gain, as long as that helps. Ties: shorter strings stay, or come back, first,
then lexicographically lesser ones. Vocabularies were pruned by such a loss before (Kudo, "Subword
Regularization", 2018), there under a unigram model instead of the greedy parse that is used here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core

DROPPED = 5
"""A round drops one string in so many."""
SWAPPED = 32
"""The first swap takes one string in so many; after one that did not help, half as many."""
SWAPS = 8


def measurements(candidates: int, wanted: int) -> int:
    """Return how many times `prune` measures at most."""
    rounds = 0
    while candidates > wanted:
        candidates -= _dropped(candidates, wanted)
        rounds += 1
    return rounds + 1 + 2 * SWAPS


def _dropped(strings: int, wanted: int) -> int:
    return min(strings - wanted, strings // DROPPED + 1)


def prune(
    pruner: _core.CodebookPruner,
    depth: NDArray[np.uint32],
    allowed: NDArray[np.bool_],
    wanted: int,
    measured: Callable[[], None],
) -> NDArray[np.bool_]:
    """Return which nodes get an id: the empty string, all bytes, and at most ``wanted`` more.

    Args:
        pruner: measures.
        depth: of every node, in depth-first order.
        allowed: of every node, whether it may have an id.
        wanted: strings of two bytes and more; all of the allowed ones if there are fewer.
        measured: called after every measurement.
    """
    search = _Search(pruner, depth.astype(np.int64), allowed & (depth > 1), measured)
    has_id = search.candidates.copy()
    while (count := int(has_id.sum())) > wanted:
        has_id = search.without_least(has_id, _dropped(count, wanted))
    return search.swapped(has_id, wanted)


class _Search:
    """Sets of nodes, here without the bytes and the empty string, which always have ids."""

    def __init__(
        self,
        pruner: _core.CodebookPruner,
        depth: NDArray[np.int64],
        candidates: NDArray[np.bool_],
        measured: Callable[[], None],
    ) -> None:
        self._pruner = pruner
        self._depth = depth
        self._measured = measured
        self._always: NDArray[np.bool_] = depth <= 1
        self.candidates = candidates

    def _measure(
        self, has_id: NDArray[np.bool_]
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        result = self._pruner.measure(has_id | self._always)
        self._measured()
        return result

    def without_least(self, has_id: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
        """Drop ``count`` strings of least loss."""
        _, losses, _ = self._measure(has_id)
        nodes = np.flatnonzero(has_id)
        order = np.lexsort((-nodes, -self._depth[nodes], losses[nodes]))
        result: NDArray[np.bool_] = has_id.copy()
        result[nodes[order[:count]]] = False
        return result

    def with_most(
        self, has_id: NDArray[np.bool_], gains: NDArray[np.int64], count: int
    ) -> NDArray[np.bool_]:
        """Add at most ``count`` strings of most gain."""
        nodes = np.flatnonzero(self.candidates & ~has_id & (gains > 0))
        order = np.lexsort((nodes, self._depth[nodes], -gains[nodes]))
        result: NDArray[np.bool_] = has_id.copy()
        result[nodes[order[:count]]] = True
        return result

    def swapped(self, has_id: NDArray[np.bool_], wanted: int) -> NDArray[np.bool_]:
        """Swap strings for others while that lowers the number of windows."""
        windows, _, gains = self._measure(has_id)
        count = wanted // SWAPPED + 1
        for _ in range(SWAPS):
            more = self.with_most(has_id, gains, count)
            excess = int(more.sum()) - wanted
            if excess <= 0:
                break
            other = self.without_least(more, excess)
            other_windows, _, other_gains = self._measure(other)
            if other_windows < windows:
                has_id, windows, gains = other, other_windows, other_gains
            else:
                count = count // 2 + 1
        return has_id | self._always
