"""Huffman and ANS coding by the constriction library (suggested as future work in appendix B)."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import FormatError
from eqinfo.experiment import extras
from eqinfo.experiment.prediction import BytePredictor, predictions
from eqinfo.experiment.tokenizations.byte_streams import ByteStream
from eqinfo.models.protocol import Model

_WORD = np.dtype(">u4")


class _SymbolCode(ByteStream):
    """A document's length in bytes, then the 32-bit words of its code, all big-endian."""

    def _compress(self, data: bytes) -> bytes:
        return np.concatenate([[len(data)], self._encode(data)]).astype(_WORD).tobytes()

    def _decompress(self, stream: bytes) -> bytes:
        if len(stream) % _WORD.itemsize or not stream:
            raise FormatError(
                f"{self.name}: expected whole words of 32 bits, found {len(stream)} bytes"
            )
        words = np.frombuffer(stream, _WORD).astype(np.uint32)
        return self._decode(int(words[0]), words[1:])

    @abstractmethod
    def _encode(self, data: bytes) -> NDArray[np.uint32]: ...

    @abstractmethod
    def _decode(self, length: int, words: NDArray[np.uint32]) -> bytes: ...


class Huffman(_SymbolCode):
    """A Huffman code of bytes, built from their counts in the training text.

    Args:
        name: as in the catalogue.
        counts: of the 256 bytes; one is added to each, so every byte has a codeword.
        token_bits: 8 or 16.
    """

    def __init__(self, name: str, counts: Sequence[int], token_bits: int) -> None:
        super().__init__(name, token_bits)
        self._counts = list(counts)
        self._symbol = extras.load("constriction").symbol
        weights = np.array(self._counts) + 1.0
        self._encoder_tree: Any = self._symbol.huffman.EncoderHuffmanTree(weights)
        self._decoder_tree: Any = self._symbol.huffman.DecoderHuffmanTree(weights)

    def learned(self) -> bytes:
        """Return the counts."""
        return json.dumps(self._counts).encode()

    def _encode(self, data: bytes) -> NDArray[np.uint32]:
        coder = self._symbol.QueueEncoder()
        for byte in data:
            coder.encode_symbol(byte, self._encoder_tree)
        words: NDArray[np.uint32] = coder.get_compressed()[0]
        return words

    def _decode(self, length: int, words: NDArray[np.uint32]) -> bytes:
        coder = self._symbol.QueueDecoder(words)
        return bytes(coder.decode_symbol(self._decoder_tree) for _ in range(length))


class ANS(_SymbolCode):
    """A model's predictions, coded by asymmetric numeral systems (Duda 2009), last byte first.

    The library quantises probabilities to 24 bits in floating point, so the code is only sure to
    decode on the machine that wrote it.

    Args:
        name: as in the catalogue.
        model: predicts each byte from all bytes of the document before it.
        token_bits: 8 or 16.
    """

    def __init__(self, name: str, model: Model, token_bits: int) -> None:
        super().__init__(name, token_bits)
        stream = extras.load("constriction").stream
        self.model = model
        self._coder = stream.stack.AnsCoder
        self._categorical = stream.model.Categorical

    def _encode(self, data: bytes) -> NDArray[np.uint32]:
        coder = self._coder()
        if data:
            rows = predictions(self.model, data)
            symbols = np.frombuffer(data, np.uint8).astype(np.int32)
            coder.encode_reverse(symbols, self._categorical(perfect=False), rows)
        words: NDArray[np.uint32] = coder.get_compressed()
        return words

    def _decode(self, length: int, words: NDArray[np.uint32]) -> bytes:
        coder, predictor, lane = self._coder(words), BytePredictor(self.model), np.zeros(1, int)
        data = np.empty(length, np.int32)
        for position in range(length):
            row = predictor.predict(lane)[0]
            data[position] = coder.decode(self._categorical(row, perfect=False))
            predictor.append(data[position : position + 1], lane)
        return data.astype(np.uint8).tobytes()
