"""The texts that a codebook is fitted to, as the native functions take them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.batch import Documents, flat_texts, numbered_text
from eqinfo.common.text import to_bytes


class TextDocuments(NamedTuple):
    """Texts, one after the other: document i has the bytes ``offsets[i]`` to ``offsets[i + 1]``.

    It counts ``weights[i]`` times, or once without weights.
    """

    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    weights: NDArray[np.int64] | None = None


def concatenate(corpus: Documents | str | bytes) -> TextDocuments:
    """Return a corpus as one text with offsets; a single str or bytes is one document.

    Raises:
        TypeError, ValueError: as `flat_texts` and `to_bytes`.
    """
    if isinstance(corpus, str | bytes | bytearray | memoryview):
        text = to_bytes(corpus)
        return TextDocuments(np.frombuffer(text, np.uint8), np.array([0, len(text)], np.int64))
    if (flat := flat_texts(corpus)) is not None:
        begin, end = flat.offsets[[0, -1]]
        return TextDocuments(flat.data[begin:end], flat.offsets - begin)
    documents: Iterable[Any] = corpus
    joined = bytearray()
    offsets = [0]
    with numbered_text(corpus):
        for document in documents:
            joined += to_bytes(document)
            offsets.append(len(joined))
    return TextDocuments(np.frombuffer(joined, np.uint8), np.array(offsets, np.int64))
