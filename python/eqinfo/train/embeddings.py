"""The native model's embedding tables: looked up, trained by Adagrad, rounded to 4 bits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

import eqinfo._core as _core
from eqinfo.models.quantise import EMBEDDING_SIZE, Floats

TABLE_SIZES = _core.feature_rows()
"""Number of embeddings in each feature's table."""
FEATURES = len(TABLE_SIZES)
_FIRST = np.concatenate([[0], np.cumsum(TABLE_SIZES)])
_OFFSETS = torch.from_numpy(_FIRST[:-1])
_SLICES = [slice(int(a), int(b)) for a, b in pairwise(_FIRST)]
# At most this many embeddings of a table decide its scale.
_SAMPLE_SIZE = 20_000
# Calibration tries to clip values at these many standard deviations.
_CLIPS = np.arange(1.2, 4.5, 0.1)


class EmbeddingTables:
    """One table of embeddings per feature, all concatenated.

    A step visits few of the embeddings. So Adagrad (Duchi et al. 2011) updates only those that are
    visited, with one sum of squares per embedding.

    Attributes:
        values: float32 (embeddings, 16).
        squares: float32 (embeddings,), sums of mean squared gradients; 0 if never visited.
        scales: float32 (features,), the value of one step of 4 bits; None before `calibrate`.
    """

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.values = torch.randn(int(_FIRST[-1]), EMBEDDING_SIZE, generator=generator) * 0.05
        self.squares = torch.zeros(len(self.values))
        self.scales: Tensor | None = None

    def look_up(self, ids: Tensor) -> Tensor:
        """Return copies of the embeddings.

        Args:
            ids: int64 (..., features), places in the features' tables.

        Returns:
            float32 (..., features, 16).
        """
        return self.values[ids + _OFFSETS]

    def rounded(self, values: Tensor) -> Tensor:
        """Round embeddings (..., features, 16) to 4 bits once there are scales.

        Gradients pass through as if nothing was rounded.
        """
        if self.scales is None:
            return values
        scales = self.scales.view(FEATURES, 1)
        return values + (_rounded(values, scales) - values).detach()

    def step(self, ids: Tensor, gradient: Tensor, rate: float) -> None:
        """Move embeddings against the gradient.

        Args:
            ids: as in `look_up`.
            gradient: with respect to what `look_up` returned; overwritten.
            rate: the learning rate.
        """
        places = (ids + _OFFSETS).view(-1)
        gradient = gradient.view(-1, EMBEDDING_SIZE)
        self.squares.index_add_(0, places, gradient.square().mean(1))
        factor = (self.squares[places] + 1e-14).rsqrt_().mul_(-rate)
        self.values.index_add_(0, places, gradient.mul_(factor[:, None]))

    def calibrate(self, seed: int) -> None:
        """Choose each table's scale: the least squared error over embeddings that were visited."""
        generator = torch.Generator().manual_seed(seed)
        scales = torch.ones(FEATURES)
        for k, part in enumerate(_SLICES):
            values = self.values[part][self.squares[part] > 0]
            if len(values) == 0:
                continue
            values = values[torch.randperm(len(values), generator=generator)[:_SAMPLE_SIZE]]
            candidates = [values.std() * clip / 8 for clip in _CLIPS]
            errors = [(_rounded(values, scale) - values).square().mean() for scale in candidates]
            scales[k] = candidates[int(torch.stack(errors).argmin())]
        self.scales = scales

    def floats(self) -> tuple[list[Floats], Floats]:
        """Return each feature's embeddings, zeros where never visited, and the scales.

        Raises:
            ValueError: `calibrate` has not been called.
        """
        if self.scales is None:
            raise ValueError("expected calibrated tables, found no scales: call calibrate first")
        visited = torch.where(self.squares[:, None] > 0, self.values, 0.0).double().numpy()
        return [visited[part] for part in _SLICES], self.scales.double().numpy()


def _rounded(values: Tensor, scale: Tensor) -> Tensor:
    return (values / scale).round().clamp(-8, 7) * scale
