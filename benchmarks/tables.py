"""The contestants of learnability.py: tables of tokens, made from training text alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from common import peer
from eqinfo.codebook import Codebook
from eqinfo.embedding.text_features import Strings
from tiny_lm import END, Tokens

Maker = Callable[[Sequence[bytes], int], "Table | None"]


@dataclass(frozen=True)
class Table:
    """A way to cut UTF-8 text into tokens; END is never one of them."""

    name: str
    vocabulary: int
    """Number of different tokens, END among them."""
    encode: Callable[[bytes], Tokens]
    strings: Strings
    """The text of every token; END has none."""


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


def dense_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Fit windows that cross words."""
    return codebook_table("dense", Codebook.fit(documents, window_bits))


def aligned_table(documents: Sequence[bytes], window_bits: int) -> Table:
    """Fit windows that never cross words."""
    return codebook_table("aligned", Codebook.fit(documents, window_bits, align="word"))


def bpe_table(documents: Sequence[bytes], window_bits: int) -> Table | None:
    """Train byte-level BPE."""
    tokenizer = bpe_tokenizer(tuple(documents), 1 << window_bits)
    if tokenizer is None:
        return None

    def encode(text: bytes) -> Tokens:
        return np.array(tokenizer.encode(text.decode()).ids, np.int64)

    return Table("bpe", tokenizer.get_vocab_size(), encode, bpe_strings(tokenizer))


def bpe_longest_table(documents: Sequence[bytes], window_bits: int) -> Table | None:
    """Cut by greedy longest match with BPE's own strings: what is left of BPE is its vocabulary."""
    tokenizer = bpe_tokenizer(tuple(documents), 1 << window_bits)
    if tokenizer is None:
        return None
    return codebook_table("bpe-longest", codebook_of(bpe_strings(tokenizer)))


def bpe_strings(tokenizer: Any) -> list[bytes]:
    """Return the text of every token of a byte-level BPE, b"" for END."""
    byte_of = {character: byte for byte, character in enumerate(byte_level_characters())}
    strings = [b""] * tokenizer.get_vocab_size()
    for word, token in tokenizer.get_vocab().items():
        if token != END:
            strings[token] = bytes(byte_of[character] for character in word)
    return strings


@cache
def bpe_tokenizer(documents: tuple[bytes, ...], vocabulary: int) -> Any:
    """Train a byte-level BPE with GPT-2's pre-tokenizer; None without the `tokenizers` package."""
    tokenizers = peer("tokenizers")
    if tokenizers is None:
        return None
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<end>"],
        initial_alphabet=byte_level.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.decode() for text in documents), trainer)
    assert tokenizer.token_to_id("<end>") == END
    return tokenizer


def byte_level_characters() -> list[str]:
    """Return the characters that stand for bytes 0 to 255 in GPT-2's byte-level alphabet."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in printable)
    replacements = {byte: 256 + place for place, byte in enumerate(others)}
    return [chr(replacements.get(byte, byte)) for byte in range(256)]


def codebook_of(strings: Iterable[bytes]) -> Codebook:
    """Make a codebook in which just these strings have ids; 2^n of them, all bytes and b"" too."""
    ends = set(strings)
    nodes = sorted({string[:length] for string in ends for length in range(len(string) + 1)})
    return Codebook(
        np.array([len(node) for node in nodes], np.uint32),
        np.array([node[-1] if node else 0 for node in nodes], np.uint8),
        np.array([node in ends for node in nodes]),
    )


MAKERS: dict[str, Maker] = {
    "bytes": bytes_table,
    "bpe": bpe_table,
    "bpe-longest": bpe_longest_table,
    "prefixes": prefixes_table,
    "dense": dense_table,
    "aligned": aligned_table,
}
