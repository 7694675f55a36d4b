"""What a writer codes members with."""

from __future__ import annotations

from typing import NamedTuple

from eqinfo.container.block_codec import BlockCodec
from eqinfo.container.block_codecs.solid import SolidBlockCodec
from eqinfo.container.header import Header


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
