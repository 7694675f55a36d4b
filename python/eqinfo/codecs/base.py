"""What every codec offers: text to tokens and back, one document or many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np

from eqinfo.common.batch import Documents, TextBatch, TokenBatch, flat_texts
from eqinfo.common.symbols import Symbols
from eqinfo.common.text import Text, to_bytes, to_text
from eqinfo.common.tokens import MAX_TOKEN_BITS, Tokens, as_tokens, check_token_bits
from eqinfo.errors import FormatError, ModelMismatchError
from eqinfo.models.protocol import Model, TextModel
from eqinfo.range_coder import as_symbols

DEFAULT_LANES = 256
_CHANGED = "the model answered otherwise when asked again"


class Codec(ABC):
    """A model and a coder.

    Nothing that a codec remembers between calls changes what it codes; threads may share it if they
    may share the model.

    Text is bytes for a model over bytes (vocab_size 256), and what it makes of them for a
    `models.TextModel`; other models code symbols only.

    Attributes:
        model: the model (M1).
        precision: of the frequencies, in bits.
        token_bits: bits of a token.
        lanes: documents or windows that are coded side by side, one row of predictions each; the
            tokens do not depend on it.
        verify: decode what was encoded before returning it.
    """

    def __init__(
        self, model: Model, precision: int, token_bits: int, lanes: int, verify: bool
    ) -> None:
        if lanes < 1:
            raise ValueError(f"expected at least 1 lane, found {lanes}")
        self.model = model
        self.precision = precision
        self.token_bits = check_token_bits(token_bits)
        self.lanes = lanes
        self.verify = verify

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Identifies the model and every parameter that the tokens depend on."""

    def encode_symbols(self, documents: Sequence[Symbols]) -> list[Tokens]:
        """Encode documents of int32 symbols, side by side.

        Raises:
            ModelError: the model's predictions cannot be used.
            ModelMismatchError: the tokens do not decode to the documents (with verify): the model
                answered otherwise when asked again.
            ValueError: a symbol outside the model's alphabet.
        """
        tokens = self._encode_symbols(documents)
        if self.verify:
            self._verify(documents, tokens)
        return tokens

    @abstractmethod
    def _encode_symbols(self, documents: Sequence[Symbols]) -> list[Tokens]:
        """Encode documents, as `encode_symbols`."""

    @abstractmethod
    def decode_symbols(self, documents: Sequence[Tokens]) -> list[Symbols]:
        """Decode documents, side by side; the reverse of `encode_symbols`.

        Raises:
            FormatError: tokens that this codec does not write.
            ModelError: the model's predictions cannot be used.
        """

    def encode(self, text: Text) -> Tokens:
        """Encode text (UTF-8) or bytes; uint16, shape (n,).

        Raises:
            ModelError: the model's predictions cannot be used.
            ModelMismatchError: as `encode_symbols`.
            ValueError: a lone surrogate, a model that has no symbols for text, or text that it has
                no symbols for.
            TypeError: neither str nor bytes-like.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Documents) -> TokenBatch:
        """Encode documents side by side: the tokens of `encode` for each.

        Args:
            texts: an iterable of texts, or what `batch.flat_texts` takes.
        """
        self._require_text()
        flat = flat_texts(texts)
        documents = map(to_bytes, texts) if flat is None else flat.iter_bytes()
        symbols = [self._to_symbols(document) for document in documents]
        return TokenBatch.concatenate(
            self.encode_symbols(symbols), np.dtype(np.uint16), 1 << MAX_TOKEN_BITS
        )

    def decode_bytes(self, tokens: Tokens | Sequence[int]) -> bytes:
        """Decode tokens to bytes.

        Raises:
            FormatError: tokens that this codec does not write.
            TypeError: tokens of another dtype than uint16.
            ValueError: a token that does not fit token_bits.
        """
        self._require_text()
        return self._from_symbols(self.decode_symbols([as_tokens(tokens)])[0])

    def decode(self, tokens: Tokens | Sequence[int]) -> str:
        """Decode tokens to text; as `decode_bytes`, and FormatError for what is not UTF-8."""
        return to_text(self.decode_bytes(tokens))

    def decode_batch(self, documents: Iterable[Tokens | Sequence[int]]) -> TextBatch:
        """Decode documents side by side: the text of `decode` for each, a sequence of str."""
        self._require_text()
        symbols = self.decode_symbols([as_tokens(tokens) for tokens in documents])
        return TextBatch.concatenate(self._from_symbols(document) for document in symbols)

    def _to_symbols(self, data: bytes) -> Symbols:
        return self.model.tokenize(data) if isinstance(self.model, TextModel) else as_symbols(data)

    def _from_symbols(self, symbols: Symbols) -> bytes:
        if isinstance(self.model, TextModel):
            return self.model.detokenize(symbols)
        return symbols.astype(np.uint8).tobytes()

    def _decode_anew(self, documents: Sequence[Tokens]) -> list[Symbols]:
        """Decode as `decode_symbols`, without answers that were remembered."""
        return self.decode_symbols(documents)

    def _verify(self, documents: Sequence[Symbols], tokens: Sequence[Tokens]) -> None:
        try:
            decoded = self._decode_anew(tokens)
        except FormatError as error:
            raise ModelMismatchError(
                f"the tokens just written do not decode: {error}; {_CHANGED}"
            ) from None
        for index, (document, found) in enumerate(zip(documents, decoded, strict=True)):
            if not np.array_equal(document, found):
                shorter = min(len(document), len(found))
                wrong = np.flatnonzero(document[:shorter] != found[:shorter])
                place = int(wrong[0]) if len(wrong) else shorter
                raise ModelMismatchError(
                    f"document {index}: the tokens just written decode to other symbols from "
                    f"symbol {place} on; {_CHANGED}"
                )

    def _require_text(self) -> None:
        if not isinstance(self.model, TextModel) and self.model.vocab_size != 256:
            raise ValueError(
                f"expected a model over bytes (vocab_size 256), found {self.model.vocab_size}, "
                "or one with tokenize and detokenize; use encode_symbols and decode_symbols"
            )
