"""Locks of objects that a forked child inherits: the threads of its parent do not exist there."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

_LOCKS: WeakSet[ShortLock | Turn] = WeakSet()


class ShortLock:
    """A lock that a forked child finds free.

    For sections after each of whose statements the data is valid, because the child goes on with
    the data as it was when the process forked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        """Wait for the sections of other threads."""
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        """Let the next thread in."""
        self._lock.release()

    def after_fork(self) -> None:
        """Begin anew in a forked child, which has one thread."""
        self._lock = threading.Lock()


class Turn:
    """Lets one call at a time into an object, whichever thread it comes from.

    In a forked child, an object that another thread was calling when the process forked is lost:
    that call is never completed.

    Attributes:
        lost: whether that is so.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._thread: int | None = None
        self.lost = False
        _LOCKS.add(self)

    def __enter__(self) -> None:
        """Wait for the calls of other threads.

        Raises:
            RuntimeError: this thread has interrupted a call of its own, as in a signal handler; or
                the object is lost.
        """
        if self.lost:
            raise RuntimeError(
                "expected a file that no other thread was using when the process forked, found one "
                "in use; open it again in the child"
            )
        self._lock.acquire()
        if self._thread is not None:
            self._lock.release()
            raise RuntimeError("expected no call within another call of the same file, found one")
        self._thread = threading.get_ident()

    def __exit__(self, *error: object) -> None:
        """Let the next call in."""
        self._thread = None
        self._lock.release()

    def after_fork(self) -> None:
        """Begin anew in a forked child, unless the thread that forked is within a call."""
        if self._thread != threading.get_ident():
            self.lost = self._thread is not None
            self._lock = threading.RLock()


def _follow_fork() -> None:
    for lock in list(_LOCKS):
        lock.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_follow_fork)
