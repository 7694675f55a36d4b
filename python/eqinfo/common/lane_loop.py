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
    free: Sequence[int] | LaneIndices = range(lanes)
    busy = np.empty(0, np.int64)
    while True:
        started = [int(lane) for lane in free if any(task.begin(int(lane), i) for i in queue)]
        busy = np.sort(np.concatenate([busy, np.array(started, np.int64)]))
        if len(busy) == 0:
            return
        while len(free := task.step(busy)) == 0:
            pass
        busy = np.setdiff1d(busy, free)
