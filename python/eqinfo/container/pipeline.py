"""Work on blocks in threads, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class _Job(Generic[_Item, _Result]):
    """An item at work.

    Attributes:
        size: of the item.
        future: its result.
    """

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        function: Callable[[_Item], _Result],
        item: _Item,
        size: int,
    ) -> None:
        self._function = function
        self._item = item
        self.size = size
        self.future = pool.submit(function, item)

    def run_here(self) -> bool:
        """Work in this thread, unless another one has begun."""
        if not self.future.cancel():
            return False
        self.future = Future()
        try:
            self.future.set_result(self._function(self._item))
        except Exception as error:
            self.future.set_exception(error)
        return True


class Pipeline(Generic[_Item, _Result]):
    """Calls a function for every item, in threads where there is more than one.

    The calling thread is one of them: it works where it would have to wait for a result. Items wait
    while as many are at work as keep the other threads busy meanwhile, or while they are too large
    together.

    Args:
        function: releases the GIL for most of its time.
        num_threads: 1 works at once.
        max_bytes: that items at work may come to; one may always be.
    """

    def __init__(
        self,
        function: Callable[[_Item], _Result],
        num_threads: int,
        max_bytes: float = float("inf"),
    ) -> None:
        self._function = function
        self._max_bytes = max_bytes
        self._depth = 2 * num_threads
        self._pool = ThreadPoolExecutor(num_threads - 1) if num_threads > 1 else None
        self._jobs: deque[_Job[_Item, _Result]] = deque()
        self._bytes = 0

    def put(self, item: _Item, size: int) -> Iterator[_Result]:
        """Add an item of ``size`` bytes; yield results that are due, in order."""
        if self._pool is None:
            yield self._function(item)
            return
        while self._jobs and (
            len(self._jobs) >= self._depth or self._bytes + size > self._max_bytes
        ):
            yield self._take()
        self._jobs.append(_Job(self._pool, self._function, item, size))
        self._bytes += size

    def drain(self) -> Iterator[_Result]:
        """Yield all results that are left, in order."""
        while self._jobs:
            yield self._take()

    def over(self, items: Iterator[tuple[_Item, int]]) -> Iterator[_Result]:
        """Yield the result of every item, which come with their sizes.

        Where taking the next item raises, the results before it come first.
        """
        while True:
            try:
                item = next(items, None)
            except Exception:
                yield from self.drain()
                raise
            if item is None:
                break
            yield from self.put(*item)
        yield from self.drain()

    def close(self) -> None:
        """Give up what has not begun."""
        self._jobs.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> _Result:
        job = self._jobs[0]
        while not job.future.done() and any(other.run_here() for other in self._jobs):
            pass
        self._jobs.popleft()
        self._bytes -= job.size
        return job.future.result()

    def __enter__(self) -> Pipeline[_Item, _Result]:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
