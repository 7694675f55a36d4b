"""The data of a whole container in one piece, each block decoded to where it belongs."""

from __future__ import annotations

import io

import eqinfo._core as _core
from eqinfo.container.block import fresh_room
from eqinfo.container.coders.protocol import Room
from eqinfo.container.index import announced_bytes
from eqinfo.errors import FormatError

# Smaller containers are not worth a look at their end first.
_MIN_BYTES = 1 << 16
# Bytes of data for each byte of a container that are believed; codebooks with strings of 32 bytes
# come to 16.
_MAX_RATIO = 32


class Joined:
    """Memory for so many bytes, given out in order."""

    def __init__(self, size: int) -> None:
        self._data, self._memory = _core.uninitialized_bytes(size)
        self._used = 0

    def room(self, size: int) -> Room:
        """Return the next ``size`` bytes."""
        begin = self._used
        self._used += size
        # Else the blocks are not those of the index, which is an error at the member's end.
        return (
            self._memory[begin : self._used]
            if self._used <= len(self._memory)
            else fresh_room(size)
        )

    def finish(self) -> bytes:
        """Return all bytes: every room has been filled."""
        if self._used != len(self._data):
            raise FormatError(f"expected {len(self._data)} bytes of data, found {self._used}")
        return self._data


def expected_bytes(data: bytes, max_output: int | None) -> int | None:
    """Return how many bytes of data a container will give, or None where that is not to be trusted.

    Memory may be taken for as many: they are neither more than allowed nor many times as many as
    the container has.
    """
    if len(data) < _MIN_BYTES:
        return None
    size = announced_bytes(io.BytesIO(data))
    largest = _MAX_RATIO * len(data)
    if max_output is not None:
        largest = min(largest, max_output)
    return size if size is not None and size <= largest else None
