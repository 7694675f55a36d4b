"""Text for a study: chunks to train on, and held-out documents."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xxhash

from eqinfo.errors import FormatError
from eqinfo.experiment.tokenizations.base import Texts, text_bytes

CHUNK_BYTES = 1 << 16
DOCUMENT_BYTES = 10_240
"""Size of a held-out document, as in the paper."""
HELD_OUT_EVERY = 20
"""One chunk in this many is held out unless separate held-out text is given."""


@dataclass(frozen=True)
class StudyText:
    """The text of a study.

    Attributes:
        train: chunks of whole lines, in a fixed random order.
        held_out: documents of `DOCUMENT_BYTES`.
        files: name, size in bytes and XXH3-128 of every file that was read.
    """

    train: Texts
    held_out: Texts
    files: list[dict[str, str | int]]


def study_text(
    corpus: Sequence[tuple[str, bytes]],
    held_out: Sequence[tuple[str, bytes]],
    train_bytes: int,
    held_out_bytes: int,
) -> StudyText:
    """Return a sample of texts.

    Args:
        corpus: names and contents of files to train on.
        held_out: the same of files whose beginnings are held out, the same number of bytes of each.
            If there are none, chunks of the corpus are held out and not trained on.
        train_bytes: the most to train on.
        held_out_bytes: the most to hold out, over all files.

    Raises:
        FormatError: text that is not UTF-8; the message names the file.
        ValueError: there is no text to train on, or none to hold out.
    """
    files: list[dict[str, str | int]] = [
        {
            "name": os.path.basename(name),
            "bytes": len(data),
            "xxh3_128": xxhash.xxh3_128_hexdigest(data),
        }
        for name, data in (*corpus, *held_out)
    ]
    whole = "".join(_decoded(name, data) for name, data in corpus).encode()
    chunks = shuffled_chunks(whole)
    if held_out:
        share = held_out_bytes // len(held_out)
        held = [_prefix(_decoded(name, data), share) for name, data in held_out]
    else:
        held = [_prefix(b"".join(chunks[::HELD_OUT_EVERY]).decode(), held_out_bytes)]
        del chunks[::HELD_OUT_EVERY]
    train = _take_lines(chunks, train_bytes)
    documents = [document for text in held for document in documents_of(text, DOCUMENT_BYTES)]
    if not train or not documents:
        raise ValueError(
            f"expected text to train on and to hold out, found {len(whole)} bytes of corpus, "
            f"{sum(map(len, train))} of them to train on, and {len(documents)} held-out documents; "
            "give more text"
        )
    return StudyText([chunk.decode() for chunk in train], documents, files)


def shuffled_chunks(text: bytes, size: int | None = None) -> list[bytes]:
    """Return whole lines from all over a text: ``size`` bytes less at most one line (None: all).

    Training files often hold one source after another. The text is cut into chunks of 64 KiB in
    whole lines, which are shuffled in a fixed random order, so any beginning of the result
    resembles the whole.
    """
    cuts = [0]
    while cuts[-1] < len(text):
        line_end = text.find(b"\n", cuts[-1] + CHUNK_BYTES)
        cuts.append(line_end + 1 if line_end >= 0 else len(text))
    order = np.random.default_rng(0).permutation(len(cuts) - 1)
    chunks = [text[cuts[index] : cuts[index + 1]] for index in order]
    return chunks if size is None else _take_lines(chunks, size)


def _take_lines(chunks: Sequence[bytes], size: int) -> list[bytes]:
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
    """Cut a text into documents of ``size`` bytes, or slightly fewer to keep characters whole."""
    data, cuts = text.encode(), [0]
    while cuts[-1] < len(data):
        cut = min(cuts[-1] + size, len(data))
        while cut < len(data) and data[cut] & 0xC0 == 0x80:
            cut -= 1
        cuts.append(cut)
    return [data[begin:end].decode() for begin, end in pairwise(cuts)]


def sample(texts: Texts, size: int) -> list[str]:
    """Return the first ``size`` bytes of texts; the last text may be cut, between characters."""
    taken: list[str] = []
    for text in texts:
        if size <= 0:
            break
        taken.append(_prefix(text, size))
        size -= text_bytes([text])
    return taken


def _prefix(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _decoded(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: expected UTF-8, found byte 0x{data[error.start]:02x} at offset {error.start}"
        ) from None
