"""The protocol of block codecs."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Data: TypeAlias = bytes | memoryview
"""Bytes that do not change."""

Room: TypeAlias = NDArray[np.uint8]
"""Memory for decoded data: uint8, shape (bytes,), contiguous and writable."""


class BlockCodec(Protocol):
    """Encodes and decodes the data of one block; threads may share it.

    Attributes:
        exact: whether decoding gives the same result on every machine. If not, a block that does
            not decode points to a model that gives different numbers.
    """

    @property
    def exact(self) -> bool: ...  # noqa: D102

    def encode(self, data: Data) -> Data:
        """Encode at least one byte. A result that is not shorter than ``data`` is not used."""
        ...

    def decode(self, coded: Data, room: Room) -> None:
        """Decode into ``room``, which has exactly the size of the data.

        Raises:
            FormatError: `encode` does not write this for any data of that size.
        """
        ...

    def working_bytes(self, raw_bytes: int) -> int:
        """Return how much memory decoding a block takes, besides the block and its data.

        Without what a model that is not native takes.
        """
        ...
