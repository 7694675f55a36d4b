"""Text to the ids of a language model's vocabulary, and back without loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import FormatError

# Put before a text, and cut off again, if the tokenizer adds a space to a text's first word.
_LINE_END = "\n"
# What Python's "surrogateescape" decodes bytes to that are not UTF-8. No UTF-8 decodes to these.
_ESCAPES = [chr(0xDC00 + byte) for byte in range(0x80, 0x100)]
_RUNS = re.compile("[\udc80-\udcff]+|[^\udc80-\udcff]+")
Tokenize: TypeAlias = Callable[[str], Sequence[int]]


class Vocabulary:
    """A tokenizer as a code for arbitrary bytes.

    An id stands for the bytes of its piece, and ids stand for their pieces joined, so any ids stand
    for some bytes. If a tokenizer's ids do not give the text back in this way (because it
    normalises, or the bytes are not UTF-8), the lines concerned are written with ids of single
    bytes instead.

    Args:
        pieces: the bytes of each id; None for an id that stands for no text.
        tokenize: converts text to ids, without adding special tokens.
    """

    def __init__(self, pieces: Sequence[bytes | None], tokenize: Tokenize) -> None:
        self.pieces = pieces
        self._tokenize = tokenize
        self._bytes = {piece[0]: i for i, piece in enumerate(pieces) if piece and len(piece) == 1}
        self._adds_space = self._join(tokenize("a")) == b" a"

    def tokenize(self, data: bytes) -> NDArray[np.int32]:
        """Return ids whose pieces, joined, are ``data``; int32, shape (n,).

        Raises:
            ValueError: the vocabulary lacks an id for a single byte that is needed; the message
                names the byte.
        """
        ids: list[int] = []
        for run in _RUNS.findall(data.decode("utf-8", "surrogateescape")):
            ids += self._run(run)
        return np.array(ids, np.int32)

    def detokenize(self, ids: NDArray[np.int32]) -> bytes:
        """Return the pieces of ids, joined.

        Raises:
            FormatError: an id stands for no text; the message names it and its place.
        """
        parts = [self.pieces[i] for i in ids.tolist()]
        if None in parts:
            index = parts.index(None)
            raise FormatError(
                f"symbol {index}: expected an id that stands for text, found id {ids[index]}"
            )
        return b"".join(part for part in parts if part is not None)

    def _run(self, run: str) -> list[int]:
        if run[0] in _ESCAPES:
            return self._single_bytes(run.encode("utf-8", "surrogateescape"))
        ids = self._exact(run)
        if ids is not None:
            return ids
        ids = []
        for line in run.splitlines(keepends=True):
            exact = self._exact(line)
            ids += self._single_bytes(line.encode()) if exact is None else exact
        return ids

    def _exact(self, text: str) -> list[int] | None:
        """Return the tokenizer's ids, or None if they do not give the text back."""
        lead = _LINE_END if self._adds_space else ""
        ids = list(self._tokenize(lead + text))
        if max(ids, default=0) >= len(self.pieces):
            return None
        skipped = f" {lead}".encode() if lead else b""
        if self._join(ids) != skipped + text.encode():
            return None
        sizes = accumulate((len(self.pieces[i] or b"") for i in ids), initial=0)
        return next((ids[n:] for n, size in enumerate(sizes) if size == len(skipped)), None)

    def _join(self, ids: Sequence[int]) -> bytes:
        return b"".join(self.pieces[i] or b"" for i in ids)

    def _single_bytes(self, data: bytes) -> list[int]:
        try:
            return [self._bytes[byte] for byte in data]
        except KeyError as error:
            raise ValueError(
                "expected text that the model's tokenizer gives back, or ids for its single bytes; "
                f"found no id for the byte 0x{error.args[0]:02x} in {data[:40]!r}; "
                "code ids with encode_symbols"
            ) from None
