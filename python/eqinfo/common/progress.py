"""How long-running calls report their progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called as ``progress(done, total)``: units done so far, and their total, None if unknown."""

Advance: TypeAlias = Callable[[int], None]
"""Called as ``advance(units)``: the units done since the last call."""
