"""The remaining time of a study, from the figures that are done."""

from __future__ import annotations

import pytest

from eqinfo.experiment.report.remaining import RemainingTime


def test_kinds_that_are_known() -> None:
    remaining = RemainingTime(["table", "table", "learning", "learning", "learning"])
    remaining.add("table", 2)
    # Nothing is known of learning, and half of the second table is done in one second.
    assert remaining.seconds("table", 0.5, 1) == (1, False)
    assert remaining.seconds("table", 0, 0.5) == (1.5, False)
    remaining.add("table", 4)
    assert remaining.seconds("learning", 0, 7) == (0, False)
    # A tenth of the first takes a minute: nine more, and two figures of ten.
    assert remaining.seconds("learning", 0.1, 60) == pytest.approx((9 * 60 + 2 * 600, True))
    remaining.add("learning", 500)
    assert remaining.seconds("learning", 0.5, 300) == pytest.approx((300 + 500, True))
    # A figure that takes longer than those before it does not make the rest negative.
    assert remaining.seconds("learning", 0, 900) == pytest.approx((500, True))
    remaining.add("learning", 500)
    remaining.add("learning", 500)
    assert remaining.seconds("learning", 1, 500) == (0, True)


def test_figures_of_a_resumed_study_tell_how_long_they_took() -> None:
    """The first figures of a study take a hundredth of the time of the last ones."""
    remaining = RemainingTime(["short"] * 10 + ["long"] * 10)
    for _ in range(10):
        remaining.add("short", 1)
    remaining.add("long", 100)
    assert remaining.seconds("long", 0, 0) == (900, True)
