"""The texts on which learnability.py compares tables, and their tokens."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xxhash

from common import python_documentation
from eqinfo.experiment.data import shuffled_chunks
from tables import Table
from tiny_lm import Tokens


@dataclass(frozen=True)
class Texts:
    """Text to fit tables on and to train on, and held-out texts.

    Attributes:
        name: in results and tables.
        chunks: chunks of the training text in a fixed random order.
        held_out: the texts to measure on.
    """

    name: str
    chunks: list[bytes]
    held_out: list[bytes]

    @classmethod
    def read(
        cls, train: Path | None, held_out: Sequence[Path] | None, held_out_bytes: int
    ) -> Texts:
        """Read one file to train on and the first ``held_out_bytes`` of each other file."""
        if train is None or held_out is None:
            documentation, rest = python_documentation()
            return cls("python", shuffled_chunks(documentation), [rest[:held_out_bytes]])
        heads = [whole_characters(path.read_bytes()[:held_out_bytes]) for path in held_out]
        return cls(train.stem, shuffled_chunks(train.read_bytes()), heads)

    @cached_property
    def fingerprint(self) -> str:
        """XXH3-128 of the training text, in its order, and of the held-out texts."""
        digest = xxhash.xxh3_128()
        for text in (b"".join(self.chunks), *self.held_out):
            digest.update(len(text).to_bytes(8, "little") + text)
        return digest.hexdigest()

    @property
    def held_out_bytes(self) -> int:
        """Bytes of held-out text."""
        return sum(map(len, self.held_out))

    def first(self, size: int) -> list[bytes]:
        """Return whole lines of about ``size`` bytes of the training text.

        Raises:
            ValueError: there is less text.
        """
        taken: list[bytes] = []
        for chunk in self.chunks:
            if size <= 0:
                break
            if len(chunk) > size:
                chunk = chunk[: chunk.find(b"\n", size - 1) + 1 or len(chunk)]
            taken.append(chunk)
            size -= len(chunk)
        if size > 0:
            raise ValueError(
                f"expected {sum(map(len, taken)) + size:,} bytes of training text, found "
                f"{sum(map(len, taken)):,}; give a longer --train, or less --train-bytes and "
                "--table-bytes"
            )
        return taken


@dataclass(frozen=True)
class TokenizedTexts:
    """The tokens of the text to train on and of the held-out texts, one array per document."""

    train_bytes: int
    train: list[Tokens]
    held_out: list[Tokens]

    @classmethod
    def of(cls, texts: Texts, table: Table, train_bytes: int) -> TokenizedTexts:
        """Tokenize with a table, in as many threads as there are processors."""
        train = texts.first(train_bytes)
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return cls(
                sum(map(len, train)),
                list(threads.map(table.encode_train or table.encode, train)),
                list(threads.map(table.encode, texts.held_out)),
            )

    def digest(self) -> str:
        """Hash all tokens."""
        digest = hashlib.blake2b(digest_size=16)
        for tokens in (*self.train, *self.held_out):
            digest.update(len(tokens).to_bytes(8, "little") + tokens.tobytes())
        return digest.hexdigest()

    def unigram_bits(self) -> float:
        """Bits of the training tokens under their own frequencies: what is left for M2 to learn."""
        counts = np.unique(np.concatenate(self.train), return_counts=True)[1]
        return float(-(counts * np.log2(counts / counts.sum())).sum())


def whole_characters(text: bytes) -> bytes:
    """Drop an incomplete character at the end."""
    return text.decode(errors="ignore").encode()
