"""Every allocation of native code fails in turn: MemoryError, and objects as before.

This needs a module that was built with -DEQINFO_FAULTS=ON, as CI's step `faults` does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import eqinfo._core as _core
from allocation_cases import CASES, Case

LIBRARY = ctypes.CDLL(_core.__file__)
pytestmark = pytest.mark.skipif(
    not hasattr(LIBRARY, "eqinfo_fail_allocations"),
    reason="needs a module built with -DEQINFO_FAULTS=ON",
)
FOR_EVER = 1 << 40


class Failures:
    """What is known about the failures that were asked for, when they are over."""

    unused = 0


@contextmanager
def failing(before: int, count: int) -> Iterator[Failures]:
    """Let ``count`` native allocations fail after ``before`` ones that do not."""
    failures = Failures()
    LIBRARY.eqinfo_fail_allocations(ctypes.c_int64(before), ctypes.c_int64(count))
    try:
        yield failures
    finally:
        end = LIBRARY.eqinfo_end_failures
        end.restype = ctypes.c_int64
        failures.unused = end()


def plain(value: Any) -> Any:
    """Return the value such that == compares all of it."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return value


def attempt(case: Case, before: int, count: int) -> tuple[Any, int]:
    """Return the result of the case, after a second call if the first one fails, and how many
    failures were not used."""
    made = case.make()
    with failing(before, count) as failures:
        try:
            value = case.call(made)
            failed = False
        except MemoryError:
            failed = True
    if failed:
        made = made if case.retry else case.make()
        value = case.call(made)
    return plain(case.result(made, value)), failures.unused


@pytest.mark.parametrize("count", [1, FOR_EVER], ids=["one", "all"])
@pytest.mark.parametrize("name", CASES)
def test_every_allocation_fails_in_turn(name: str, count: int) -> None:
    case = CASES[name]
    # pybind11 notes every type when it first sees it, which is not what is tested here.
    expected, _ = attempt(case, 0, 0)
    before = 0
    while True:
        found, unused = attempt(case, before, count)
        assert found == expected, f"after a failure of allocation {before + 1}"
        if unused == count:
            break
        before += 1
