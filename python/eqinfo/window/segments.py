"""Segments: the windows between two resets of the model, which decode without any others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eqinfo.common.symbols import Symbols
from eqinfo.window.parameters import Codewords, WindowParameters


class Segment(NamedTuple):
    """Consecutive windows of a document.

    Attributes:
        document: index of the document.
        first: number of the document's windows before the segment.
        codewords: shape (n, 2), n >= 1.
    """

    document: int
    first: int
    codewords: Codewords


def cut_segments(documents: Sequence[Codewords], parameters: WindowParameters) -> list[Segment]:
    """Cut documents where the model is reset.

    Bijective windows with codeword 0, which stands for no text, are left out.
    """
    segments = []
    for index, codewords in enumerate(documents):
        every = parameters.reset_every or max(1, len(codewords))
        has_empty = parameters.variant == "bijective" and not codewords.any(axis=1).all()
        for first in range(0, len(codewords), every):
            segment = codewords[first : first + every]
            if has_empty:
                segment = segment[segment.any(axis=1)]
            if len(segment):
                segments.append(Segment(index, first, segment))
    return segments


def join_segments(
    segments: Sequence[Segment], texts: Sequence[Symbols], count: int
) -> list[Symbols]:
    """Return the texts of ``count`` documents from those of their segments."""
    parts: list[list[Symbols]] = [[np.empty(0, np.int32)] for _ in range(count)]
    for segment, text in zip(segments, texts, strict=True):
        parts[segment.document].append(text)
    return [np.concatenate(document) for document in parts]
