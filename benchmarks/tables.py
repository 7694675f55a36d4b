"""Tables of tokens, and those that are codebooks; contestants.py has all by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eqinfo.codebook import Codebook
from eqinfo.common.batch import TextBatch
from eqinfo.embedding.text_features import Strings
from long_windows import LongWindows
from tiny_lm import Tokens

SAMPLED_BYTES = 32


@dataclass(frozen=True)
class Table:
    """A way to cut UTF-8 text into tokens; END is never one of them."""

    name: str
    vocabulary: int
    """Number of different tokens, END among them."""
    encode: Callable[[bytes], Tokens]
    strings: Strings | LongWindows
    """The text of every token; END has none. Of windows of several tokens, that of every codeword.
    """
    window_tokens: int = 1
    encode_train: Callable[[bytes], Tokens] | None = None
    """Cuts text to train on, if that is cut in another way."""


def bytes_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Make a token of every byte."""
    return Table(
        "bytes",
        257,
        lambda text: np.frombuffer(text, np.uint8).astype(np.int64) + 1,
        [b"", *(bytes([byte]) for byte in range(256))],
    )


def codebook_table(name: str, codebook: Codebook) -> Table:
    """Cut as a codebook does; its id 0, the empty string, is END."""
    return Table(
        name,
        1 << codebook.window_bits,
        lambda text: codebook.encode(text).astype(np.int64),
        codebook,
    )


def prefixes_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Fit windows that cross words, where every prefix of a string has an id."""
    return codebook_table("prefixes", Codebook.fit(documents, window_bits, prefixes=True))


def unaligned_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Fit windows that cross words."""
    return codebook_table("none", Codebook.fit(documents, window_bits))


def word_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Fit windows that never cross words."""
    return codebook_table("word", Codebook.fit(documents, window_bits, align="word"))


def phrase_table(documents: Sequence[bytes], window_bits: int, *, percent: int) -> Table:
    """Fit windows that end on words or cross whole ones; ``percent`` of the ids cross."""
    codebook = Codebook.fit(documents, window_bits, align="phrase", phrase_share=percent / 100)
    return codebook_table(f"phrase-{percent}", codebook)


def sampled_table(
    documents: Sequence[bytes], window_bits: int, *, make: Callable[[Sequence[bytes], int], Table]
) -> Table:
    """Make a table of a codebook, and train on other parses than the greedy one, too.

    As in BPE-dropout (arXiv 1910.13267), M2 sees strings cut in several ways. Tokens end at random
    places, one for `SAMPLED_BYTES` bytes on average; between them the parse is greedy.
    """
    table = make(documents, window_bits)
    codebook = table.strings
    assert isinstance(codebook, Codebook)

    def encode_train(text: bytes) -> Tokens:
        places = np.random.default_rng(len(text)).integers(
            len(text), size=len(text) // SAMPLED_BYTES
        )
        offsets = np.unique([0, *places, len(text)])
        pieces = TextBatch(np.frombuffer(text, np.uint8), offsets)
        return codebook.encode_batch(pieces).tokens.astype(np.int64)

    return replace(table, name=f"{table.name}-sampled", encode_train=encode_train)


def codebook_of(strings: Iterable[bytes]) -> Codebook:
    """Make a codebook in which just these strings have ids; 2^n of them, all bytes and b"" too."""
    ends = set(strings)
    nodes = sorted({string[:length] for string in ends for length in range(len(string) + 1)})
    return Codebook(
        np.array([len(node) for node in nodes], np.uint32),
        np.array([node[-1] if node else 0 for node in nodes], np.uint8),
        np.array([node in ends for node in nodes]),
    )
