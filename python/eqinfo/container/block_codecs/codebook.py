"""Blocks as ids of a codebook, two bytes per id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook.table import Codebook
from eqinfo.container.block_codec import Data, Room
from eqinfo.errors import FormatError

MAX_ID_BITS = 16
IdArray = NDArray[np.uint16]
_ID = np.dtype("<u2")


class CodebookBlockCodec:
    """Stores ids as little-endian uint16, in order.

    Args:
        codebook: a codebook of at most 16 bits.

    Raises:
        ValueError: a codebook of more bits.
    """

    exact = True

    def __init__(self, codebook: Codebook) -> None:
        if codebook.window_bits > MAX_ID_BITS:
            raise ValueError(
                f"expected a codebook of at most {MAX_ID_BITS} bits, such as 'world', found "
                f"{codebook.window_bits}"
            )
        self.codebook = codebook

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`."""
        return self.ids(data).astype(_ID, copy=False).data.cast("B")

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        if len(coded) % _ID.itemsize:
            raise FormatError(f"expected ids of {_ID.itemsize} bytes, found {len(coded)} bytes")
        ids = np.frombuffer(coded, _ID)
        self.text(ids.astype(np.uint16, copy=not ids.flags.aligned), room)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        return raw_bytes

    def ids(self, data: Data) -> IdArray:
        """Return the ids of the greedy parse."""
        return self.codebook.encode(data)

    def text(self, ids: IdArray, room: Room) -> None:
        """Decode ids into ``room``, which their strings must fill.

        Raises:
            FormatError: an id that the codebook does not have, or strings of another size.
        """
        try:
            self.codebook.decode_into(ids, room)
        except ValueError as error:
            found = int(ids.max(initial=0))
            if found < len(self.codebook):
                raise FormatError(str(error)) from None
            raise FormatError(f"expected ids below {len(self.codebook)}, found {found}") from None
