"""Parallel work on blocks, with results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def _begin(
    pool: ThreadPoolExecutor | None, function: Callable[[_Item], _Result], item: _Item
) -> Future[_Result]:
    """Let a thread call the function; without one, nobody has begun it."""
    if pool is not None:
        try:
            return pool.submit(function, item)
        except RuntimeError:  # no thread starts, as while the interpreter exits
            pass
    return Future()


def _pool(threads: int) -> ThreadPoolExecutor | None:
    """Return threads for calls, or None where there can be none."""
    if threads == 0:
        return None
    try:
        from concurrent.futures import ThreadPoolExecutor
    except RuntimeError:  # the module cannot be imported first while the interpreter exits
        return None
    return ThreadPoolExecutor(threads)


class _Job(Generic[_Item, _Result]):
    """An item that a thread works on, or will.

    Attributes:
        item: what the thread works on.
        size: the item's size in bytes.
        future: its result.
    """

    def __init__(
        self,
        pool: ThreadPoolExecutor | None,
        function: Callable[[_Item], _Result],
        item: _Item,
        size: int,
    ) -> None:
        self._function = function
        self.item = item
        self.size = size
        self.future = _begin(pool, function, item)

    def run_here(self) -> bool:
        """Do the work in this thread; return False if another thread has begun it."""
        if not self.future.cancel():
            return False
        self.future = Future()
        try:
            self.future.set_result(self._function(self.item))
        except Exception as error:
            self.future.set_exception(error)
        return True


class Pipeline(Generic[_Item, _Result]):
    """Calls a function for every item, in parallel, and returns the results in order.

    The calling thread counts as one of the threads: instead of waiting for a result, it works on an
    item itself. An item is not accepted while enough others are pending to keep the other threads
    busy, or while the pending ones are too large together.

    Where no thread can be started, as in an atexit handler, the calling thread does all the work.
    The threads do not follow a fork. In the child, others do the pending work again. An item whose
    work finds no memory is tried once more while no thread works.

    Args:
        function: called for every item; it should release the GIL most of the time.
        num_threads: number of threads; with 1, each item is processed as soon as it is added.
        max_bytes: limit on the sizes of pending items together; a single item may exceed it.
    """

    def __init__(
        self,
        function: Callable[[_Item], _Result],
        num_threads: int,
        max_bytes: float = float("inf"),
    ) -> None:
        self._function = function
        self._max_bytes = max_bytes
        self._num_threads = num_threads
        self._depth = 2 * num_threads
        self._jobs: deque[_Job[_Item, _Result]] = deque()
        self._bytes = 0
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._pool = _pool(self._num_threads - 1)

    def _follow_fork(self) -> None:
        """In a forked child, begin the pending work again, in new threads."""
        if os.getpid() == self._process:
            return
        self._start()
        self._jobs = deque(
            _Job(self._pool, self._function, job.item, job.size) for job in self._jobs
        )

    def put(self, item: _Item, size: int) -> Iterator[_Result]:
        """Add an item of ``size`` bytes; yield the results that make room for it, in order."""
        if self._num_threads == 1:
            yield self._function(item)
            return
        while self._jobs and (
            len(self._jobs) >= self._depth or self._bytes + size > self._max_bytes
        ):
            yield self._take()
        self._follow_fork()
        self._jobs.append(_Job(self._pool, self._function, item, size))
        self._bytes += size

    @property
    def busy(self) -> bool:
        """Whether there are results that have not been taken."""
        return bool(self._jobs)

    def done(self) -> Iterator[_Result]:
        """Yield the next results as far as they are there, without waiting for any."""
        self._follow_fork()
        while self._jobs and self._jobs[0].future.done():
            yield self._take()

    def drain(self) -> Iterator[_Result]:
        """Yield all remaining results, in order."""
        while self._jobs:
            yield self._take()

    def over(self, items: Iterator[tuple[_Item, int]]) -> Iterator[_Result]:
        """Yield the results of pairs of items and sizes; raises as `put_all`."""
        yield from self.put_all(items)
        yield from self.drain()

    def put_all(self, items: Iterator[tuple[_Item, int]]) -> Iterator[_Result]:
        """Add pairs of items and sizes; yield the results that make room for them, in order.

        If the iterator of items raises, the results of the items before come first.
        """
        while True:
            try:
                item = next(items, None)
            except Exception:
                yield from self.drain()
                raise
            if item is None:
                return
            yield from self.put(*item)

    def close(self) -> None:
        """Cancel the work that has not begun."""
        self._jobs.clear()
        if self._pool is not None and os.getpid() == self._process:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> _Result:
        self._follow_fork()
        job = self._jobs[0]
        while not job.future.done() and any(other.run_here() for other in self._jobs):
            pass
        self._jobs.popleft()
        self._bytes -= job.size
        try:
            return job.future.result()
        except MemoryError:
            self._wait_for_others()
            return self._function(job.item)

    def _wait_for_others(self) -> None:
        """Wait until no thread works; what none has begun is left to `_Job.run_here`."""
        for job in self._jobs:
            if job.future.cancel():
                job.future = Future()
        wait([job.future for job in self._jobs if job.future.running()])

    def __enter__(self) -> Pipeline[_Item, _Result]:
        """Return the pipeline."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the pipeline."""
        self.close()
