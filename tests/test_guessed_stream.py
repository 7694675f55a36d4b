"""One lane of a native model, which appends guesses of the next byte and takes them back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.models import FRESH, NativeModel, load
from eqinfo.range_coder import RangeEncoder
from levels import LEVELS, at_level
from native_cases import random_native_model

PRECISION = 16
# Much of it comes again, so that most guesses are right, and some are not.
TEXTS = st.lists(
    st.sampled_from([b"it was the best", b"it was the worst", b"the", b"\n\n", b"\0\xff"])
    | st.binary(max_size=3),
    max_size=25,
).map(b"".join)


def models(history: bool) -> NativeModel:
    model = random_native_model()
    return model if history else model.without_history()


class OfLanes:
    """What the first of some lanes predicts. Only a single lane makes guesses."""

    def __init__(self, model: NativeModel, lanes: int) -> None:
        self.contexts = _core.ModelLanes(model.native, lanes)
        self.lane = np.zeros(1, np.int64)

    def next(self, symbol: int, precision: int = PRECISION) -> NDArray[np.uint32]:
        return self.contexts.predict(self.lane, np.array([symbol], np.int32), precision)[0]


def assert_equal(text: bytes, model: NativeModel, compared: int) -> None:
    one, two = OfLanes(model, 1), OfLanes(model, 2)
    for position, symbol in enumerate([FRESH, *text]):
        found, expected = one.next(symbol), two.next(symbol)
        if position > len(text) - compared:
            assert (found == expected).all(), position


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("history", [True, False])
@given(text=TEXTS)
def test_predictions_do_not_depend_on_guesses(level: str, history: bool, text: bytes) -> None:
    with at_level(level):
        assert_equal(text, models(history), len(text) + 1)


def test_guesses_are_taken_back_where_the_history_begins_anew() -> None:
    # The history keeps the last 64 KiB, so a guess replaces a byte there.
    rng = np.random.default_rng(0)
    words = [rng.integers(97, 105, rng.integers(2, 9), np.uint8).tobytes() for _ in range(300)]
    text = b" ".join(words[k] for k in rng.integers(0, len(words), 13_000))
    assert len(text) > 70_000
    assert_equal(text[:70_000], load("en"), 6_000)


def test_a_context_begins_anew_after_a_guess() -> None:
    one, two = OfLanes(random_native_model(), 1), OfLanes(random_native_model(), 2)
    for text in (b"the the the th", b"the the best", b"the"):
        for lanes in (one, two):
            lanes.contexts.reset(lanes.lane)
        for symbol in (FRESH, *text):
            assert (one.next(symbol) == two.next(symbol)).all()


def test_a_guess_has_the_precision_that_is_asked_for() -> None:
    one, two = OfLanes(random_native_model(), 1), OfLanes(random_native_model(), 2)
    for position, symbol in enumerate([FRESH, *b"the the the the the the"]):
        precision = 16 + position % 3
        found = one.next(symbol, precision)
        assert found.sum() == 1 << precision
        assert (found == two.next(symbol, precision)).all()


def test_a_refused_symbol_changes_nothing() -> None:
    one, two = OfLanes(random_native_model(), 1), OfLanes(random_native_model(), 2)
    for symbol in (FRESH, *b"the the the th"):
        assert (one.next(symbol) == two.next(symbol)).all()
        for lanes in (one, two):
            with pytest.raises(ValueError, match="symbol"):
                lanes.next(256)


def test_a_guess_is_taken_back_before_known_symbols() -> None:
    streams = []
    for count in (1, 2):
        lanes = OfLanes(random_native_model(), count)
        for symbol in (FRESH, *b"the the the th"):
            lanes.next(symbol)
        coder = RangeEncoder(count, PRECISION)
        known = np.frombuffer(b"is was not to be guessed", np.uint8).astype(np.int32)
        coder.extend_lanes(lanes.contexts, known[:, None].copy(), lanes.lane)
        streams.append(coder.finish(0))
    assert streams[0] == streams[1]
