"""Tokenizations by the package's own codecs: AC, StaticAC, EqualInfo, codebooks (section 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from eqinfo.codecs.base import Codec
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.windows import WindowCodec
from eqinfo.common.text import Text, to_bytes
from eqinfo.experiment.tokenizations.base import Ids, Piece, Texts, Tokenization
from eqinfo.models.static import StaticModel
from eqinfo.word import split


class CodecTokenization(Tokenization):
    """The tokens of a codec, as a tokenization.

    Args:
        name: as in the catalogue.
        codec: encodes and decodes.
    """

    def __init__(self, name: str, codec: Codec) -> None:
        super().__init__(name, 1 << codec.token_bits, _window_tokens(codec))
        self.codec = codec

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the tokens of every document."""
        return [tokens.astype(np.int64) for tokens in self.codec.encode_batch(texts)]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return list(
            self.codec.decode_batch(self._known(ids).astype(np.uint16) for ids in documents)
        )

    def learned(self) -> bytes:
        """Return the codebook, or the counts of a static model."""
        if isinstance(self.codec, CodebookCodec):
            return self.codec.codebook.to_bytes()
        model = getattr(self.codec, "model", None)
        return json.dumps(model.counts).encode() if isinstance(model, StaticModel) else b""

    @property
    def piece_ids(self) -> int:
        """The tokens between two resets of the model."""
        if isinstance(self.codec, CodebookCodec):
            return self.window_tokens
        if isinstance(self.codec, WindowCodec) and self.codec.parameters.variant == "bijective":
            return self.window_tokens * self.codec.parameters.reset_every
        return 0

    def decode_piece(self, ids: Ids) -> bytes:
        """Return the bytes of whole windows between two resets."""
        if not self.piece_ids:
            raise self._no_pieces()
        return self.codec.decode_bytes(self._known(ids).astype(np.uint16))

    def pieces(self, text: str) -> list[Piece]:
        """Return the windows.

        Raises:
            UnsupportedError: the codec has no windows, or they are not whole tokens.
        """
        if not self.window_tokens:
            return super().pieces(text)
        ids = self.encode(text).reshape(-1, self.window_tokens)
        return [
            Piece(window, tuple(tokens))
            for window, tokens in zip(self._window_texts(text), ids.tolist(), strict=True)
        ]

    def _window_texts(self, text: Text) -> Iterator[bytes]:
        if isinstance(self.codec, WindowCodec):
            return (window.text for window in self.codec.windows(text))
        assert isinstance(self.codec, CodebookCodec)
        codebook = self.codec.codebook
        return (codebook[int(id_)] for id_ in codebook.encode(text, parse=self.codec.parse))


class WordAlignedWindows(CodecTokenization):
    """Windows of a codec that never cross the end of a word (`eqinfo.word`).

    Every word is encoded on its own. An encoder may end a window wherever it likes, so the same
    codec decodes the concatenated tokens.

    Args:
        name: as in the catalogue.
        codec: makes bijective windows of whole tokens that decode on their own.

    Raises:
        ValueError: the codec makes other windows.
    """

    def __init__(self, name: str, codec: WindowCodec) -> None:
        super().__init__(name, codec)
        if not self.window_tokens:
            raise ValueError(
                f"{name}: expected windows of whole tokens, found {codec.window_bits} bits in "
                f"tokens of {codec.token_bits}"
            )
        parameters = codec.parameters
        if parameters.variant != "bijective" or parameters.reset_every != 1:
            raise ValueError(
                f"{name}: expected bijective windows that decode on their own (reset_every=1), "
                f"found {parameters.variant} windows with reset_every={parameters.reset_every}"
            )

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the tokens of every document."""
        counts = [0]
        words: list[bytes] = []
        for text in texts:
            words += _words(text.encode())
            counts.append(len(words))
        batch = self.codec.encode_batch(words)
        return np.split(batch.tokens.astype(np.int64), batch.offsets[counts[1:-1]])

    def _window_texts(self, text: Text) -> Iterator[bytes]:
        for word in _words(to_bytes(text)):
            yield from super()._window_texts(word)


def _words(data: bytes) -> list[bytes]:
    ends = split(data).tolist()
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _window_tokens(codec: Codec) -> int:
    if isinstance(codec, CodebookCodec):
        window_bits = codec.codebook.window_bits
    elif isinstance(codec, WindowCodec):
        window_bits = codec.window_bits
    else:
        return 0
    return 0 if window_bits % codec.token_bits else window_bits // codec.token_bits
