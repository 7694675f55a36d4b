"""Arguments that are real numbers: the checks that name the argument in their errors.

They return Python's floats. What keeps settings, such as a checkpoint, cannot hold those of NumPy.
"""

from __future__ import annotations

from numbers import Real


def as_float(name: str, value: object) -> float:
    """Return an argument as a float, or raise TypeError if it is not a real number."""
    if not isinstance(value, Real):
        raise TypeError(f"expected a number for {name}, found {type(value).__name__}")
    return float(value)


def keep_floats(settings: object, *names: str) -> None:
    """Make fields of a frozen dataclass Python's floats; raises as `as_float`."""
    for name in names:
        object.__setattr__(settings, name, as_float(name, getattr(settings, name)))
