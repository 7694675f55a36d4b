"""Arguments that take one of a few values."""

from __future__ import annotations

from collections.abc import Sequence


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise ValueError if an argument, given by its name, is none of the values that it takes."""
    if value not in choices:
        raise ValueError(f"expected {name} among {', '.join(map(repr, choices))}, found {value!r}")
