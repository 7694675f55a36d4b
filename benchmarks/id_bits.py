"""An embedding that knows the leading bits of its ids, which near ids share.

Ids of a codebook are in the order of their strings, so ids with the same leading bits stand for
strings that mostly begin in the same way. It needs no text.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class IdBitsEmbedding(nn.Module):
    """A vector of its own for every id, plus one for each number of leading bits, by their value.

    The sum over n numbers of bits is divided by the root of n, as in text embeddings.
    """

    _prefixes: Tensor

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        bits = (rows - 1).bit_length()
        ids = torch.arange(rows)
        # The first k bits of an id, with a one before them: different for different k.
        prefixes = [ids >> bits - kept | 1 << kept for kept in range(1, bits)]
        self.register_buffer("_prefixes", torch.stack(prefixes, -1), persistent=False)
        self.own = nn.Parameter(torch.empty(rows, width))
        self.prefixes = nn.Parameter(torch.empty(1 << bits, width))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.02)

    @property
    def weight(self) -> Tensor:
        """The vectors of all ids, shape (rows, width)."""
        sums = functional.embedding_bag(self._prefixes, self.prefixes, mode="sum")
        return self.own + sums * self._prefixes.shape[1] ** -0.5

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids to their vectors."""
        return functional.embedding(ids, self.weight)
