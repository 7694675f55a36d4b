"""Sizes of M2 by name (section 3.5)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SIZES", "Size"]


@dataclass(frozen=True)
class Size:
    """Layers, width and heads of an M2.

    Attributes:
        paper: whether the network and its training are the paper's: gated feed-forward layers with
            ReLU, relative positions in every layer, Adafactor with a rate that falls with the
            square root of the steps, and a z-loss. docs/reproduction.md says what is different.
    """

    layers: int
    width: int
    heads: int
    paper: bool = False

    @property
    def parameters(self) -> int:
        """Weights without embeddings: per layer 4 width^2 in attention and 8 width^2 elsewhere.

        Gated layers have three matrices of 4 width^2 instead of two.
        """
        return (16 if self.paper else 12) * self.layers * self.width**2


SIZES = {
    "toy": Size(1, 32, 1),
    "cpu": Size(3, 128, 2),
    "cpu-large": Size(4, 256, 4),
    "large": Size(8, 512, 8),
    "paper-toy": Size(2, 32, 2, paper=True),
    "3m": Size(3, 256, 4, paper=True),
    "25m": Size(6, 512, 8, paper=True),
    "113m": Size(12, 768, 12, paper=True),
    "403m": Size(24, 1024, 16, paper=True),
    "2b": Size(24, 2048, 32, paper=True),
}
"""By name. "3m" to "2b" are the paper's (table 4)."""
