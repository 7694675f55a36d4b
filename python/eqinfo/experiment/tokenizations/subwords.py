"""Tokens without a model of text: bytes, SentencePiece, BPE and GZip (section 3.4)."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from eqinfo.common.byte_alphabet import unspell
from eqinfo.common.text import to_text
from eqinfo.errors import FormatError
from eqinfo.experiment import extras
from eqinfo.experiment.tokenizations.base import Ids, Piece, Texts, Tokenization

_SPACE = "\u2581"  # how SentencePiece writes a space
_UNKNOWN_PENALTY = 10.0  # the library's own, kUnkPenalty
_GZIP_BITS = {True: 31, False: -15}  # zlib's name for a header and footer of gzip, or neither


class Bytes(Tokenization):
    """UTF-8 bytes, as ByT5 without its special ids."""

    def __init__(self) -> None:
        super().__init__("Bytes", 256)

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the bytes of every document."""
        return [np.frombuffer(text.encode(), np.uint8).astype(np.int64) for text in texts]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return [to_text(ids.astype(np.uint8).tobytes()) for ids in documents]

    def pieces(self, text: str) -> list[Piece]:
        """Return the bytes, one by one."""
        return [Piece(bytes([byte]), (byte,)) for byte in text.encode()]


class SentencePiece(Tokenization):
    """The unigram tokenizer of the sentencepiece library, without normalisation and so lossless.

    A line is a training sentence. Characters without a piece are spelled in bytes, line ends too.

    Args:
        texts: to train on.
        vocab_size: pieces, 256 for bytes and the library's three special ones among them.

    Raises:
        ValueError: the text holds too little for as many pieces.
    """

    def __init__(self, texts: Texts, vocab_size: int = 32_000) -> None:
        super().__init__(_named("SentencePiece", vocab_size), vocab_size)
        library = extras.load("sentencepiece")
        model = io.BytesIO()
        try:
            library.SentencePieceTrainer.train(
                sentence_iterator=_lines(texts),
                model_writer=model,
                vocab_size=vocab_size,
                model_type="unigram",
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                add_dummy_prefix=False,
                byte_fallback=True,
                character_coverage=0.9995,
                num_threads=2,
                minloglevel=3,
            )
        except RuntimeError as error:
            raise ValueError(f"{self.name}: the training text does not do: {error}") from None
        self.processor = library.SentencePieceProcessor(model_proto=model.getvalue())

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document.

        Raises:
            ValueError: a text with U+2581, which would come back as a space.
        """
        for number, text in enumerate(texts):
            if _SPACE in text:
                place = text.index(_SPACE)
                raise ValueError(f"document {number}, character {place}: U+2581 is SentencePiece's")
        return [np.array(ids, np.int64) for ids in self.processor.encode(list(texts))]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return [self.processor.decode(ids.tolist()) for ids in documents]

    def pieces(self, text: str) -> list[Piece]:
        """Return the subwords."""
        return [Piece(self._text(id_), (id_,)) for id_ in self.encode(text).tolist()]

    def scores(self) -> tuple[dict[str, float], float]:
        """Return the log probability of every piece, and of a character that has none.

        Spaces are U+2581; bytes and special pieces are left out.
        """
        processor = self.processor
        others = (
            processor.is_control,
            processor.is_unknown,
            processor.is_byte,
            processor.is_unused,
        )
        scores = {
            processor.id_to_piece(id_): processor.get_score(id_)
            for id_ in range(self.vocab_size)
            if not any(is_other(id_) for is_other in others)
        }
        return scores, min(scores.values()) - _UNKNOWN_PENALTY

    def _text(self, id_: int) -> bytes:
        piece: str = self.processor.id_to_piece(id_)
        if self.processor.is_byte(id_):
            return bytes([int(piece[3:5], 16)])  # <0x0A>
        return piece.replace(_SPACE, " ").encode()


def _lines(texts: Texts) -> Iterator[str]:
    return (line for text in texts for line in text.splitlines() if line and "\0" not in line)


class BPE(Tokenization):
    """Byte-level byte pair encoding of the tokenizers library, words split as GPT-2 does.

    Args:
        texts: to train on.
        vocab_size: most tokens; fewer where the text has fewer pairs.
    """

    def __init__(self, texts: Texts, vocab_size: int = 1 << 16) -> None:
        library = extras.load("tokenizers")
        byte_level = library.pre_tokenizers.ByteLevel
        self.tokenizer: Any = library.Tokenizer(library.models.BPE())
        self.tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
        self.tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocab_size, initial_alphabet=byte_level.alphabet(), show_progress=False
        )
        self.tokenizer.train_from_iterator(texts, trainer)
        super().__init__(_named("BPE", vocab_size), self.tokenizer.get_vocab_size())

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document."""
        return [np.array(found.ids, np.int64) for found in self.tokenizer.encode_batch(texts)]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return [self.tokenizer.decode(ids.tolist()) for ids in documents]

    def pieces(self, text: str) -> list[Piece]:
        """Return the subwords."""
        return [
            Piece(unspell(self.tokenizer.id_to_token(id_)), (id_,))
            for id_ in self.encode(text).tolist()
        ]


class GZip(Tokenization):
    """A document as one Deflate stream at zlib's default level.

    Args:
        name: as in the catalogue.
        token_bits: 8, or 16: two bytes a token, the last one filled up with a zero byte.
        header: whether gzip's header and footer are there.
    """

    def __init__(self, name: str, token_bits: int, header: bool) -> None:
        super().__init__(name, 1 << token_bits)
        self._dtype = np.dtype(f">u{token_bits // 8}")
        self._wbits = _GZIP_BITS[header]

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document."""
        return [self._encode(text.encode()) for text in texts]

    def _encode(self, data: bytes) -> Ids:
        deflate = zlib.compressobj(wbits=self._wbits)
        stream = deflate.compress(data) + deflate.flush()
        stream += bytes(-len(stream) % self._dtype.itemsize)
        return np.frombuffer(stream, self._dtype).astype(np.int64)

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document; what fills up the last token is ignored."""
        return [self._decode(ids.astype(self._dtype).tobytes()) for ids in documents]

    def _decode(self, stream: bytes) -> str:
        inflate = zlib.decompressobj(wbits=self._wbits)
        try:
            data = inflate.decompress(stream)
        except zlib.error as error:
            raise FormatError(f"{self.name}: {error}") from None
        if not inflate.eof:
            raise FormatError(f"{self.name}: the stream of {len(stream)} bytes is truncated")
        return to_text(data)


def _named(method: str, vocab_size: int) -> str:
    return f"{method}[{vocab_size // 1000}k]" if vocab_size >= 1000 else f"{method}[{vocab_size}]"
