"""Rows of tokens to what a model takes: special tokens around them, masks, padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqinfo.tokenizer.encoded_text import Array, Row


@dataclass(frozen=True)
class Frame:
    """What stands before and after the tokens of a text: ids and type ids of special tokens.

    Attributes:
        before: ids and type ids, shape (2, n).
        type_id: of the text.
        after: as ``before``.
    """

    before: Array
    type_id: int
    after: Array

    @classmethod
    def around(cls, encoding: Any) -> Frame:
        """Return the frame that a post-processor has put around an encoding of one token."""
        both = np.array([encoding.ids, encoding.type_ids], np.int64)
        at = encoding.special_tokens_mask.index(0)
        return cls(both[:, :at], int(both[1, at]), both[:, at + 1 :])

    def __len__(self) -> int:
        """Return the number of special tokens."""
        return int(self.before.shape[1] + self.after.shape[1])


@dataclass(frozen=True)
class Padding:
    """How rows are made as long as one another.

    Attributes:
        length: of the result in tokens; None for the longest row.
        multiple: the length is rounded up to a multiple of it; 0 for none.
        side: "right" or "left".
        id: of padding.
        type_id: of padding.
    """

    length: int | None
    multiple: int
    side: str
    id: int
    type_id: int

    def missing(self, lengths: Sequence[int]) -> list[tuple[int, int]]:
        """Return how many tokens of padding each row gets before and after."""
        target = max(lengths) if self.length is None else self.length
        if self.multiple:
            target += -target % self.multiple
        counts = [max(0, target - length) for length in lengths]
        return [(0, count) if self.side == "right" else (count, 0) for count in counts]


def column(
    name: str, row: Row, missing: tuple[int, int], frame: Frame, padding: Padding | None
) -> Array:
    """Return what the ``tokenizers`` library says of a row, by its name there.

    Args:
        name: "input_ids", "token_type_ids", "attention_mask", "special_tokens_mask" or
            "offset_mapping"; the last needs the row's spans.
        row: tokens of a text.
        missing: tokens of padding before and after.
        frame: what stands around the tokens.
        padding: its ids; None where nothing is missing.

    Returns:
        shape (n,), or (n, 2) for "offset_mapping".

    Raises:
        KeyError: another name.
    """
    pad_id, pad_type_id = (padding.id, padding.type_id) if padding else (0, 0)
    before, content, after, pad = {
        "input_ids": (frame.before[0], row.ids, frame.after[0], pad_id),
        "token_type_ids": (frame.before[1], frame.type_id, frame.after[1], pad_type_id),
        "attention_mask": (1, 1, 1, 0),
        "special_tokens_mask": (1, 0, 1, 1),
        "offset_mapping": (0, row.spans, 0, 0),
    }[name]
    begin = missing[0] + frame.before.shape[1]
    end = begin + len(row.ids)
    rest = end + frame.after.shape[1]
    pairs = (2,) if name == "offset_mapping" else ()
    result = np.full((rest + missing[1], *pairs), pad, np.int64)
    result[missing[0] : begin] = before
    result[begin:end] = content
    result[end:rest] = after
    return result
