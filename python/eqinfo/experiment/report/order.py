"""Whether the methods' compression ratios rank as in the paper (table 2)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

from eqinfo.experiment.report.paper import PAPER_RATIOS


class Pair(NamedTuple):
    """Two methods; in the paper the first packs more bytes into a token than the second.

    Attributes:
        more, less: their names.
        paper, ours: bytes per token of both.
    """

    more: str
    less: str
    paper: tuple[float, float]
    ours: tuple[float, float]

    @property
    def agrees(self) -> bool:
        """Whether the study ranks them the same way."""
        return self.ours[0] > self.ours[1]


def ordered_pairs(ratios: Mapping[str, float]) -> list[Pair]:
    """Compare all pairs of methods that both the paper and the study measured.

    Args:
        ratios: bytes per token of 8 bits, by method.
    """
    paper = {
        name: ratio.tokens_of_8_bits
        for name, ratio in PAPER_RATIOS.items()
        if ratio.tokens_of_8_bits is not None and name in ratios
    }
    ranked = sorted(paper.items(), key=lambda item: -item[1])
    return [
        Pair(a, b, (more, less), (ratios[a], ratios[b]))
        for (a, more), (b, less) in combinations(ranked, 2)
    ]
