"""Taking turns at a file object."""

from __future__ import annotations

import threading


class Turn:
    """Lets one call at a time into a file object, whichever thread it comes from."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._taken = False

    def __enter__(self) -> None:
        """Wait for the calls of other threads.

        Raises:
            RuntimeError: this thread has interrupted a call of its own, as in a signal handler.
        """
        self._lock.acquire()
        if self._taken:
            self._lock.release()
            raise RuntimeError("expected no call within another call of the same file, found one")
        self._taken = True

    def __exit__(self, *error: object) -> None:
        """Let the next call in."""
        self._taken = False
        self._lock.release()
