"""Embedding rows of all features: looked up, trained by Adagrad, rounded to 4 bits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

import eqinfo._core as _core
from eqinfo.models.quantise import ROW_VALUES, Floats

FEATURE_ROWS = _core.feature_rows()
FEATURES = len(FEATURE_ROWS)
_FIRST = np.concatenate([[0], np.cumsum(FEATURE_ROWS)])
_OFFSETS = torch.from_numpy(_FIRST[:-1])
_SLICES = [slice(int(a), int(b)) for a, b in pairwise(_FIRST)]
# Rows whose error decides a scale, at most.
_SAMPLE_ROWS = 20_000
# The largest value kept, in standard deviations, that calibration tries.
_CLIPS = np.arange(1.2, 4.5, 0.1)


class EmbeddingTables:
    """The rows of every feature, one table behind the other.

    Most rows of a step are not visited, so Adagrad (Duchi et al. 2011) runs on those that are, with
    one sum of squares a row.

    Attributes:
        values: float32 (rows, 16).
        squares: float32 (rows,), sums of mean squared gradients; 0: never visited.
        scales: float32 (features,), the value of one step of 4 bits; None before `calibrate`.
    """

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.values = torch.randn(int(_FIRST[-1]), ROW_VALUES, generator=generator) * 0.05
        self.squares = torch.zeros(len(self.values))
        self.scales: Tensor | None = None

    def look_up(self, rows: Tensor) -> Tensor:
        """Copy rows: int64 (..., features), counted by table, to float32 (..., features, 16)."""
        return self.values[rows + _OFFSETS]

    def rounded(self, values: Tensor) -> Tensor:
        """Round (..., features, 16) to 4 bits; gradients pass as if they were not rounded."""
        if self.scales is None:
            return values
        scales = self.scales.view(FEATURES, 1)
        return values + (_rounded(values, scales) - values).detach()

    def step(self, rows: Tensor, gradient: Tensor, rate: float) -> None:
        """Move rows against the gradient of what `look_up` returned, which is overwritten."""
        ids = (rows + _OFFSETS).view(-1)
        gradient = gradient.view(-1, ROW_VALUES)
        self.squares.index_add_(0, ids, gradient.square().mean(1))
        factor = (self.squares[ids] + 1e-14).rsqrt_().mul_(-rate)
        self.values.index_add_(0, ids, gradient.mul_(factor[:, None]))

    def calibrate(self, seed: int) -> None:
        """Choose the scales: the least squared error over rows that were visited."""
        generator = torch.Generator().manual_seed(seed)
        scales = torch.ones(FEATURES)
        for k, part in enumerate(_SLICES):
            values = self.values[part][self.squares[part] > 0]
            if len(values) == 0:
                continue
            values = values[torch.randperm(len(values), generator=generator)[:_SAMPLE_ROWS]]
            candidates = [values.std() * clip / 8 for clip in _CLIPS]
            errors = [(_rounded(values, scale) - values).square().mean() for scale in candidates]
            scales[k] = candidates[int(torch.stack(errors).argmin())]
        self.scales = scales

    def floats(self) -> tuple[list[Floats], Floats]:
        """Return values by feature, with zeros where no text came by, and scales.

        Raises:
            ValueError: not calibrated.
        """
        if self.scales is None:
            raise ValueError("expected rows that were calibrated")
        visited = torch.where(self.squares[:, None] > 0, self.values, 0.0).double().numpy()
        return [visited[part] for part in _SLICES], self.scales.double().numpy()


def _rounded(values: Tensor, scale: Tensor) -> Tensor:
    return (values / scale).round().clamp(-8, 7) * scale
