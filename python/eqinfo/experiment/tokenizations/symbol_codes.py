"""Huffman and ANS coding by the constriction library (the future work of appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.text import to_text
from eqinfo.errors import FormatError
from eqinfo.experiment import extras
from eqinfo.experiment.prediction import BytePredictor, predictions
from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization
from eqinfo.models.protocol import Model

_LENGTH_BITS = 32  # of the number of bytes, which stands before the code


class _Words(Tokenization):
    """A document's length and the 32-bit words of its code, cut into tokens."""

    def __init__(self, name: str, token_bits: int) -> None:
        super().__init__(name, 1 << token_bits)
        self._dtype = np.dtype(f">u{token_bits // 8}")

    def _tokens(self, length: int, words: NDArray[np.uint32]) -> Ids:
        stream = np.concatenate([[length], words]).astype(f">u{_LENGTH_BITS // 8}")
        return stream.view(self._dtype).astype(np.int64)

    def _words(self, ids: Ids) -> tuple[int, NDArray[np.uint32]]:
        stream = ids.astype(self._dtype).tobytes()
        if len(stream) % 4 or not stream:
            raise FormatError(f"{self.name}: expected whole words of 32 bits")
        words = np.frombuffer(stream, ">u4").astype(np.uint32)
        return int(words[0]), words[1:]


class Huffman(_Words):
    """A Huffman code of bytes, made from the training text's.

    Args:
        name: as in the catalogue.
        texts: whose bytes are counted; each counts once more.
        token_bits: 8 or 16.
    """

    def __init__(self, name: str, texts: Texts, token_bits: int) -> None:
        super().__init__(name, token_bits)
        self._symbol = extras.load("constriction").symbol
        data = np.frombuffer("".join(texts).encode(), np.uint8)
        self._counts = np.bincount(data, minlength=256) + 1.0
        self._tree: Any = self._symbol.huffman.EncoderHuffmanTree(self._counts)

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document."""
        return [self._encode(text.encode()) for text in texts]

    def _encode(self, data: bytes) -> Ids:
        coder = self._symbol.QueueEncoder()
        for byte in data:
            coder.encode_symbol(byte, self._tree)
        return self._tokens(len(data), coder.get_compressed()[0])

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        tree = self._symbol.huffman.DecoderHuffmanTree(self._counts)
        texts = []
        for ids in documents:
            length, words = self._words(ids)
            coder = self._symbol.QueueDecoder(words)
            texts.append(to_text(bytes(coder.decode_symbol(tree) for _ in range(length))))
        return texts


class ANS(_Words):
    """A model's predictions, coded by asymmetric numeral systems (Duda 2009), last byte first.

    The library quantises them to 24 bits in floating point, so this repeats on one machine only.

    Args:
        name: as in the catalogue.
        model: predicts bytes, with all of the document before them.
        token_bits: 8 or 16.
    """

    def __init__(self, name: str, model: Model, token_bits: int) -> None:
        super().__init__(name, token_bits)
        stream = extras.load("constriction").stream
        self.model = model
        self._coder = stream.stack.AnsCoder
        self._categorical = stream.model.Categorical

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document."""
        return [self._encode(text.encode()) for text in texts]

    def _encode(self, data: bytes) -> Ids:
        coder = self._coder()
        if data:
            rows = predictions(self.model, data)
            symbols = np.frombuffer(data, np.uint8).astype(np.int32)
            coder.encode_reverse(symbols, self._categorical(perfect=False), rows)
        return self._tokens(len(data), coder.get_compressed())

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return [to_text(self._decode(*self._words(ids))) for ids in documents]

    def _decode(self, length: int, words: NDArray[np.uint32]) -> bytes:
        coder, predictor, lane = self._coder(words), BytePredictor(self.model), np.zeros(1, int)
        data = np.empty(length, np.int32)
        for place in range(length):
            row = predictor.predict(lane)[0]
            data[place] = coder.decode(self._categorical(row, perfect=False))
            predictor.append(data[place : place + 1], lane)
        return data.astype(np.uint8).tobytes()
