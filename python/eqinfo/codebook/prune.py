"""Pruning in `Codebook.fit`: which of many candidate strings the greedy parse needs most.

The loss of a string is how many more windows a parse without it needs. The gain of a candidate is
how many fewer windows a parse with it needs. Both consider one string at a time
(``csrc/cpu/codebook/fit.h``). In rounds, the strings of least loss are dropped until the wanted
number is left. Then some are swapped for candidates of greater gain, as long as that helps. Ties
are resolved in favour of shorter strings, then of the lexicographically smaller one.

Kudo, "Subword Regularization" (2018), prunes vocabularies by such a loss under a unigram model;
here it is that of the greedy parse.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core

DROPPED = 5
"""A round drops one string in this many."""
SWAPPED = 32
"""The first swap exchanges one string in this many; a swap that does not help halves the number."""
SWAPS = 8
"""Swaps that are tried at most."""


def measurements(candidates: int, wanted: int) -> int:
    """Return an upper bound of the number of measurements in `prune`."""
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
    *,
    always: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return which nodes get an id: those of ``always``, and at most ``wanted`` more.

    Args:
        pruner: measures losses and gains on the documents.
        depth: uint32, shape (nodes,): the depth of every node, in depth-first order.
        allowed: bool, shape (nodes,): whether a node may have an id.
        wanted: number of strings of two or more bytes; all allowed ones if there are fewer.
        measured: called after every measurement.
        always: bool, shape (nodes,): nodes that get an id in any case, among them the empty string
            and all bytes, which are the default.

    Returns:
        bool, shape (nodes,).
    """
    if always is None:
        always = depth <= 1
    search = _Search(pruner, depth.astype(np.int64), always, allowed & ~always, measured)
    has_id = search.candidates.copy()
    while (count := int(has_id.sum())) > wanted:
        has_id = search.without_least(has_id, _dropped(count, wanted))
    return search.swapped(has_id, wanted)


class _Search:
    """The search. Its sets of nodes leave out those that always have ids."""

    def __init__(
        self,
        pruner: _core.CodebookPruner,
        depth: NDArray[np.int64],
        always: NDArray[np.bool_],
        candidates: NDArray[np.bool_],
        measured: Callable[[], None],
    ) -> None:
        self._pruner = pruner
        self._depth = depth
        self._measured = measured
        self._always = always
        self.candidates = candidates

    def _measure(
        self, has_id: NDArray[np.bool_]
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        result = self._pruner.measure(has_id | self._always)
        self._measured()
        return result

    def without_least(self, has_id: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
        """Return ``has_id`` without the ``count`` strings of least loss."""
        _, losses, _ = self._measure(has_id)
        nodes = np.flatnonzero(has_id)
        order = np.lexsort((-nodes, -self._depth[nodes], losses[nodes]))
        result: NDArray[np.bool_] = has_id.copy()
        result[nodes[order[:count]]] = False
        return result

    def with_most(
        self, has_id: NDArray[np.bool_], gains: NDArray[np.int64], count: int
    ) -> NDArray[np.bool_]:
        """Return ``has_id`` with at most ``count`` more strings, those of greatest gain."""
        nodes = np.flatnonzero(self.candidates & ~has_id & (gains > 0))
        order = np.lexsort((nodes, self._depth[nodes], -gains[nodes]))
        result: NDArray[np.bool_] = has_id.copy()
        result[nodes[order[:count]]] = True
        return result

    def swapped(self, has_id: NDArray[np.bool_], wanted: int) -> NDArray[np.bool_]:
        """Swap strings for others while that lowers their cost; add those that always have ids."""
        cost, _, gains = self._measure(has_id)
        count = wanted // SWAPPED + 1
        for _ in range(SWAPS):
            more = self.with_most(has_id, gains, count)
            excess = int(more.sum()) - wanted
            if excess <= 0:
                break
            other = self.without_least(more, excess)
            other_cost, _, other_gains = self._measure(other)
            if other_cost < cost:
                has_id, cost, gains = other, other_cost, other_gains
            else:
                count = count // 2 + 1
        return has_id | self._always
