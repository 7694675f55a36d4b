"""Tests at a given instruction set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from eqinfo import frequency
from eqinfo.errors import UnsupportedError

LEVELS = frequency.INSTRUCTION_SETS


@contextmanager
def at_level(name: str) -> Iterator[None]:
    """Run with an instruction set, or skip the test if the processor lacks it."""
    before = frequency.instruction_set()
    try:
        frequency.set_instruction_set(name)
    except UnsupportedError:
        pytest.skip(f"this processor lacks {name}")
    try:
        yield
    finally:
        frequency.set_instruction_set(before)
