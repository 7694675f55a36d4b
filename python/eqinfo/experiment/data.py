"""Text for a study: documents to train on, and others that are held out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xxhash

from eqinfo.common.corpus import read_corpus
from eqinfo.errors import FormatError
from eqinfo.experiment.tokenizations.base import Texts, text_bytes

CHUNK_BYTES = 1 << 16
DOCUMENT_BYTES = 10_240
"""Of a held-out document, as in the paper."""
HELD_OUT = 20
"""One chunk of so many is held out where no other text is."""


@dataclass(frozen=True)
class Data:
    """The text of a study.

    Attributes:
        train: chunks of whole lines in random order, always the same one.
        held_out: documents of `DOCUMENT_BYTES`.
        files: what they were read from: name, bytes and XXH3-128 of each.
    """

    train: Texts
    held_out: Texts
    files: list[dict[str, str | int]]


def read(
    corpus: Sequence[str],
    held_out: Sequence[str],
    train_bytes: int,
    held_out_bytes: int,
) -> Data:
    """Read a sample of files, plain or .xz.

    Args:
        corpus: to train on.
        held_out: as much of the beginning of each; none: chunks of the corpus, which are not
            trained on.
        train_bytes: at most.
        held_out_bytes: at most, of all files together.

    Raises:
        FormatError: text that is not UTF-8; names the file.
        OSError: a file cannot be read.
        ValueError: no text.
    """
    texts = {path: read_corpus(path) for path in (*corpus, *held_out)}
    files: list[dict[str, str | int]] = [
        {
            "name": os.path.basename(path),
            "bytes": len(data),
            "xxh3_128": xxhash.xxh3_128_hexdigest(data),
        }
        for path, data in texts.items()
    ]
    whole = "".join(_text(path, texts[path]) for path in corpus).encode()
    chunks = shuffled_chunks(whole)
    if held_out:
        share = held_out_bytes // len(held_out)
        held = [_head(_text(path, texts[path]), share) for path in held_out]
    else:
        held = [_head(b"".join(chunks[::HELD_OUT]).decode(), held_out_bytes)]
        del chunks[::HELD_OUT]
    train = _first(chunks, train_bytes)
    documents = [document for text in held for document in documents_of(text, DOCUMENT_BYTES)]
    if not train or not documents:
        raise ValueError(f"expected text to train on and to hold out, found {len(whole)} bytes")
    return Data([chunk.decode() for chunk in train], documents, files)


def shuffled_chunks(text: bytes, size: int | None = None) -> list[bytes]:
    """Return ``size`` bytes of a text (None: all), less at most one line, from all over it.

    A training file is often one source after another. Chunks of 64 KiB in whole lines, in random
    order, always the same one, make any beginning of the result like the whole.
    """
    cuts = [0]
    while cuts[-1] < len(text):
        line_end = text.find(b"\n", cuts[-1] + CHUNK_BYTES)
        cuts.append(line_end + 1 if line_end >= 0 else len(text))
    order = np.random.default_rng(0).permutation(len(cuts) - 1)
    chunks = [text[cuts[index] : cuts[index + 1]] for index in order]
    return chunks if size is None else _first(chunks, size)


def _first(chunks: Sequence[bytes], size: int) -> list[bytes]:
    taken: list[bytes] = []
    for chunk in chunks:
        if len(chunk) >= size:
            chunk = chunk[: chunk.rfind(b"\n", 0, size) + 1]
            size = 0
        size -= len(chunk)
        taken.append(chunk)
        if size <= 0:
            break
    return [chunk for chunk in taken if chunk]


def documents_of(text: str, size: int) -> list[str]:
    """Cut a text into documents of ``size`` bytes, or a few less: characters stay whole."""
    data, cuts = text.encode(), [0]
    while cuts[-1] < len(data):
        cut = min(cuts[-1] + size, len(data))
        while cut < len(data) and data[cut] & 0xC0 == 0x80:
            cut -= 1
        cuts.append(cut)
    return [data[begin:end].decode() for begin, end in pairwise(cuts)]


def sample(texts: Texts, size: int) -> list[str]:
    """Return the first ``size`` bytes of texts; the last one is cut where it need be."""
    taken: list[str] = []
    for text in texts:
        if size <= 0:
            break
        taken.append(_head(text, size))
        size -= text_bytes([text])
    return taken


def _head(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: expected UTF-8, found byte 0x{data[error.start]:02x} at offset {error.start}"
        ) from None
