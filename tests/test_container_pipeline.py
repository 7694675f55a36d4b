"""Pipelines: every item is processed once, results are in order, and errors are in their place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from eqinfo.container.pipeline import Pipeline


def items(count: int, size: int = 1) -> Iterator[tuple[int, int]]:
    return ((number, size) for number in range(count))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 100])
@pytest.mark.parametrize("max_bytes", [0, 3, float("inf")])
def test_results_come_in_order(threads: int, count: int, max_bytes: float) -> None:
    seen = []

    def work(number: int) -> int:
        seen.append(number)
        return -number

    with Pipeline(work, threads, max_bytes) as pipeline:
        assert list(pipeline.over(items(count))) == [-number for number in range(count)]
    assert sorted(seen) == list(range(count))


def test_the_calling_thread_works_where_it_would_wait() -> None:
    """Another thread is busy with the first item until all others are done."""
    others_done = threading.Semaphore(0)
    begun = threading.Event()
    workers: dict[int, int] = {}

    def work(number: int) -> int:
        workers[number] = threading.get_ident()
        if number == 0:
            begun.set()
            for _ in range(3):
                assert others_done.acquire(timeout=60)
        else:
            others_done.release()
        return number

    with Pipeline(work, 2) as pipeline:
        assert list(pipeline.put(0, 1)) == []
        assert begun.wait(60)
        for number in (1, 2, 3):
            assert list(pipeline.put(number, 1)) == []
        assert list(pipeline.drain()) == [0, 1, 2, 3]
    assert workers.pop(0) != threading.get_ident()
    assert set(workers.values()) == {threading.get_ident()}


@pytest.mark.parametrize("threads", [2, 4])
def test_an_item_that_finds_no_memory_is_tried_again_alone(threads: int) -> None:
    both = threading.Barrier(2)
    at_work: set[int] = set()
    calls: list[int] = []

    def work(number: int) -> int:
        at_work.add(number)
        calls.append(number)
        try:
            if calls.count(1) < 2 and number < 2:
                both.wait(60)
            if number == 1 and calls.count(1) == 1:
                raise MemoryError
            if number == 1:
                assert at_work == {1}
        finally:
            at_work.remove(number)
        return number

    with Pipeline(work, threads) as pipeline:
        assert list(pipeline.over(items(20))) == list(range(20))
    assert sorted(calls) == sorted([1, *range(20)])


@pytest.mark.parametrize("threads", [1, 3])
def test_an_item_that_never_finds_memory_raises(threads: int) -> None:
    def work(number: int) -> int:
        if number == 5:
            raise MemoryError("too large")
        return number

    with Pipeline(work, threads) as pipeline:
        results = pipeline.over(items(9))
        assert [next(results) for _ in range(5)] == list(range(5))
        with pytest.raises(MemoryError, match="too large"):
            next(results)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_errors_come_after_the_results_before_them(threads: int) -> None:
    def work(number: int) -> int:
        if number == 7:
            raise ValueError("seven")
        return number

    found: list[int] = []
    with Pipeline(work, threads) as pipeline, pytest.raises(ValueError, match="seven"):
        found.extend(pipeline.over(items(20)))
    assert found == list(range(7))


def broken() -> Iterator[tuple[int, int]]:
    yield from items(5)
    raise KeyError("no more")


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_an_error_of_the_items_comes_after_all_results(threads: int) -> None:
    found: list[int] = []
    with Pipeline(lambda number: number, threads) as pipeline, pytest.raises(KeyError):
        found.extend(pipeline.over(broken()))
    assert found == list(range(5))


@pytest.mark.parametrize(
    ("threads", "max_bytes", "most"),
    [(1, float("inf"), 0), (2, float("inf"), 4), (3, float("inf"), 6), (3, 25, 2), (3, 5, 1)],
)
def test_items_in_flight_are_bounded(threads: int, max_bytes: float, most: int) -> None:
    """Every item has 10 bytes. An item is taken only when there is room for it, or one before."""
    taken = done = 0
    in_flight: list[int] = []

    def counted() -> Iterator[tuple[int, int]]:
        nonlocal taken
        for number, _ in items(30):
            in_flight.append(taken - done)
            taken += 1
            yield number, 10

    with Pipeline(lambda number: number, threads, max_bytes) as pipeline:
        for result in pipeline.over(counted()):
            assert result == done
            done += 1
    assert done == 30
    assert max(in_flight) == most
