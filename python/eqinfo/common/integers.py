"""Integer arguments: the checks that name the argument in their errors.

They return Python's integers. Those of NumPy overflow, and a fingerprint would say their dtype.
"""

from __future__ import annotations

from operator import index


def check_integers(**values: object) -> tuple[int, ...]:
    """Return arguments, given by their names, or raise TypeError if one is not an integer."""
    return tuple(_integer(name, value) for name, value in values.items())


def check_optional_integers(**values: object) -> tuple[int | None, ...]:
    """Return arguments, or raise TypeError if one is neither None nor an integer."""
    return tuple(None if value is None else _integer(name, value) for name, value in values.items())


def check_bits(bits: int, **values: object) -> tuple[int, ...]:
    """As `check_integers`; ValueError if an integer is not one of 0 to 2^bits - 1."""
    integers = check_integers(**values)
    for name, value in zip(values, integers, strict=True):
        if value >> bits:
            raise ValueError(f"expected {name} of 0 to 2^{bits} - 1, found {value}")
    return integers


def keep_integers(settings: object, *names: str) -> None:
    """Make fields of a frozen dataclass Python's integers; raises as `check_integers`."""
    integers = check_integers(**{name: getattr(settings, name) for name in names})
    for name, value in zip(names, integers, strict=True):
        object.__setattr__(settings, name, value)


def _integer(name: str, value: object) -> int:
    try:
        return index(value)  # type: ignore[arg-type]  # that is what this finds out
    except TypeError:  # arrays have the method, too
        raise TypeError(f"expected an integer for {name}, found {type(value).__name__}") from None
