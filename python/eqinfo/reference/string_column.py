"""Prefix tests on ids in plain Python, slow: what the tests compare the package with."""

from __future__ import annotations

from collections.abc import Sequence

from eqinfo.reference.codebook import decode

Branch = tuple[list[int], range]
"""The ids that a row begins with, and those that the next one may be."""


def open_windows(strings: Sequence[bytes], prefix: bytes) -> tuple[list[int], bytes]:
    """Return the ids of those windows of a prefix that nothing behind it changes, and the rest.

    A window is settled once no string begins with what has been read of it.
    """
    ids: list[int] = []
    rest = prefix
    while not any(string.startswith(rest) for string in strings):
        window = max(string for string in strings if rest.startswith(string))
        ids.append(strings.index(window))
        rest = rest[len(window) :]
    return ids, rest


def prefix_branches(strings: Sequence[bytes], prefix: bytes) -> list[Branch]:
    """Return the ways in which the ids of a string can begin that begins with a prefix.

    Either the window that is open at the prefix's end takes in the whole rest of it; or the rest is
    no string itself, the window is the longest string that the rest begins with, and what is left
    is told apart in the same way.
    """
    branches = []
    ids, rest = open_windows(strings, prefix)
    while True:
        inside = [i for i, string in enumerate(strings) if string.startswith(rest)]
        branches.append((list(ids), range(inside[0], inside[-1] + 1)))
        if strings[inside[0]] == rest:
            return branches
        window = max(string for string in strings if rest.startswith(string))
        more, rest = open_windows(strings, rest[len(window) :])
        ids += [strings.index(window), *more]


def starts_with(strings: Sequence[bytes], ids: Sequence[int], prefix: bytes) -> bool:
    """Whether a row of ids, the greedy parse of its string, begins with a prefix."""
    if not prefix:
        return True
    found = any(
        list(ids[: len(before)]) == before and len(ids) > len(before) and ids[len(before)] in after
        for before, after in prefix_branches(strings, prefix)
    )
    assert found == decode(strings, ids).startswith(prefix)
    return found
