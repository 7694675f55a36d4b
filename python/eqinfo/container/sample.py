"""Samples of data, by which codecs and models are chosen."""

from __future__ import annotations

from eqinfo.container.block_codec import Data

PIECES = 4


def sample_of(data: Data, piece_bytes: int, pieces: int = PIECES) -> bytes:
    """Return two or more pieces of data, the first and the last ones among them, or all of it.

    One piece would say little of data of several languages or kinds.
    """
    if len(data) <= pieces * piece_bytes:
        return bytes(data)
    begins = (i * (len(data) - piece_bytes) // (pieces - 1) for i in range(pieces))
    return b"".join(bytes(data[begin : begin + piece_bytes]) for begin in begins)
