"""Integer arguments: the checks that name the argument in their errors."""

from __future__ import annotations

from operator import index


def check_integers(**values: object) -> None:
    """Raise TypeError if an argument, given by its name, is not an integer."""
    for name, value in values.items():
        if not _is_integer(value):
            raise TypeError(f"expected an integer for {name}, found {type(value).__name__}")


def check_optional_integers(**values: object) -> None:
    """Raise TypeError if an argument, given by its name, is neither None nor an integer."""
    check_integers(**{name: value for name, value in values.items() if value is not None})


def check_bits(bits: int, **values: object) -> None:
    """Raise as `check_integers`, or ValueError if an integer is not one of 0 to 2^bits - 1."""
    check_integers(**values)
    for name, value in values.items():
        if index(value) >> bits:  # type: ignore[arg-type]  # an integer, as was checked
            raise ValueError(f"expected {name} of 0 to 2^{bits} - 1, found {value}")


def _is_integer(value: object) -> bool:
    try:
        index(value)  # type: ignore[arg-type]  # that is what this finds out
    except TypeError:  # arrays have the method, too
        return False
    return True
