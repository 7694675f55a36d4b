"""Subword tokenizers: SentencePiece and byte pair encoding (section 3.4)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from eqinfo.common.byte_alphabet import unspell
from eqinfo.errors import FormatError
from eqinfo.experiment import extras
from eqinfo.experiment.tokenizations.base import Ids, Piece, Texts, Tokenization

_SPACE = "\u2581"  # how SentencePiece writes a space
_UNKNOWN_PENALTY = 10.0  # kUnkPenalty of the library


@contextmanager
def _restored_by_library(name: str) -> Iterator[None]:
    """Turn what a library raises for bytes that it has not written into a FormatError."""
    try:
        yield
    except Exception as error:  # the libraries do not raise narrower ones
        raise FormatError(
            f"{name}: expected what the method learned, found something else: {error}"
        ) from None


class SentencePiece(Tokenization):
    """The unigram tokenizer of the sentencepiece library; lossless, because nothing is normalised.

    Every line is a training sentence. Characters that have no piece, among them line ends, are
    spelled in byte pieces.

    Args:
        texts: to train on.
        vocab_size: number of pieces, including 256 for bytes and the library's three special ones.
        learned: what `learned` returned, instead of training.

    Raises:
        ValueError: the training text is too small for this many pieces.
    """

    def __init__(
        self, texts: Texts, vocab_size: int = 32_000, *, learned: bytes | None = None
    ) -> None:
        super().__init__(_sized_name("SentencePiece", vocab_size), vocab_size)
        library = extras.load("sentencepiece")
        self._model = self._train(library, texts) if learned is None else learned
        with _restored_by_library(self.name):
            self.processor = library.SentencePieceProcessor(model_proto=self._model)
        if self.processor.vocab_size() != vocab_size:
            raise FormatError(
                f"{self.name}: expected {vocab_size} pieces in what the method learned, found "
                f"{self.processor.vocab_size()}"
            )

    def _train(self, library: Any, texts: Texts) -> bytes:
        model = io.BytesIO()
        try:
            library.SentencePieceTrainer.train(
                sentence_iterator=_lines(texts),
                model_writer=model,
                vocab_size=self.vocab_size,
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
            raise ValueError(
                f"{self.name}: expected training text that yields {self.vocab_size} pieces, found "
                f"{error}; give more text"
            ) from None
        return model.getvalue()

    def learned(self) -> bytes:
        """Return the library's model."""
        return self._model

    piece_ids = 1

    def decode_piece(self, ids: Ids) -> bytes:
        """Return the bytes of a piece."""
        return b"".join(map(self._text, self._known(ids).tolist()))

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document.

        Raises:
            ValueError: a text contains U+2581, which would decode to a space.
        """
        for number, text in enumerate(texts):
            if _SPACE in text:
                position = text.index(_SPACE)
                raise ValueError(
                    f"document {number}, character {position}: expected text without U+2581, which "
                    "SentencePiece uses for spaces; found one"
                )
        return [np.array(ids, np.int64) for ids in self.processor.encode(list(texts))]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return [self.processor.decode(self._known(ids).tolist()) for ids in documents]

    def pieces(self, text: str) -> list[Piece]:
        """Return the subwords."""
        return [Piece(self._text(id_), (id_,)) for id_ in self.encode(text).tolist()]

    def scores(self) -> tuple[dict[str, float], float]:
        """Return the log probability of every piece, and that of a character without a piece.

        Spaces are written as U+2581. Byte pieces and special pieces are left out.
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
    """Byte-level byte pair encoding by the tokenizers library, with GPT-2's split into words.

    Args:
        texts: to train on.
        vocab_size: the largest vocabulary; a text with few pairs gives a smaller one.
        learned: what `learned` returned, instead of training.
    """

    def __init__(
        self, texts: Texts, vocab_size: int = 1 << 16, *, learned: bytes | None = None
    ) -> None:
        library, name = extras.load("tokenizers"), _sized_name("BPE", vocab_size)
        self.tokenizer: Any = library.Tokenizer(library.models.BPE())
        if learned is None:
            self._train(library, texts, vocab_size)
        else:
            with _restored_by_library(name):
                self.tokenizer = library.Tokenizer.from_str(learned.decode())
        super().__init__(name, self.tokenizer.get_vocab_size())

    def _train(self, library: Any, texts: Texts, vocab_size: int) -> None:
        byte_level = library.pre_tokenizers.ByteLevel
        self.tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
        self.tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocab_size, initial_alphabet=byte_level.alphabet(), show_progress=False
        )
        self.tokenizer.train_from_iterator(texts, trainer)

    def learned(self) -> bytes:
        """Return the library's description of the tokenizer."""
        return str(self.tokenizer.to_str()).encode()

    piece_ids = 1

    def decode_piece(self, ids: Ids) -> bytes:
        """Return the bytes of a subword."""
        known = self._known(ids).tolist()
        return b"".join(unspell(self.tokenizer.id_to_token(id_)) for id_ in known)

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document."""
        return [np.array(found.ids, np.int64) for found in self.tokenizer.encode_batch(texts)]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return [self.tokenizer.decode(self._known(ids).tolist()) for ids in documents]

    def pieces(self, text: str) -> list[Piece]:
        """Return the subwords."""
        return [
            Piece(unspell(self.tokenizer.id_to_token(id_)), (id_,))
            for id_ in self.encode(text).tolist()
        ]


def _sized_name(method: str, vocab_size: int) -> str:
    return f"{method}[{vocab_size // 1000}k]" if vocab_size >= 1000 else f"{method}[{vocab_size}]"
