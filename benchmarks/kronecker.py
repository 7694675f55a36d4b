"""An embedding of bytes and positions by Kronecker products, the baseline from literature.

After Kronecker embeddings (arXiv 2605.29459): a token's vector is a linear map of the sum, over its
bytes, of (vector of the byte) x (vector of its place). It is not a copy of their code: sizes are
those of a small M2, and all three factors are learned.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.embedding.text_features import Strings, texts_of

PLACES = 16
"""Bytes of a token that count, as many as in the kind "places" of text features."""
BYTE_WIDTH, PLACE_WIDTH = 32, 16
STD = 0.02
SCALE = STD**-2 * (BYTE_WIDTH * PLACE_WIDTH) ** -0.5
"""With it the vector of a byte in a place begins with the standard deviation of all parameters."""


class KroneckerEmbedding(nn.Module):
    """Vectors of ids from their bytes and places alone; a row without text is one that is learned.

    Args:
        strings: the text of every id.
        rows: number of vectors; those after the strings have no text.
        width: elements of a vector.
    """

    _pairs: Tensor
    _offsets: Tensor

    def __init__(self, strings: Strings, rows: int, width: int) -> None:
        super().__init__()
        texts = texts_of(strings)
        heads = [texts.bytes_at(id_)[:PLACES] for id_ in range(len(texts))]
        pairs = [place << 8 | byte for head in heads for place, byte in enumerate(head)]
        ends = np.cumsum([0, *map(len, heads)])
        ends = np.concatenate([ends, np.full(rows - len(texts), ends[-1])])
        self.register_buffer("_pairs", torch.tensor(pairs), persistent=False)
        self.register_buffer("_offsets", torch.from_numpy(ends), persistent=False)
        self.bytes = nn.Parameter(torch.empty(256, BYTE_WIDTH))
        self.places = nn.Parameter(torch.empty(PLACES, PLACE_WIDTH))
        self.map = nn.Parameter(torch.empty(BYTE_WIDTH * PLACE_WIDTH, width))
        self.without_text = nn.Parameter(torch.empty(1, width))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=STD)

    @property
    def weight(self) -> Tensor:
        """The vectors of all ids, shape (rows, width)."""
        products = torch.kron(self.places, self.bytes) @ self.map * SCALE
        sums = functional.embedding_bag(
            self._pairs, products, self._offsets, mode="sum", include_last_offset=True
        )
        empty = self._offsets[1:] == self._offsets[:-1]
        return torch.where(empty[:, None], self.without_text, sums)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids to their vectors."""
        return functional.embedding(ids, self.weight)
