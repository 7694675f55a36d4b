"""A text's tokens, to train an M2 on and to measure it by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization, text_bytes


@dataclass(frozen=True)
class Tokenized:
    """Training and held-out documents of one tokenization.

    Attributes:
        tokenization: made the tokens.
        train, held_out: ids of every document.
        bytes_per_token, held_out_bytes_per_token: of the two.
    """

    tokenization: Tokenization
    train: Sequence[Ids]
    held_out: Sequence[Ids]
    bytes_per_token: float
    held_out_bytes_per_token: float

    @classmethod
    def of(cls, tokenization: Tokenization, train: Texts, held_out: Texts) -> Tokenized:
        """Encode texts."""
        encoded = [tokenization.encode_batch(texts) for texts in (train, held_out)]
        ratios = [
            text_bytes(texts) / sum(map(len, documents))
            for texts, documents in zip((train, held_out), encoded, strict=True)
        ]
        return cls(tokenization, encoded[0], encoded[1], ratios[0], ratios[1])

    @property
    def uniform(self) -> float:
        """Bits a byte of the held-out text where all ids are equally probable (table 3)."""
        return math.log2(self.tokenization.vocab_size) / self.held_out_bytes_per_token

    @property
    def unigram(self) -> float:
        """Bits a byte of it by the training tokens' frequencies, each one larger (table 3)."""
        size = self.tokenization.vocab_size
        counts = np.bincount(np.concatenate(self.train), minlength=size) + 1
        held = np.bincount(np.concatenate(self.held_out), minlength=size)
        bits = -float(held @ np.log2(counts / counts.sum()))
        return bits / int(held.sum()) / self.held_out_bytes_per_token
