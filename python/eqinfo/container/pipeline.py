"""Work on blocks in threads, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Pipeline(Generic[_Item, _Result]):
    """Calls a function for every item, in threads where there is more than one.

    Items wait while as many are at work as there are threads and half as many again, or while they
    are too large together.

    Args:
        function: releases the GIL for most of its time.
        num_threads: 1 works at once, in the calling thread.
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
        self._depth = num_threads + (num_threads + 1) // 2
        self._pool = ThreadPoolExecutor(num_threads) if num_threads > 1 else None
        self._waiting: deque[tuple[Future[_Result], int]] = deque()
        self._bytes = 0

    def put(self, item: _Item, size: int) -> Iterator[_Result]:
        """Add an item of ``size`` bytes; yield results that are due, in order."""
        if self._pool is None:
            yield self._function(item)
            return
        while self._waiting and (
            len(self._waiting) >= self._depth or self._bytes + size > self._max_bytes
        ):
            yield self._take()
        self._waiting.append((self._pool.submit(self._function, item), size))
        self._bytes += size

    def drain(self) -> Iterator[_Result]:
        """Yield all results that are left, in order."""
        while self._waiting:
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
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> _Result:
        future, size = self._waiting.popleft()
        self._bytes -= size
        return future.result()

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
