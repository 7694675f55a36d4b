"""What the codecs have in common that ask a model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np

from eqinfo.codecs.base import Codec
from eqinfo.common.batch import (
    Documents,
    TextBatch,
    TokenBatch,
    flat_texts,
    refuse_several,
    several_documents,
)
from eqinfo.common.integers import check_integers
from eqinfo.common.symbols import Symbols
from eqinfo.common.text import Text, to_bytes
from eqinfo.common.tokens import MAX_TOKEN_BITS, AnyTokens, Tokens, as_tokens
from eqinfo.errors import FormatError, ModelMismatchError
from eqinfo.models.check import check_model
from eqinfo.models.protocol import Model, TextModel
from eqinfo.range_coder import as_symbols

DEFAULT_LANES = 256
_NOT_DETERMINISTIC = (
    "the model is not deterministic: it gave a different answer for the same context"
)


class ModelCodec(Codec):
    """A codec that asks a model (M1) how probable every symbol is.

    A model over bytes (vocab_size 256) codes text as bytes, a `models.TextModel` as the symbols
    that it turns text into. Any other model codes symbols only: `encode_symbols`. Threads may share
    the codec if they may share the model.

    Attributes:
        model: the model (M1).
        precision: bits of the frequencies.
        token_bits: bits per token.
        lanes: the most documents or windows that are coded in parallel, one prediction each; the
            tokens do not depend on it.
        verify: decode what was encoded before returning it.
    """

    def __init__(
        self, model: Model, precision: int, token_bits: int, lanes: int, verify: bool
    ) -> None:
        check_model(model)
        precision, lanes = check_integers(precision=precision, lanes=lanes)
        if lanes < 1:
            raise ValueError(f"expected at least 1 lane, found {lanes}")
        super().__init__(token_bits)
        self.model = model
        # Kept, because asking whether an object follows a protocol takes microseconds.
        self._text_model = model if isinstance(model, TextModel) else None
        self.precision = precision
        self.lanes = lanes
        self.verify = verify

    def encode_symbols(self, documents: Iterable[Symbols | Sequence[int]]) -> list[Tokens]:
        """Encode documents of symbols, integers of shape (n,) each, in parallel.

        Returns:
            The tokens of each document: uint16, shape (n,).

        Raises:
            ModelError: the model's predictions cannot be used.
            ModelMismatchError: with ``verify``, the tokens do not decode to the documents: the
                model gave a different answer for the same context.
            TypeError: symbols that are not integers, or a single document.
            ValueError: a symbol outside the model's alphabet.
        """
        symbols = [as_symbols(document) for document in several_documents(documents, "symbol")]
        tokens = self._encode_symbols(symbols)
        if self.verify:
            self._verify(symbols, tokens)
        return tokens

    @abstractmethod
    def _encode_symbols(self, documents: Sequence[Symbols]) -> list[Tokens]:
        """Encode documents as `encode_symbols` does, but do not verify them."""

    def decode_symbols(self, documents: Iterable[AnyTokens]) -> list[Symbols]:
        """Decode documents in parallel; the reverse of `encode_symbols`.

        Raises:
            FormatError: tokens that this codec does not write.
            ModelError: the model's predictions cannot be used.
            TypeError: an array of another unsigned dtype than uint16, not integers, or a single
                document.
            ValueError: a token that does not fit token_bits.
        """
        return self._decode_symbols([as_tokens(tokens) for tokens in several_documents(documents)])

    @abstractmethod
    def _decode_symbols(self, documents: Sequence[Tokens]) -> list[Symbols]:
        """Decode documents of uint16 tokens."""

    def encode(self, text: Text) -> Tokens:
        """Encode text (as UTF-8) or bytes.

        Returns:
            The tokens: uint16, shape (n,).

        Raises:
            ModelError: the model's predictions cannot be used.
            ModelMismatchError: as `encode_symbols`.
            TypeError: neither str nor bytes-like.
            ValueError: a lone surrogate, a model that codes symbols only, or text that the model
                has no symbols for.
        """
        self._require_text()
        try:
            data = to_bytes(text)
        except TypeError:
            refuse_several(text)
            raise
        return self.encode_symbols([self._to_symbols(data)])[0]

    def encode_batch(self, texts: Documents) -> TokenBatch:
        """Encode documents in parallel: the tokens of `encode` for each.

        Args:
            texts: an iterable of texts, or what `batch.flat_texts` takes.

        Raises as `encode`.
        """
        self._require_text()
        flat = flat_texts(texts)
        documents = map(to_bytes, texts) if flat is None else flat.iter_bytes()
        symbols = [self._to_symbols(document) for document in documents]
        return TokenBatch.concatenate(
            self.encode_symbols(symbols), np.dtype(np.uint16), 1 << MAX_TOKEN_BITS
        )

    def decode_bytes(self, tokens: AnyTokens) -> bytes:
        """Decode tokens to bytes.

        Raises:
            FormatError: tokens that this codec does not write.
            ModelError: the model's predictions cannot be used.
            TypeError: an array of another unsigned dtype than uint16, or not integers.
            ValueError: a token that does not fit token_bits, or a model that codes symbols only.
        """
        self._require_text()
        return self._from_symbols(self._decode_symbols([as_tokens(tokens)])[0])

    def decode_batch(self, documents: Iterable[AnyTokens]) -> TextBatch:
        """Decode documents in parallel: the text of `decode` for each, as a sequence of str.

        Args:
            documents: a `TokenBatch`, or an iterable of token arrays or lists.
        """
        self._require_text()
        symbols = self.decode_symbols(documents)
        return TextBatch.concatenate(self._from_symbols(document) for document in symbols)

    def _to_symbols(self, data: bytes) -> Symbols:
        return as_symbols(data) if self._text_model is None else self._text_model.tokenize(data)

    def _from_symbols(self, symbols: Symbols) -> bytes:
        if self._text_model is None:
            return symbols.astype(np.uint8).tobytes()
        return self._text_model.detokenize(symbols)

    def _decode_without_memo(self, documents: Sequence[Tokens]) -> list[Symbols]:
        """Decode as `decode_symbols` does, but ask the model for every prediction again."""
        return self._decode_symbols(documents)

    def _verify(self, documents: Sequence[Symbols], tokens: Sequence[Tokens]) -> None:
        try:
            decoded = self._decode_without_memo(tokens)
        except FormatError as error:
            raise ModelMismatchError(
                f"the tokens just written do not decode: {error}; {_NOT_DETERMINISTIC}"
            ) from None
        for index, (document, found) in enumerate(zip(documents, decoded, strict=True)):
            if not np.array_equal(document, found):
                shorter = min(len(document), len(found))
                wrong = np.flatnonzero(document[:shorter] != found[:shorter])
                place = int(wrong[0]) if len(wrong) else shorter
                raise ModelMismatchError(
                    f"document {index}: the tokens just written decode to other symbols from "
                    f"symbol {place} on; {_NOT_DETERMINISTIC}"
                )

    def _require_text(self) -> None:
        if self._text_model is None and self.model.vocab_size != 256:
            raise ValueError(
                f"expected a model over bytes (vocab_size 256), found {self.model.vocab_size}, "
                "or one with tokenize and detokenize; use encode_symbols and decode_symbols"
            )
