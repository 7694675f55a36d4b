"""String column stage: whether a string begins with a prefix, decided on its ids.

docs/string_column.md describes string columns, and docs/adr/0015-string-columns.md the method.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqinfo.reference.codebook import decode

Branch = tuple[list[int], range]
"""The first ids of a string, and the range that the next id must be in."""


def open_windows(strings: Sequence[bytes], prefix: bytes) -> tuple[list[int], bytes]:
    """Return the ids of a prefix's settled windows, and the rest of the prefix.

    A window is settled, that is, the same whatever follows the prefix, if no string of the codebook
    begins with all that is left of the prefix from the window on.
    """
    ids: list[int] = []
    rest = prefix
    while not any(string.startswith(rest) for string in strings):
        window = max(string for string in strings if rest.startswith(string))
        ids.append(strings.index(window))
        rest = rest[len(window) :]
    return ids, rest


def prefix_branches(strings: Sequence[bytes], prefix: bytes) -> list[Branch]:
    """Return all ways in which the ids of a string that begins with a prefix can begin.

    Either one window covers the whole rest of the prefix (see `open_windows`) and perhaps more. Or,
    if the rest is not a string of the codebook, the window is the longest string that the rest
    begins with, and the same two cases follow for what is left.
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
    """Return whether the string of ``ids``, which are its greedy parse, begins with a prefix."""
    if not prefix:
        return True
    found = any(
        list(ids[: len(before)]) == before and len(ids) > len(before) and ids[len(before)] in after
        for before, after in prefix_branches(strings, prefix)
    )
    assert found == decode(strings, ids).startswith(prefix)
    return found
