"""Ids of a codebook as tokens of another width: its windows, packed like those of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from eqinfo import _core
from eqinfo.codebook import Codebook
from eqinfo.codec import Text
from eqinfo.text import to_text
from eqinfo.tokens import Tokens, as_tokens, check_token_bits


class CodebookCodec:
    """Codes text with a codebook into tokens of ``token_bits``.

    For the codebook `Codebook.from_model` of a model, they are the tokens of its `WindowCodec`.

    Args:
        codebook: its ids are the codewords.
        token_bits: bits of a token, 1 to 16 (default: the smaller of 16 and the codebook's
            window_bits).
    """

    def __init__(self, codebook: Codebook, token_bits: int | None = None) -> None:
        self.codebook = codebook
        self.token_bits = check_token_bits(
            min(16, codebook.window_bits) if token_bits is None else token_bits
        )

    @property
    def fingerprint(self) -> str:
        """Identifies the codebook and the tokens' width."""
        return f"{self.codebook.fingerprint}-{self.token_bits}"

    def encode(self, text: Text) -> Tokens:
        """Encode text (UTF-8) or bytes; uint16, shape (n,). Raises as `Codebook.encode`."""
        ids = self.codebook.encode(text)
        if ids.dtype == np.uint16 and self.token_bits == self.codebook.window_bits:
            return ids
        codewords = np.zeros((len(ids), 2), np.uint64)
        codewords[:, 1] = ids
        return _core.pack_codewords(codewords, self.codebook.window_bits, self.token_bits)

    def encode_batch(self, texts: Iterable[Text]) -> list[Tokens]:
        """`encode` each text."""
        return [self.encode(text) for text in texts]

    def decode_bytes(self, tokens: Tokens | Sequence[int]) -> bytes:
        """Decode tokens to bytes.

        Raises:
            FormatError: the tokens end inside a window.
            TypeError: tokens of another dtype than uint16.
            ValueError: a token out of range.
        """
        array = as_tokens(tokens)
        if self.codebook.dtype == np.uint16 and self.token_bits == self.codebook.window_bits:
            return self.codebook.decode_bytes(array)
        codewords = _core.unpack_codewords(array, self.codebook.window_bits, self.token_bits)
        return self.codebook.decode_bytes(codewords[:, 1].astype(self.codebook.dtype))

    def decode(self, tokens: Tokens | Sequence[int]) -> str:
        """Decode tokens to text; as `decode_bytes`, and FormatError for what is not UTF-8."""
        return to_text(self.decode_bytes(tokens))

    def decode_batch(self, documents: Iterable[Tokens | Sequence[int]]) -> list[str]:
        """`decode` each document."""
        return [self.decode(tokens) for tokens in documents]
