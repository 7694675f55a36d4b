"""Sizes of M2 by name (section 3.5)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SIZES", "Size"]


@dataclass(frozen=True)
class Size:
    """Layers, width and heads of an M2."""

    layers: int
    width: int
    heads: int

    @property
    def parameters(self) -> int:
        """Weights without embeddings: per layer 4 width^2 in attention and 8 width^2 elsewhere."""
        return 12 * self.layers * self.width**2


SIZES = {
    "toy": Size(1, 32, 1),
    "cpu": Size(3, 128, 2),
    "cpu-large": Size(4, 256, 4),
    "25m": Size(8, 512, 8),
    "113m": Size(16, 768, 12),
    "403m": Size(32, 1024, 16),
    "2b": Size(40, 2048, 32),
}
"""By name. "25m" to "2b" are the paper's; their depths follow from its numbers of parameters."""
