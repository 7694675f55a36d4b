"""An embedding that knows how probable M1 finds the text of each token."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.embedding.text_features import Strings, texts_of
from eqinfo.models import symbol_information
from window_tables import model

LEVELS = 32


def levels(strings: Strings) -> NDArray[np.int64]:
    """Return for every string the level of its information under M1, 0 to `LEVELS` - 1.

    Levels have about equally many strings.
    """
    texts = texts_of(strings)
    documents = [
        np.frombuffer(texts.bytes_at(id_), np.uint8).astype(np.int32) for id_ in range(len(texts))
    ]
    bits = np.array([each.sum() for each in symbol_information(model(), documents)])
    bounds = np.quantile(bits, np.arange(1, LEVELS) / LEVELS)
    return np.searchsorted(bounds, bits, "right")


class InformationEmbedding(nn.Module):
    """The vector of another embedding for every id, plus one for its string's level.

    Rows without a string have the first level.
    """

    _levels: Tensor

    def __init__(self, found: NDArray[np.int64], embedding: nn.Module) -> None:
        super().__init__()
        rows, width = embedding.weight.shape
        padded = np.zeros(rows, np.int64)
        padded[: len(found)] = found
        self.register_buffer("_levels", torch.from_numpy(padded), persistent=False)
        self.embedding = embedding
        self.levels = nn.Parameter(torch.empty(LEVELS, width))
        nn.init.normal_(self.levels, std=0.02)

    @property
    def weight(self) -> Tensor:
        """The vectors of all ids, shape (rows, width)."""
        return self.embedding.weight + self.levels[self._levels]

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids to their vectors."""
        return functional.embedding(ids, self.weight)
