"""CodebookCodec: text as ids of a codebook, packed into tokens of any width."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

import eqinfo._core as _core
from eqinfo.codebook.table import Codebook, Ids, Parse
from eqinfo.codecs.base import Codec
from eqinfo.codecs.window_view import WindowView, WindowViews
from eqinfo.common.batch import Documents, TextBatch, TokenBatch, several_documents
from eqinfo.common.integers import check_integers
from eqinfo.common.text import Text, to_bytes
from eqinfo.common.tokens import MAX_TOKEN_BITS, AnyTokens, Tokens, as_tokens


class CodebookCodec(Codec):
    """Codes text with a codebook into tokens of ``token_bits`` bits.

    With the codebook `Codebook.from_model` makes of a model, the tokens are those of the model's
    `WindowCodec`. Threads may share the codec.

    Args:
        codebook: its ids are the codewords, window_bits each.
        token_bits: bits per token, 1 to 16 or window_bits of the codebook (the default). With
            window_bits, tokens are ids, in uint32 above 16 bits.
        parse: where windows end when encoding; see `codebook.Parse`.
        num_threads: 1 to 256; the tokens do not depend on it.

    Raises:
        ValueError: token_bits out of range.
    """

    def __init__(
        self,
        codebook: Codebook,
        token_bits: int | None = None,
        *,
        parse: Parse = "greedy",
        num_threads: int = 1,
    ) -> None:
        if not isinstance(codebook, Codebook):
            raise TypeError(
                f"expected a Codebook, found {type(codebook).__name__}; use "
                "Codebook.bundled(...) for a bundled name, Codebook.load(...) for a file"
            )
        (num_threads,) = check_integers(num_threads=num_threads)
        super().__init__(
            codebook.window_bits if token_bits is None else token_bits, codebook.window_bits
        )
        self.codebook = codebook
        self._ids_are_tokens = self.token_bits == codebook.window_bits
        self.parse = parse
        self.num_threads = num_threads

    def __repr__(self) -> str:
        """Return a short description."""
        return f"CodebookCodec({self.codebook!r}, token_bits={self.token_bits})"

    @property
    def fingerprint(self) -> str:
        """Identifies the codebook and token_bits."""
        return f"{self.codebook.fingerprint}-{self.token_bits}"

    def encode(self, text: Text) -> Tokens:
        """Encode text (as UTF-8) or bytes; shape (n,). Raises as `Codebook.encode`.

        The tokens are uint16, or uint32 if they are ids of more than 16 bits.
        """
        ids = self.codebook.encode(text, parse=self.parse, num_threads=self.num_threads)
        return ids if self._ids_are_tokens else self._pack(ids)

    def encode_batch(self, texts: Documents) -> TokenBatch:
        """Encode each text. Raises as `Codebook.encode_batch`."""
        ids = self.codebook.encode_batch(texts, parse=self.parse, num_threads=self.num_threads)
        if self._ids_are_tokens:
            return ids
        return TokenBatch.concatenate(
            (self._pack(document) for document in ids), np.dtype(np.uint16), 1 << MAX_TOKEN_BITS
        )

    def decode_bytes(self, tokens: AnyTokens) -> bytes:
        """Decode tokens to bytes.

        Raises:
            FormatError: the tokens end inside a window.
            TypeError: an array of another unsigned dtype than `encode` returns, or not integers.
            ValueError: a token out of range.
        """
        ids = tokens if self._ids_are_tokens else self._unpack(tokens)
        return self.codebook.decode_bytes(ids, num_threads=self.num_threads)

    def decode_batch(self, documents: Iterable[AnyTokens]) -> TextBatch:
        """Decode each document; a sequence of str. Raises as `decode_bytes`."""
        ids = documents if self._ids_are_tokens else map(self._unpack, several_documents(documents))
        return self.codebook.decode_batch(ids, num_threads=self.num_threads)

    def windows(self, text: Text) -> WindowViews:
        """Return every window of a text, in order; notebooks show them in colour."""
        data = to_bytes(text)
        ids = self.codebook.encode(data, parse=self.parse, num_threads=self.num_threads)
        ends = np.cumsum(self.codebook.lengths[ids], dtype=np.int64).tolist()
        spare_bits = self.codebook.spare_bits[ids].tolist()
        views = (
            WindowView(data[begin:end], codeword, spare)
            for begin, end, codeword, spare in zip(
                [0, *ends][: len(ends)], ends, ids.tolist(), spare_bits, strict=True
            )
        )
        return WindowViews(views, self.codebook.window_bits)

    def _pack(self, ids: Ids) -> Tokens:
        codewords = np.zeros((len(ids), 2), np.uint64)
        codewords[:, 1] = ids
        return _core.pack_codewords(codewords, self.codebook.window_bits, self.token_bits)

    def _unpack(self, tokens: AnyTokens) -> Ids:
        codewords = _core.unpack_codewords(
            as_tokens(tokens), self.codebook.window_bits, self.token_bits
        )
        return codewords[:, 1].astype(self.codebook.dtype)
