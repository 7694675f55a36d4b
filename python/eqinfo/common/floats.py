"""Settings that are real numbers: Python's floats, as files of settings write them."""

from __future__ import annotations

from numbers import Real


def keep_floats(settings: object, *names: str) -> None:
    """Make fields of a frozen dataclass Python's floats.

    NumPy's of 32 bits are no numbers to JSON.

    Raises:
        TypeError: a field is not a real number; the message names it.
    """
    for name in names:
        value = getattr(settings, name)
        if not isinstance(value, Real):
            raise TypeError(f"expected a number for {name}, found {type(value).__name__}")
        object.__setattr__(settings, name, float(value))
