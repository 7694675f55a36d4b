"""What it costs to train an M2: operations, and minutes on a GPU."""

from __future__ import annotations

from dataclasses import dataclass

from eqinfo.experiment.m2.sizes import SIZES

__all__ = ["H100_FLOPS", "UTILISATION", "TrainingCost"]

H100_FLOPS = 989e12
"""Operations per second of one NVIDIA H100 (SXM) on dense bfloat16 matrices, by its data sheet."""
UTILISATION = 0.3
"""Share of them that is taken to be reached; an assumption, not a measurement."""


@dataclass(frozen=True)
class TrainingCost:
    """The cost of training an M2 on a number of tokens.

    Attributes:
        size: a name in `sizes.SIZES`.
        vocab_size: number of different ids.
        context: tokens per sequence.
        tokens: to train on.

    Examples:
        >>> cost = TrainingCost("25m", 65_536, 512, 1_000_000_000)
        >>> f"{cost.flops:.2g} operations, {cost.minutes():.0f} minutes"
        '3.7e+17 operations, 21 minutes'
    """

    size: str
    vocab_size: int
    context: int
    tokens: int

    @property
    def flops(self) -> float:
        """Operations of all forward and backward passes.

        Six for each token and each weight of a layer or of the output, and in every layer 12 for
        each token, place in the context and unit of the width, because attention computes the
        places that it then masks. Norms, the softmax and the optimiser are left out.
        """
        size = SIZES[self.size]
        weights = size.parameters + self.vocab_size * size.width
        return self.tokens * (6.0 * weights + 12.0 * size.layers * self.context * size.width)

    def minutes(self, utilisation: float = UTILISATION, peak: float = H100_FLOPS) -> float:
        """Return the minutes at a share of the peak operations per second of a device."""
        return self.flops / (utilisation * peak) / 60
