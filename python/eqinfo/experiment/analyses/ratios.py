"""What a stream of tokens comes to without a second model (section 4.1, tables 2, 3 and 12)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization, text_bytes


@dataclass(frozen=True)
class Measured:
    """A tokenization on held-out text.

    Attributes:
        text_bytes: length of the text in UTF-8.
        tokens: that it became.
        vocab_size: number of different ids.
        counts_bits: bits of all tokens under their own frequencies.
        distinct: different ids that occurred.
    """

    text_bytes: int
    tokens: int
    vocab_size: int
    counts_bits: float
    distinct: int

    @property
    def token_ratio(self) -> float:
        """Bytes in over tokens out (tables 2 and 12)."""
        return self.text_bytes / self.tokens

    @property
    def bit_ratio(self) -> float:
        """Bits in over bits out, log2 of the vocabulary each (table 12)."""
        return 8 / self.uniform

    @property
    def uniform(self) -> float:
        """Bits a byte where every id is equally probable (table 3)."""
        return self.tokens * math.log2(self.vocab_size) / self.text_bytes

    @property
    def unigram(self) -> float:
        """Bits a byte under the frequencies of these very tokens (table 3).

        Too low where tokens are not many times more than ids.
        """
        return self.counts_bits / self.text_bytes

    @property
    def unigram_corrected(self) -> float:
        """`unigram` with the correction of Miller and Madow for a small sample."""
        return self.unigram + (self.distinct - 1) / (2 * math.log(2) * self.text_bytes)


def measure(tokenization: Tokenization, texts: Texts, documents: Sequence[Ids]) -> Measured:
    """Measure the ids that ``tokenization`` made of ``texts`` (tables 2, 3 and 12).

    Raises:
        ValueError: no tokens.
    """
    ids = np.concatenate([np.empty(0, np.int64), *documents])
    if len(ids) == 0:
        raise ValueError(f"{tokenization.name}: expected text to measure, found none")
    counts = np.unique(ids, return_counts=True)[1]
    bits = -float((counts * np.log2(counts / len(ids))).sum())
    return Measured(text_bytes(texts), len(ids), tokenization.vocab_size, bits, len(counts))


def bits_per_byte(nats: float, size: float) -> float:
    """Return a sum of losses in nats as bits a byte: (tokens / bytes) loss / ln 2 (section 3.6)."""
    return nats / math.log(2) / size


def flops_per_byte(parameters: int, bytes_per_token: float, m1_parameters: int = 0) -> float:
    """Return the arithmetic of a forward pass (section 3.6).

    2 parameters, without embeddings, a token; M1, where there is one, runs once a byte.
    """
    return 2 * parameters / bytes_per_token + 2 * m1_parameters
