"""The windows that a document was encoded into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eqinfo.window.parameters import Codewords


@dataclass(frozen=True)
class EncodedWindows:
    """The windows of one document, in order; slices are windows too.

    Attributes:
        codewords: uint64, shape (n, 2), the more significant word first.
        ends: int64, shape (n,): where in the document each window ends, in symbols.
        spare_bits: float64, shape (n,): the bits of information that each still had room for.
        shortened: int64, shape (n,): the symbols that a padded or delayed window gave back to the
            next one.
        misread: bool, shape (n,): whether the paper's decoder reads past the end of the window
            that the paper's encoder makes; only in padded windows.
    """

    codewords: Codewords
    ends: NDArray[np.int64]
    spare_bits: NDArray[np.float64]
    shortened: NDArray[np.int64]
    misread: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.ends)

    def __getitem__(self, index: slice) -> EncodedWindows:
        """Return a run of windows."""
        return EncodedWindows(
            self.codewords[index],
            self.ends[index],
            self.spare_bits[index],
            self.shortened[index],
            self.misread[index],
        )


class WindowCollector:
    """Windows of one document, collected one by one as they are closed."""

    def __init__(self) -> None:
        self._codewords: list[NDArray[np.uint64]] = []
        self._rest: list[tuple[int, float, int, bool]] = []

    def __len__(self) -> int:
        """Return the number of windows collected and not yet taken."""
        return len(self._codewords)

    def add(
        self,
        codeword: NDArray[np.uint64],
        end: int,
        spare_bits: float,
        shortened: int = 0,
        misread: bool = False,
    ) -> None:
        """Append a window; its codeword has shape (2,), the rest is as in `EncodedWindows`."""
        self._codewords.append(codeword)
        self._rest.append((end, spare_bits, shortened, misread))

    def take(self, count: int | None = None) -> EncodedWindows:
        """Remove and return the first ``count`` windows (default: all)."""
        count = len(self) if count is None else count
        codewords, rest = self._codewords[:count], self._rest[:count]
        del self._codewords[:count], self._rest[:count]
        ends, spare_bits, shortened, misread = zip(*rest, strict=True) if rest else ((), (), (), ())
        return EncodedWindows(
            np.array(codewords, np.uint64).reshape(-1, 2),
            np.array(ends, np.int64),
            np.array(spare_bits, np.float64),
            np.array(shortened, np.int64),
            np.array(misread, np.bool_),
        )
