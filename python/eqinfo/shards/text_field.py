"""The field or column of the texts: the check that there is one, and what to do if not."""

from __future__ import annotations

from collections.abc import Sequence

NAME_IT = "; name it with text_field (--text-field)"


def shown_names(names: Sequence[str]) -> str:
    """Return the first of some names, shortened, for a message."""
    return ", ".join(repr(name[:40]) for name in names[:8]) or "none"


def check_column(names: Sequence[str], column: str) -> None:
    """Raise ValueError unless a table has just one column of a name."""
    count = names.count(column)
    if count > 1:
        raise ValueError(
            f"expected one column {column!r}, found {count} of this name; rename the others"
        )
    if not count:
        raise ValueError(f"expected a column {column!r}, found {shown_names(names)}{NAME_IT}")
