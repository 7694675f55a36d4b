"""What a writer codes members with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eqinfo.container.block_codec import BlockCodec, Data
from eqinfo.container.block_codecs.solid import SolidBlockCodec
from eqinfo.container.header import Header
from eqinfo.container.sample import sample_of


class Coding(NamedTuple):
    """How members are coded: their header in the long form, and the block codec of the header."""

    header: Header
    codec: BlockCodec | SolidBlockCodec


class Codings(NamedTuple):
    """What a writer uses, both of one block size.

    Attributes:
        short: for all data of a compact member; not solid, as there is one block.
        long: for members in the long form.
    """

    short: Coding
    long: Coding


# Two models take about a twentieth of a second for a sample.
PIECE_BYTES = 1 << 10


def choose(candidates: Sequence[Codings], data: Data) -> Codings:
    """Return the codings that make a sample of data smallest; of equal ones, the first.

    What codes the sample is `Codings.short`, as a solid codec would take memory for long data.

    Args:
        candidates: at least one; none of them has a solid `Codings.short`.
        data: the first block of a member, or all of it; may be empty.
    """
    if len(candidates) == 1 or not data:
        return candidates[0]
    sample = sample_of(data, PIECE_BYTES)

    def coded_bytes(codings: Codings) -> int:
        codec = codings.short.codec
        assert not isinstance(codec, SolidBlockCodec)
        return len(codec.encode(sample))

    return min(candidates, key=coded_bytes)
