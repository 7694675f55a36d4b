"""Encoding no more of texts than truncation leaves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TokenBatch

CHARACTERS = 8
"""A window rarely has more."""


def encode_heads(
    codebook: Codebook, texts: Sequence[str], size: int, num_threads: int
) -> tuple[Sequence[str], TokenBatch]:
    """Return heads of texts, and their ids, the first ``size`` of which are those of the texts.

    Whether a window ends depends on ``codebook.max_length`` bytes from its begin. If that many ids
    follow the first ``size``, these do not see the end of the head. A head of ``max_length`` bytes
    per id is always enough.

    Args:
        codebook: gives the ids.
        texts: the texts.
        size: ids of each text that are needed, at least 1.
        num_threads: threads that encode.
    """
    longest = codebook.max_length
    usual = CHARACTERS * (size + longest)
    heads = [text[:usual] for text in texts] if max(map(len, texts), default=0) > usual else texts
    batch = codebook.encode_batch(heads, num_threads=num_threads)
    if heads is texts:
        return texts, batch
    is_short = np.diff(batch.offsets) < size + longest
    if not any(len(texts[row]) > usual for row in np.flatnonzero(is_short).tolist()):
        return heads, batch
    ends = np.where(is_short, size * longest, usual).tolist()
    heads = [text[:end] for text, end in zip(texts, ends, strict=True)]
    return heads, codebook.encode_batch(heads, num_threads=num_threads)
