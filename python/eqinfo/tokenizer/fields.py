"""The fields of a ``BatchEncoding``: ids and masks, with special tokens and padding; and the
``tokenizers.Encoding`` that holds all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqinfo.tokenizer.encoded_text import Array, EncodedText
from tokenizers import Encoding


@dataclass(frozen=True)
class Template:
    """The special tokens around the tokens of a text, and the type ids of all.

    Attributes:
        before: ids and type ids of the special tokens before the text: int64, shape (2, n).
        type_id: type id of the text's own tokens.
        after: those after the text, like ``before``.
        tokens: the contents of the special tokens before the text, and of those after it.
    """

    before: Array
    type_id: int
    after: Array
    tokens: tuple[list[str], list[str]]

    @classmethod
    def around(cls, encoding: Any) -> Template:
        """Return the template that a post-processor has applied to an encoding of one token."""
        both = np.array([encoding.ids, encoding.type_ids], np.int64)
        at = encoding.special_tokens_mask.index(0)
        tokens = (encoding.tokens[:at], encoding.tokens[at + 1 :])
        return cls(both[:, :at], int(both[1, at]), both[:, at + 1 :], tokens)

    def __len__(self) -> int:
        """Return the number of special tokens."""
        return int(self.before.shape[1] + self.after.shape[1])


@dataclass(frozen=True)
class Padding:
    """How sequences are padded to the same length.

    Attributes:
        length: length of the result in tokens; None for that of the longest sequence.
        multiple: the length is rounded up to a multiple of this; 0 for no rounding.
        side: "right" or "left".
        id: id of the padding token.
        type_id: type id of the padding token.
        token: content of the padding token.
    """

    length: int | None
    multiple: int
    side: str
    id: int
    type_id: int
    token: str

    def missing(self, lengths: Sequence[int]) -> list[tuple[int, int]]:
        """Return how many tokens of padding each sequence needs before and after it."""
        target = max(lengths) if self.length is None else self.length
        if self.multiple:
            target += -target % self.multiple
        counts = [max(0, target - length) for length in lengths]
        return [(0, count) if self.side == "right" else (count, 0) for count in counts]


def field(
    name: str,
    text: EncodedText,
    missing: tuple[int, int],
    template: Template,
    padding: Padding | None,
) -> Array:
    """Return the value of a field for one text, as the ``tokenizers`` library defines it.

    Args:
        name: "input_ids", "token_type_ids", "attention_mask", "special_tokens_mask" or
            "offset_mapping"; the last needs the spans of the text.
        text: the tokens.
        missing: tokens of padding before and after.
        template: the special tokens around the text.
        padding: gives the ids of padding; may be None if nothing is missing.

    Returns:
        int64, shape (n,), or (n, 2) for "offset_mapping".

    Raises:
        KeyError: there is no such field.
    """
    pad_id, pad_type_id = (padding.id, padding.type_id) if padding else (0, 0)
    before, content, after, pad = {
        "input_ids": (template.before[0], text.ids, template.after[0], pad_id),
        "token_type_ids": (template.before[1], template.type_id, template.after[1], pad_type_id),
        "attention_mask": (1, 1, 1, 0),
        "special_tokens_mask": (1, 0, 1, 1),
        "offset_mapping": (0, text.spans, 0, 0),
    }[name]
    begin = missing[0] + template.before.shape[1]
    end = begin + len(text.ids)
    rest = end + template.after.shape[1]
    pairs = (2,) if name == "offset_mapping" else ()
    result = np.full((rest + missing[1], *pairs), pad, np.int64)
    result[missing[0] : begin] = before
    result[begin:end] = content
    result[end:rest] = after
    return result


def encoding_state(
    text: EncodedText,
    tokens: Sequence[str],
    missing: tuple[int, int],
    template: Template,
    padding: Padding | None,
) -> dict[str, Any]:
    """Return the state of a ``tokenizers.Encoding``, as `encoding_of` takes it.

    Args:
        text: the tokens, with their spans and words.
        tokens: the contents of the tokens.
        missing: tokens of padding before and after.
        template: the special tokens around the text.
        padding: gives the padding token; may be None if nothing is missing.
    """
    pads = [[padding.token if padding else ""] * count for count in missing]
    before = [*pads[0], *template.tokens[0]]
    after = [*template.tokens[1], *pads[1]]
    words: list[int] = [] if text.words is None else text.words.tolist()

    def values(name: str) -> list[Any]:
        result: list[Any] = field(name, text, missing, template, padding).tolist()
        return result

    return {
        "ids": values("input_ids"),
        "type_ids": values("token_type_ids"),
        "tokens": [*before, *tokens, *after],
        "words": [*[None] * len(before), *words, *[None] * len(after)],
        "offsets": values("offset_mapping"),
        "special_tokens_mask": values("special_tokens_mask"),
        "attention_mask": values("attention_mask"),
        "overflowing": [],
        "sequence_ranges": {"0": {"start": len(before), "end": len(before) + len(tokens)}},
    }


def encoding_of(state: dict[str, Any]) -> Encoding:
    """Return the ``tokenizers.Encoding`` of a state: what its pickle holds, which is JSON."""
    encoding = Encoding()
    encoding.__setstate__(json.dumps(state).encode())
    return encoding
