"""What turns documents into the ids of shards: a codebook, or another method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook.table import Codebook, bundled_name, codebook_of
from eqinfo.common.batch import TextBatch, TokenArray, TokenBatch


class ShardEncoder(ABC):
    """Encodes documents; can be pickled, so that other processes encode as this one does.

    Attributes:
        kind: the key of the manifest that `entry` is under: "codebook" or "method".
        in_processes: whether several workers are processes, each with a unit of work, because one
            call does not use several threads.
        learned: what the method has learnt from text, which decoding needs; empty if nothing. It is
            stored beside the shards.
    """

    kind: ClassVar[str]
    in_processes: ClassVar[bool]
    learned: bytes = b""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Identifies everything that the ids depend on."""

    @property
    @abstractmethod
    def end(self) -> int:
        """The id that ends documents, unless shards have no ends of documents."""

    @abstractmethod
    def dtype(self, with_end: bool) -> np.dtype[Any]:
        """Return the unsigned type of the ids, `end` included or not."""

    @abstractmethod
    def entry(self) -> dict[str, Any]:
        """Return what the manifest says about the encoder: plain values of JSON."""

    @abstractmethod
    def encode_batch(self, texts: TextBatch, num_threads: int) -> TokenBatch:
        """Return the ids of every document, of any unsigned type that holds them.

        Raises:
            FormatError: a document that the encoder cannot encode.
        """

    @abstractmethod
    def encode_pieces(self, pieces: Iterator[bytes], num_threads: int) -> Iterator[TokenArray]:
        """Yield the ids of one long document, which comes in pieces; raises as `encode_batch`."""


def id_dtype(count: int) -> np.dtype[Any]:
    """Return the type of ids below ``count`` in shards."""
    return np.dtype("<u2" if count <= 1 << 16 else "<u4")


class CodebookEncoder(ShardEncoder):
    """Encodes with a codebook; id 0, the empty string, ends documents.

    Args:
        codebook: a codebook, or the name of a bundled one.

    Raises:
        ValueError: there is no bundled codebook of this name.
    """

    kind = "codebook"
    in_processes = False
    end = 0

    def __init__(self, codebook: Codebook | str) -> None:
        self.codebook = codebook_of(codebook)

    @property
    def fingerprint(self) -> str:
        """That of the codebook."""
        return self.codebook.fingerprint

    def dtype(self, with_end: bool) -> np.dtype[Any]:
        """Return that of the codebook, which has id 0 anyway."""
        return self.codebook.dtype

    def entry(self) -> dict[str, Any]:
        """Return the name of the codebook (None if it is not bundled), fingerprint and bits."""
        return {
            "name": bundled_name(self.codebook),
            "fingerprint": self.codebook.fingerprint,
            "window_bits": self.codebook.window_bits,
        }

    def encode_batch(self, texts: TextBatch, num_threads: int) -> TokenBatch:
        """Return the ids of every document."""
        return self.codebook.encode_batch(texts, num_threads=num_threads)

    def encode_pieces(self, pieces: Iterator[bytes], num_threads: int) -> Iterator[TokenArray]:
        """Yield the ids piece by piece, in bounded memory."""
        return self.codebook.encode_stream(pieces, num_threads=num_threads)


def with_ends(batch: TokenBatch, end: int, dtype: np.dtype[Any]) -> TokenBatch:
    """Return the batch, as ``dtype``, with the id ``end`` after every document."""
    tokens: NDArray[Any] = np.full(len(batch.tokens) + len(batch), end, dtype)
    offsets = batch.offsets + np.arange(len(batch) + 1)
    inside = np.ones(len(tokens), np.bool_)
    inside[offsets[1:] - 1] = False
    tokens[inside] = batch.tokens
    return TokenBatch(tokens, offsets)
