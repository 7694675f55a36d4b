"""Numbers of things, in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a count with its noun; its plural ends in s.

    >>> counted(1, "document"), counted(12_000, "token")
    ('1 document', '12,000 tokens')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
