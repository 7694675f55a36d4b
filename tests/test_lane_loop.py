"""The lane loop: every item once, in order, on lanes that are never idle while items wait."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqinfo.common.lane_loop import LaneIndices, lane_count, run_lanes


class Countdown:
    """A `LaneTask` whose items take ``sizes[item]`` steps each."""

    def __init__(self, sizes: list[int], lanes: int) -> None:
        self.sizes = sizes
        self.left = [0] * lanes
        self.item = [-1] * lanes
        self.begun: list[int] = []
        self.finished: list[int] = []
        self.steps: list[tuple[int, ...]] = []

    def begin(self, lane: int, item: int) -> bool:
        assert self.left[lane] == 0
        self.begun.append(item)
        self.item[lane], self.left[lane] = item, self.sizes[item]
        if self.sizes[item] == 0:
            self.finished.append(item)
        return self.sizes[item] > 0

    def step(self, lanes: LaneIndices) -> list[int]:
        assert lanes.dtype == np.int64
        busy = tuple(lanes.tolist())
        assert busy == tuple(i for i, left in enumerate(self.left) if left > 0)
        self.steps.append(busy)
        for lane in busy:
            self.left[lane] -= 1
        done = [lane for lane in busy if self.left[lane] == 0]
        self.finished += [self.item[lane] for lane in done]
        return done


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 6))
def test_every_item_is_coded_once_and_begins_in_order(sizes: list[int], limit: int) -> None:
    lanes = lane_count(limit, len(sizes))
    task = Countdown(sizes, lanes)
    run_lanes(task, range(len(sizes)), lanes)
    assert task.begun == list(range(len(sizes)))
    assert sorted(task.finished) == task.begun
    assert sum(map(len, task.steps)) == sum(sizes)
    # Lanes are only free when no item waits, so once one is free, no more are taken.
    counts = [len(busy) for busy in task.steps]
    assert counts == sorted(counts, reverse=True)


def test_free_lanes_take_items_from_the_lowest_up() -> None:
    task = Countdown([2, 1, 1, 3, 0, 1], 3)
    run_lanes(task, range(6), 3)
    assert task.steps == [(0, 1, 2), (0, 1, 2), (1,), (1,)]
    assert task.item == [0, 3, 5]


def test_errors_pass_through() -> None:
    class Failing(Countdown):
        def step(self, lanes: LaneIndices) -> list[int]:
            if len(self.steps) == 2:
                raise RuntimeError("broken")
            return super().step(lanes)

    task = Failing([1] * 9, 2)
    with pytest.raises(RuntimeError, match="broken"):
        run_lanes(task, range(9), 2)
    assert task.begun == [0, 1, 2, 3, 4, 5]


def test_lane_count() -> None:
    assert [lane_count(4, items) for items in (0, 1, 4, 9)] == [1, 1, 4, 4]
