"""Samples of data, by which codecs and models are chosen."""

from __future__ import annotations

from eqinfo.container.block_codec import Data

PIECES = 4


def sample_of(data: Data, piece_bytes: int) -> bytes:
    """Return `PIECES` pieces, from the beginning to the end of data; all of data that are shorter.

    One piece would say little of data of several languages or kinds.
    """
    if len(data) <= PIECES * piece_bytes:
        return bytes(data)
    begins = (i * (len(data) - piece_bytes) // (PIECES - 1) for i in range(PIECES))
    return b"".join(bytes(data[begin : begin + piece_bytes]) for begin in begins)
