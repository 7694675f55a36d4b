"""Data as it is."""

from __future__ import annotations

from eqinfo.errors import FormatError


class StoredCoder:
    """Leaves every block to be stored."""

    exact = True

    def encode(self, data: bytes) -> bytes:
        """Return the data."""
        return data

    def decode(self, coded: bytes, raw_bytes: int) -> bytes:
        """Refuse: data that is stored needs no decoding."""
        raise FormatError(f"expected a stored block of {raw_bytes} bytes, found {len(coded)}")
