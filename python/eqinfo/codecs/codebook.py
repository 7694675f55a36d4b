"""Ids of a codebook as tokens of another width: its windows, packed like those of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

import eqinfo._core as _core
from eqinfo.codebook.table import Codebook, Ids, Parse
from eqinfo.common.batch import Documents, TextBatch, TokenBatch
from eqinfo.common.text import Text, to_text
from eqinfo.common.tokens import MAX_TOKEN_BITS, Tokens, as_tokens, check_token_bits


class CodebookCodec:
    """Codes text with a codebook into tokens of ``token_bits``.

    For the codebook `Codebook.from_model` of a model, they are the tokens of its `WindowCodec`.

    Args:
        codebook: its ids are the codewords.
        token_bits: bits of a token, 1 to 16 (default: the smaller of 16 and the codebook's
            window_bits).
        parse: where windows end when encoding; see `codebook.Parse`.
        num_threads: 1 to 256; the tokens do not depend on it.
    """

    def __init__(
        self,
        codebook: Codebook,
        token_bits: int | None = None,
        *,
        parse: Parse = "greedy",
        num_threads: int = 1,
    ) -> None:
        self.codebook = codebook
        self.parse = parse
        self.num_threads = num_threads
        self.token_bits = check_token_bits(
            min(16, codebook.window_bits) if token_bits is None else token_bits
        )

    @property
    def fingerprint(self) -> str:
        """Identifies the codebook and the tokens' width."""
        return f"{self.codebook.fingerprint}-{self.token_bits}"

    def encode(self, text: Text) -> Tokens:
        """Encode text (UTF-8) or bytes; uint16, shape (n,). Raises as `Codebook.encode`."""
        ids = self.codebook.encode(text, parse=self.parse, num_threads=self.num_threads)
        return ids if self._ids_are_tokens else self._pack(ids)

    @property
    def _ids_are_tokens(self) -> bool:
        return self.token_bits == self.codebook.window_bits

    def _pack(self, ids: Ids) -> Tokens:
        codewords = np.zeros((len(ids), 2), np.uint64)
        codewords[:, 1] = ids
        return _core.pack_codewords(codewords, self.codebook.window_bits, self.token_bits)

    def encode_batch(self, texts: Documents) -> TokenBatch:
        """`encode` each text; see `Codebook.encode_batch`."""
        ids = self.codebook.encode_batch(texts, parse=self.parse, num_threads=self.num_threads)
        if self._ids_are_tokens:
            return ids
        return TokenBatch.concatenate(
            (self._pack(document) for document in ids), np.dtype(np.uint16), 1 << MAX_TOKEN_BITS
        )

    def decode_bytes(self, tokens: Tokens | Sequence[int]) -> bytes:
        """Decode tokens to bytes.

        Raises:
            FormatError: the tokens end inside a window.
            TypeError: tokens of another dtype than uint16.
            ValueError: a token out of range.
        """
        array = as_tokens(tokens)
        if self._ids_are_tokens:
            return self.codebook.decode_bytes(array, num_threads=self.num_threads)
        return self.codebook.decode_bytes(self._unpack(array), num_threads=self.num_threads)

    def _unpack(self, tokens: Tokens) -> Ids:
        codewords = _core.unpack_codewords(tokens, self.codebook.window_bits, self.token_bits)
        return codewords[:, 1].astype(self.codebook.dtype)

    def decode(self, tokens: Tokens | Sequence[int]) -> str:
        """Decode tokens to text; as `decode_bytes`, and FormatError for what is not UTF-8."""
        return to_text(self.decode_bytes(tokens))

    def decode_batch(self, documents: Iterable[Tokens | Sequence[int]]) -> TextBatch:
        """`decode` each document; a sequence of str."""
        if self._ids_are_tokens:
            return self.codebook.decode_batch(documents, num_threads=self.num_threads)
        unpacked = (self._unpack(as_tokens(document)) for document in documents)
        return self.codebook.decode_batch(unpacked, num_threads=self.num_threads)
