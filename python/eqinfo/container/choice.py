"""The codecs among which a writer chooses, and the choice by a sample of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eqinfo.container.block_codec import BlockCodec, Data
from eqinfo.container.header import Header

# Takes some hundredths of a second with a model.
SAMPLE_BYTES = 1 << 13


class Coding(NamedTuple):
    """How members are coded: their header in the long form, and the block codec of the header."""

    header: Header
    codec: BlockCodec


class Codings(NamedTuple):
    """What a writer may choose, all of one block size.

    Attributes:
        short: for all data of a compact member.
        long: for members in the long form; `choose` takes one of them.
    """

    short: Coding
    long: Sequence[Coding]


def choose(codings: Sequence[Coding], data: Data) -> Coding:
    """Return the coding that makes the middle of the data smallest; of equal ones, the first."""
    if len(codings) == 1:
        return codings[0]
    begin = max(len(data) - SAMPLE_BYTES, 0) // 2
    sample = bytes(data[begin : begin + SAMPLE_BYTES])
    return min(codings, key=lambda coding: len(coding.codec.encode(sample)))
