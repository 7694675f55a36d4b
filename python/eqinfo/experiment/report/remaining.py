"""How long the rest of a study takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class RemainingTime:
    """Estimates from the figures that are done how long the others take.

    Figures of one kind take about as long as each other; those of different kinds, from
    milliseconds to hours. So a kind counts only once one of its figures is done, and until then the
    estimate is a lower bound.

    Args:
        kinds: the kind of every figure, in order.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        self._left = Counter(kinds)
        self._done: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def add(self, kind: str, seconds: float) -> None:
        """Take note of a figure that is done, and of how long it took."""
        self._left[kind] -= 1
        self._done[kind] += 1
        self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds

    def seconds(self, kind: str, part: float, elapsed: float) -> tuple[float, bool]:
        """Return the seconds to the end, and whether that is all, not only a lower bound.

        Args:
            kind: the kind of the figure that is being made.
            part: how much of it is done, from 0 to 1.
            elapsed: for how many seconds it has been made.
        """
        expected = elapsed / part if part else self._mean(kind)
        total = max(0.0, (expected or 0.0) - elapsed)
        complete = expected is not None
        for other, count in self._left.items():
            waiting = count - (other == kind)
            # The figure that is being made tells how long others of its kind take.
            mean = self._mean(other) or (expected if other == kind else None)
            if waiting > 0:
                total += waiting * (mean or 0.0)
                complete = complete and mean is not None
        return total, complete

    def _mean(self, kind: str) -> float | None:
        return self._seconds[kind] / self._done[kind] if self._done[kind] else None
