"""Ids of a column of Arrow strings, with nothing made for each text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqinfo.common.batch import TokenBatch, flat_texts
from eqinfo.tokenizer.plain_call import PlainCalls


def encode_column(
    column: Any,
    calls: PlainCalls | None,
    encode: Callable[[list[str]], Sequence[Sequence[int]]],
    num_threads: int,
) -> Any:
    """Return the ids of a column as a ``pyarrow.LargeListArray`` of int32.

    Args:
        column: Arrow strings.
        calls: what plain calls need; None if there are no such calls.
        encode: returns the ids of texts; called if there are no plain calls, or added tokens in the
            texts.
        num_threads: threads for plain calls.

    Raises:
        TypeError, ValueError, UnsupportedError: as for `flat_texts`.
    """
    import pyarrow as pa

    texts = flat_texts(column)
    assert texts is not None
    begin, end = texts.offsets[[0, -1]]  # the array may be a slice of a larger one
    # A token that only spans two texts is found, too; then ``encode`` just takes longer.
    if calls is not None and not calls.added.occur_in_bytes(texts.data[begin:end]):
        batch = calls.codebook.encode_batch(texts, num_threads=num_threads)
    else:
        arrays = [np.array(row, np.uint32) for row in encode([*texts])]
        batch = TokenBatch.concatenate(arrays, np.dtype(np.uint32), 1 << 32)
    ids = pa.array(batch.tokens.astype(np.int32))
    return pa.LargeListArray.from_arrays(pa.array(batch.offsets), ids)
