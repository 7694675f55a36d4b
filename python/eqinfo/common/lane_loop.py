"""The loop that codes many items on a fixed number of lanes; a free lane takes the next item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

LaneIndices: TypeAlias = NDArray[np.int64]


class LaneTask(Protocol):
    """What `run_lanes` does on the lanes; results stay with the task."""

    def begin(self, lane: int, item: int) -> bool:
        """Give ``item`` to a free lane; return False if the item needs no step."""
        ...

    def step(self, lanes: LaneIndices) -> Sequence[int] | LaneIndices:
        """Advance all busy lanes (ascending); return those that have finished their item."""
        ...


def lane_count(limit: int, items: int) -> int:
    """Return how many lanes code ``items`` items: one for each up to ``limit``, and at least 1."""
    return max(1, min(limit, items))


def run_lanes(task: LaneTask, items: Iterable[int], lanes: int) -> None:
    """Run ``task`` until every item is done.

    Items begin in their order, each on the lowest of the lanes that became free in the same step.
    """
    queue = iter(items)

    def begin_next(lane: int) -> bool:
        return any(task.begin(lane, item) for item in queue)

    busy = np.array([lane for lane in range(lanes) if begin_next(lane)], np.int64)
    while len(busy):
        finished = task.step(busy)
        # A lane only stops when no item is left, so it never starts again.
        stopped = [lane for lane in finished if not begin_next(int(lane))]
        if stopped:
            busy = np.setdiff1d(busy, stopped)
