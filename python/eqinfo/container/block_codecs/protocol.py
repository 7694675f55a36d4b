"""What a codec is to a block."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Data: TypeAlias = bytes | memoryview
"""Bytes that nobody changes."""

Room: TypeAlias = NDArray[np.uint8]
"""Memory for data, shape (bytes,), contiguous and writable."""


class BlockCodec(Protocol):
    """Codes the data of one block; threads may share it.

    Attributes:
        exact: whether it decodes the same everywhere; else a block that does not decode speaks of
            a model that computes otherwise.
    """

    @property
    def exact(self) -> bool: ...  # noqa: D102

    def encode(self, data: Data) -> Data:
        """Code ``data``, at least one byte. What is not shorter will not be used."""
        ...

    def decode(self, coded: Data, room: Room) -> None:
        """Fill ``room`` with the data; the reverse of `encode`.

        Raises:
            FormatError: what `encode` does not write for so many bytes.
        """
        ...
