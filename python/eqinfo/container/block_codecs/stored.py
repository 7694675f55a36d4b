"""Data as it is."""

from __future__ import annotations

from eqinfo.container.block_codecs.protocol import Data, Room
from eqinfo.errors import FormatError


class StoredCoder:
    """Leaves every block to be stored."""

    exact = True

    def encode(self, data: Data) -> Data:
        """Return the data."""
        return data

    def decode(self, coded: Data, room: Room) -> None:
        """Refuse: data that is stored needs no decoding."""
        raise FormatError(f"expected a stored block of {len(room)} bytes, found {len(coded)}")
