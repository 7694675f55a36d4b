"""Tables of equal-info windows of a neural M1."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from eqinfo.codebook import Codebook
from eqinfo.codecs.windows import WindowCodec
from eqinfo.common.batch import TextBatch
from eqinfo.models.native_model import NativeModel, load
from eqinfo.word import split
from long_windows import WINDOW_BITS, LongWindows
from tables import Table, codebook_table
from tiny_lm import Tokens

M1 = "en"
"""The bundled model that makes all windows; it has not seen any held-out text."""
PADDED_BYTES = 1 << 20
"""Text from which the texts of padded codewords are known."""


@cache
def model() -> NativeModel:
    """Return M1, which forgets everything at the end of a window."""
    return load(M1).without_history()


def windows_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Make bijective windows: every codeword means one text, which does not depend on others."""
    return codebook_table("windows", _codebook(window_bits))


def split_windows_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Make the windows of `windows_table`, each of them two tokens of half as many bits.

    Those of 32 bits are too many for a codebook.
    """
    if window_bits == WINDOW_BITS:
        return _long_windows_table()
    codebook, token_bits = _codebook(window_bits), window_bits // 2

    def encode(text: bytes) -> Tokens:
        codewords = codebook.encode(text).astype(np.int64)
        halves = np.stack([codewords >> token_bits, codewords & (1 << token_bits) - 1], -1)
        return halves.ravel()

    return Table("windows-2", 1 << token_bits, encode, codebook, window_tokens=2)


def word_windows_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Make bijective windows, each of which ends at the end of a word at the latest."""
    codebook = _codebook(window_bits)

    def encode(text: bytes) -> Tokens:
        data = np.frombuffer(text, np.uint8)
        ends = np.asarray(split(text), np.int64)
        words = TextBatch(data, np.concatenate([[0], ends]).astype(np.int64))
        return codebook.encode_batch(words).tokens.astype(np.int64)

    return Table("windows-word", len(codebook), encode, codebook)


def padded_windows_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Make the paper's windows; the token of codeword c is c + 1.

    A codeword stands for what it stood for first in ``documents``. Others have no text.
    """
    codec = WindowCodec(model(), window_bits, variant="padded")
    strings = [b""] * ((1 << window_bits) + 1)
    left = PADDED_BYTES
    for document in documents:
        if left <= 0:
            break
        for window in codec.windows(document[:left]):
            strings[window.codeword + 1] = strings[window.codeword + 1] or window.text
        left -= len(document)

    def encode(text: bytes) -> Tokens:
        return codec.encode(text.decode()).astype(np.int64) + 1

    return Table("windows-padded", len(strings), encode, strings)


def _long_windows_table() -> Table:
    codec = WindowCodec(model(), WINDOW_BITS, variant="bijective")

    def encode(text: bytes) -> Tokens:
        return codec.encode(text).astype(np.int64)

    return Table("windows-2", 1 << codec.token_bits, encode, LongWindows(codec), window_tokens=2)


@cache
def _codebook(window_bits: int) -> Codebook:
    return Codebook.from_model(model(), window_bits)
