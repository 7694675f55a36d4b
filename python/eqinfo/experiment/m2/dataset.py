"""The tokens of a text: what an M2 is trained on and measured by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization, text_bytes

__all__ = ["TokenDataset"]


@dataclass(frozen=True)
class TokenDataset:
    """Training and held-out documents as ids of one tokenization.

    Attributes:
        tokenization: which made the ids.
        train, held_out: ids of every document.
        bytes_per_token, held_out_bytes_per_token: means over the training and held-out documents.
    """

    tokenization: Tokenization
    train: Sequence[Ids]
    held_out: Sequence[Ids]
    bytes_per_token: float
    held_out_bytes_per_token: float

    @classmethod
    def encode(cls, tokenization: Tokenization, train: Texts, held_out: Texts) -> TokenDataset:
        """Encode training and held-out texts."""
        train_ids, held_out_ids = map(tokenization.encode_batch, (train, held_out))
        return cls(
            tokenization,
            train_ids,
            held_out_ids,
            text_bytes(train) / sum(map(len, train_ids)),
            text_bytes(held_out) / sum(map(len, held_out_ids)),
        )

    @property
    def uniform(self) -> float:
        """Bits per byte of the held-out text if all ids are equally probable (table 3)."""
        return math.log2(self.tokenization.vocab_size) / self.held_out_bytes_per_token

    @property
    def unigram(self) -> float:
        """Bits per byte of the held-out text under the training tokens' frequencies (table 3).

        One is added to the count of every id.
        """
        size = self.tokenization.vocab_size
        counts = np.bincount(np.concatenate(self.train), minlength=size) + 1
        held = np.bincount(np.concatenate(self.held_out), minlength=size)
        bits = -float(held @ np.log2(counts / counts.sum()))
        return bits / int(held.sum()) / self.held_out_bytes_per_token
