"""What every codec offers: text to tokens and back, one document or many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from eqinfo.common.batch import (
    Documents,
    TextBatch,
    TokenBatch,
)
from eqinfo.common.integers import check_integers
from eqinfo.common.text import Text, to_text
from eqinfo.common.tokens import AnyTokens, Tokens, check_token_bits


class Codec(ABC):
    """Codes text as tokens: integers of ``token_bits`` bits.

    What a codec remembers between calls never changes what it codes.

    Attributes:
        token_bits: bits per token, 1 to 16; more if tokens are the ids of a larger codebook.
    """

    def __init__(self, token_bits: int, window_bits: int = 0) -> None:
        (token_bits,) = check_integers(token_bits=token_bits)
        self.token_bits = check_token_bits(token_bits, window_bits)

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Identifies the model or codebook, and every parameter that the tokens depend on."""

    @abstractmethod
    def encode(self, text: Text) -> Tokens:
        """Encode text (as UTF-8) or bytes.

        Returns:
            The tokens: uint16, shape (n,).

        Raises:
            TypeError: neither str nor bytes-like.
            ValueError: a lone surrogate.
        """

    @abstractmethod
    def encode_batch(self, texts: Documents) -> TokenBatch:
        """Encode many documents: the tokens of `encode` for each.

        Args:
            texts: an iterable of texts, or what `batch.flat_texts` takes.
        """

    @abstractmethod
    def decode_bytes(self, tokens: AnyTokens) -> bytes:
        """Decode tokens to bytes.

        Raises:
            FormatError: tokens that this codec does not write.
            TypeError: an array of another unsigned dtype than uint16, or not integers.
            ValueError: a token that does not fit token_bits.
        """

    def decode(self, tokens: AnyTokens) -> str:
        """Decode tokens to text; as `decode_bytes`, and FormatError if it is not UTF-8."""
        return to_text(self.decode_bytes(tokens))

    @abstractmethod
    def decode_batch(self, documents: Iterable[AnyTokens]) -> TextBatch:
        """Decode many documents: the text of `decode` for each, as a sequence of str.

        Args:
            documents: a `TokenBatch`, or an iterable of token arrays or lists.
        """
