"""Whether the ratios of methods come in the paper's order (table 2)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

from eqinfo.experiment.report.paper import RATIOS


class Pair(NamedTuple):
    """Two methods, of which the paper's first packs more bytes into a token than the second."""

    more: str
    less: str
    paper: tuple[float, float]
    ours: tuple[float, float]

    @property
    def agrees(self) -> bool:
        """Whether that is so here."""
        return self.ours[0] > self.ours[1]


def ordered_pairs(ratios: Mapping[str, float]) -> list[Pair]:
    """Compare all methods that the paper has and that were measured, two by two.

    Args:
        ratios: bytes per 8 bits of tokens, by method.
    """
    paper = {
        name: ratio.tokens_of_8_bits
        for name, ratio in RATIOS.items()
        if ratio.tokens_of_8_bits is not None and name in ratios
    }
    ranked = sorted(paper.items(), key=lambda item: -item[1])
    return [
        Pair(a, b, (more, less), (ratios[a], ratios[b]))
        for (a, more), (b, less) in combinations(ranked, 2)
    ]
