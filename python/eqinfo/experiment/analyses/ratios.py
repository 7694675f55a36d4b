"""Compression ratios and trivial models of a stream of tokens (section 4.1, tables 2, 3, 12)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization, text_bytes

__all__ = ["Measurement", "bits_per_byte", "flops_per_byte", "measure"]


@dataclass(frozen=True)
class Measurement:
    """Sizes of a text and of its tokens.

    Attributes:
        text_bytes: length of the text in UTF-8.
        tokens: number of its tokens.
        vocab_size: number of different ids.
        counts_bits: bits of all tokens under their own frequencies.
        distinct: number of different ids that occur.
    """

    text_bytes: int
    tokens: int
    vocab_size: int
    counts_bits: float
    distinct: int

    @property
    def token_ratio(self) -> float:
        """Bytes of text per token (tables 2 and 12)."""
        return self.text_bytes / self.tokens

    @property
    def bit_ratio(self) -> float:
        """Bits of text per bit of tokens, at log2(vocab_size) bits per token (table 12)."""
        return 8 / self.uniform

    @property
    def uniform(self) -> float:
        """Bits per byte if all ids are equally probable (table 3)."""
        return self.tokens * math.log2(self.vocab_size) / self.text_bytes

    @property
    def unigram(self) -> float:
        """Bits per byte under the frequencies of these same tokens (table 3).

        Too low unless there are many more tokens than ids.
        """
        return self.counts_bits / self.text_bytes

    @property
    def unigram_corrected(self) -> float:
        """`unigram` with the correction of Miller and Madow for small samples."""
        return self.unigram + (self.distinct - 1) / (2 * math.log(2) * self.text_bytes)


def measure(tokenization: Tokenization, texts: Texts, documents: Sequence[Ids]) -> Measurement:
    """Measure ``documents``, the ids of ``texts`` under ``tokenization`` (tables 2, 3 and 12).

    Raises:
        ValueError: there are no tokens.
    """
    ids = np.concatenate([np.empty(0, np.int64), *documents])
    if len(ids) == 0:
        raise ValueError(f"{tokenization.name}: expected text to measure, found none")
    counts = np.unique(ids, return_counts=True)[1]
    bits = -float((counts * np.log2(counts / len(ids))).sum())
    return Measurement(text_bytes(texts), len(ids), tokenization.vocab_size, bits, len(counts))


def bits_per_byte(nats: float, size: float) -> float:
    """Convert a loss to bits per byte: (tokens / bytes) loss / ln 2 (section 3.6).

    Args:
        nats: sum of the losses of all tokens, or their mean.
        size: bytes of text that the sum covers, or mean bytes per token.
    """
    return nats / math.log(2) / size


def flops_per_byte(parameters: int, bytes_per_token: float, m1_parameters: int = 0) -> float:
    """Return the FLOPs of a forward pass per byte of text (section 3.6).

    M2 takes two FLOPs per parameter and token, M1 two per parameter and byte.

    Args:
        parameters: of M2, without embeddings.
        bytes_per_token: of the tokens that M2 reads.
        m1_parameters: of M1; 0 leaves it out.
    """
    return 2 * parameters / bytes_per_token + 2 * m1_parameters
