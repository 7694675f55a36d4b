"""Blocks as the ids of a codebook, two bytes each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook import Codebook
from eqinfo.errors import FormatError

MAX_WINDOW_BITS = 16
IdArray = NDArray[np.uint16]
_ID = np.dtype("<u2")
# Ids whose lengths are added up at a time.
_PIECE_IDS = 1 << 16


class CodebookCoder:
    """Ids in order, little-endian.

    Args:
        codebook: of at most 16 bits.

    Raises:
        ValueError: a codebook of more bits.
    """

    exact = True

    def __init__(self, codebook: Codebook) -> None:
        if codebook.window_bits > MAX_WINDOW_BITS:
            raise ValueError(
                f"expected a codebook of at most {MAX_WINDOW_BITS} bits, found "
                f"{codebook.window_bits}"
            )
        self.codebook = codebook

    def encode(self, data: bytes) -> bytes:
        """See `Coder`."""
        return self.ids(data).astype(_ID, copy=False).tobytes()

    def decode(self, coded: bytes, raw_bytes: int) -> bytes:
        """See `Coder`."""
        if len(coded) % _ID.itemsize:
            raise FormatError(f"expected ids of {_ID.itemsize} bytes, found {len(coded)} bytes")
        return self.text(np.frombuffer(coded, _ID).astype(np.uint16, copy=False), raw_bytes)

    def ids(self, data: bytes) -> IdArray:
        """Return the ids of the greedy parse."""
        return self.codebook.encode(data)

    def text(self, ids: IdArray, raw_bytes: int) -> bytes:
        """Return what the ids stand for, if that is ``raw_bytes`` long.

        Raises:
            FormatError: ids that the codebook does not have, or of another length.
        """
        if len(ids) and int(ids.max()) >= len(self.codebook):
            raise FormatError(f"expected ids below {len(self.codebook)}, found {int(ids.max())}")
        found = self._bytes(ids)
        if found != raw_bytes:
            raise FormatError(f"expected ids of {raw_bytes} bytes, found {found} bytes")
        return self.codebook.decode_bytes(ids)

    def _bytes(self, ids: IdArray) -> int:
        """Return the length of the text, before memory is taken for it."""
        lengths = self.codebook.lengths
        return sum(
            int(lengths[ids[begin : begin + _PIECE_IDS]].sum(dtype=np.int64))
            for begin in range(0, len(ids), _PIECE_IDS)
        )
