"""The interface of all tokenizations of the study: text to ids and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import FormatError, UnsupportedError

Ids: TypeAlias = NDArray[np.int64]
Texts: TypeAlias = Sequence[str]


@dataclass(frozen=True)
class Piece:
    """A stretch of text that has ids of its own: a window, a subword, or a byte.

    Attributes:
        text: its bytes; a window may begin or end inside a character.
        ids: its tokens, in order.
    """

    text: bytes
    ids: tuple[int, ...]


class Tokenization(ABC):
    """A trained tokenization: turns documents into ids below `vocab_size` and back.

    Attributes:
        name: as in `catalogue`.
        vocab_size: number of different ids.
        window_tokens: tokens per window; 0 if there are no windows, or if they do not all consist
            of the same whole number of tokens.
    """

    def __init__(self, name: str, vocab_size: int, window_tokens: int = 0) -> None:
        self.name = name
        self.vocab_size = vocab_size
        self.window_tokens = window_tokens

    @abstractmethod
    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document, int64, shape (n,).

        Raises:
            ValueError: the method cannot represent a text; the message says why.
        """

    @abstractmethod
    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document.

        Raises:
            FormatError: ids that `encode_batch` does not write.
        """

    def encode(self, text: str) -> Ids:
        """Return the ids of one document."""
        return self.encode_batch([text])[0]

    def decode(self, ids: Ids) -> str:
        """Return the text of one document."""
        return self.decode_batch([ids])[0]

    def learned(self) -> bytes:
        """Return what `Method.restore` makes this tokenization of again; empty if nothing."""
        return b""

    @property
    def piece_ids(self) -> int:
        """The fewest ids that decode without those before them; 0: only whole documents do.

        Groups of as many ids, from the beginning of a document on, decode with `decode_piece`.
        """
        return 0

    def decode_piece(self, ids: Ids) -> bytes:
        """Return the bytes of `piece_ids` ids, or of the fewer that end a document.

        Raises:
            FormatError: ids that `encode_batch` does not write.
            UnsupportedError: only whole documents decode.
        """
        raise self._no_pieces()

    def pieces(self, text: str) -> list[Piece]:
        """Return the pieces of a text, in order.

        Raises:
            UnsupportedError: tokens of this method have no text of their own.
        """
        raise self._no_pieces()

    def _known(self, ids: Ids) -> Ids:
        """Return ids, or raise FormatError if the method does not have all of them."""
        bad = np.flatnonzero((ids < 0) | (ids >= self.vocab_size))
        if len(bad):
            raise FormatError(
                f"{self.name}: id {bad[0]}: expected 0 to {self.vocab_size - 1}, found "
                f"{ids[bad[0]]}; decode ids with the method that made them"
            )
        return ids

    def _no_pieces(self) -> UnsupportedError:
        return UnsupportedError(
            f"{self.name}: expected a method whose tokens stand for pieces of text; its tokens "
            "cannot be decoded one by one"
        )


Train: TypeAlias = Callable[[Texts], Tokenization]


@dataclass(frozen=True)
class Method:
    """A named way to tokenize, before training.

    Attributes:
        name: as in `catalogue`.
        train: returns the tokenization for training documents; most methods ignore them.
        packages: that must be installed.
        least_bytes: of training text; with less, `train` fails.
        restore: returns the tokenization again, of what `Tokenization.learned` returned; None if it
            learns nothing from training documents.
        uses_model: whether the ids depend on M1.
    """

    name: str
    train: Train
    packages: tuple[str, ...] = ()
    least_bytes: int = 0
    restore: Callable[[bytes], Tokenization] | None = None
    uses_model: bool = False


def text_bytes(texts: Texts) -> int:
    """Return the number of bytes of texts in UTF-8."""
    return sum(len(text.encode()) for text in texts)
