"""Memory for the data of a whole container, into which every block is decoded directly."""

from __future__ import annotations

import eqinfo._core as _core
from eqinfo.container.block import fresh_room
from eqinfo.container.block_codec import Room
from eqinfo.container.index import announced_bytes
from eqinfo.container.random_access import Memory
from eqinfo.errors import FormatError

# For smaller containers, reading the trailers first costs more than it saves.
_MIN_BYTES = 1 << 16
# The largest announced ratio of data to container that memory is allocated for. Codebooks with
# strings of 32 bytes reach 16.
_MAX_RATIO = 32


class OutputBuffer:
    """Memory for ``size`` bytes, handed out in order."""

    def __init__(self, size: int) -> None:
        self._data, self._memory = _core.uninitialized_bytes(size)
        self._used = 0

    def room(self, size: int) -> Room:
        """Return the next ``size`` bytes."""
        begin = self._used
        self._used += size
        # Blocks that do not fit are not those of the index: an error at the end of the member.
        return (
            self._memory[begin : self._used]
            if self._used <= len(self._memory)
            else fresh_room(size)
        )

    def finish(self) -> bytes:
        """Return all bytes, once every room has been filled.

        Raises:
            FormatError: the rooms do not add up to the size.
        """
        if self._used != len(self._data):
            raise FormatError(f"expected {len(self._data)} bytes of data, found {self._used}")
        return self._data


def expected_bytes(data: memoryview, max_output: int | None) -> int | None:
    """Return how many bytes of data a container announces, or None if that is not plausible.

    It is safe to allocate that much: at most ``max_output``, and not many times the container's own
    size.
    """
    if len(data) < _MIN_BYTES:
        return None
    size = announced_bytes(Memory(data))
    largest = _MAX_RATIO * len(data)
    if max_output is not None:
        largest = min(largest, max_output)
    return size if size is not None and size <= largest else None
