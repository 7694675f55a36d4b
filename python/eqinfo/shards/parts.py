"""Documents that lie in several parts, as one sequence."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import overload

from eqinfo.common.batch import TokenArray, TokenDocuments
from eqinfo.common.counts import counted
from eqinfo.common.integers import check_integers


class DocumentParts(TokenDocuments):
    """The documents of several sequences, one sequence after the other.

    Args:
        parts: the sequences.
    """

    def __init__(self, parts: Sequence[Sequence[TokenArray]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(map(len, parts)))

    def __len__(self) -> int:
        """Return the number of documents."""
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> TokenArray: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenArray]: ...
    def __getitem__(self, index: int | slice) -> TokenArray | list[TokenArray]:
        """Return the tokens of a document as a read-only view, or a list of views for a slice.

        Raises:
            IndexError: there is no document of that number; negative ones count from the end.
            TypeError: neither an integer nor a slice.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        part, document = self._find(index)
        return self._parts[part][document]

    def __repr__(self) -> str:
        """Return a short description."""
        parts = self._shown_parts()
        return f"{type(self).__name__}({parts}, {counted(len(self), 'document')})"

    def _shown_parts(self) -> str:
        return counted(len(self._parts), "part")

    def __iter__(self) -> Iterator[TokenArray]:
        """Yield the tokens of every document."""
        for part in self._parts:
            yield from part

    def _find(self, index: int) -> tuple[int, int]:
        """Return the number of a part, and the number of a document in it."""
        if not len(self):
            raise IndexError(f"expected shards with documents, found no document {index}")
        check_integers(document=index)
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"expected a document of {-len(self)} to {len(self) - 1}, found {index}"
            )
        index %= len(self)
        part = bisect_right(self._ends, index)
        return part, index - self._ends[part] + len(self._parts[part])
