"""The fields of a ``BatchEncoding``: ids and masks, with special tokens and padding; and the
``tokenizers.Encoding`` that holds all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TokenBatch
from eqinfo.tokenizer.encoded_text import Array, EncodedTexts
from tokenizers import Encoding


def checked_side(name: str, side: str) -> str:
    """Return a side of a text; raise ValueError for another word than "left" or "right"."""
    if side not in ("left", "right"):
        raise ValueError(f"expected a {name} of 'left' or 'right', found {side!r}")
    return side


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

    def missing(self, lengths: Array) -> tuple[Array, Array]:
        """Return how many tokens of padding each sequence needs before and after it."""
        target = int(lengths.max(initial=0)) if self.length is None else self.length
        if self.multiple:
            target += -target % self.multiple
        counts = np.maximum(target - lengths, 0)
        none = np.zeros_like(counts)
        return (none, counts) if self.side == "right" else (counts, none)


@dataclass(frozen=True)
class Sequences:
    """Parts of texts with special tokens and padding around them, in flat arrays.

    Attributes:
        texts: the tokens.
        begins: int64, shape (sequences,): where the tokens of each part begin in ``texts``.
        ends: int64, shape (sequences,): where they end.
        template: the special tokens around each part.
        padding: gives the padding; None for none.
        missing: int64, shape (sequences,) each: tokens of padding before and after each part.
    """

    texts: EncodedTexts
    begins: Array
    ends: Array
    template: Template
    padding: Padding | None
    missing: tuple[Array, Array]

    @classmethod
    def of(
        cls,
        texts: EncodedTexts,
        begins: Array,
        ends: Array,
        template: Template,
        padding: Padding | None,
    ) -> Sequences:
        """Return the sequences of some parts."""
        if padding is None:
            missing = (np.zeros_like(begins), np.zeros_like(begins))
        else:
            missing = padding.missing(ends - begins + len(template))
        return cls(texts, begins, ends, template, padding, missing)

    @cached_property
    def offsets(self) -> Array:
        """Where each sequence begins in a field, and where the last one ends: int64."""
        lengths = self.ends - self.begins + len(self.template) + sum(self.missing)
        return np.append(0, np.cumsum(lengths))

    @cached_property
    def _places(self) -> tuple[Array, Array]:
        """Where the tokens of the parts are in ``texts``, and in a field."""
        lengths = self.ends - self.begins
        first = self.offsets[:-1] + self.missing[0] + self.template.before.shape[1]
        index = np.arange(lengths.sum())
        before = np.cumsum(lengths) - lengths
        return (
            index + np.repeat(self.begins - before, lengths),
            index + np.repeat(first - before, lengths),
        )

    def field(self, name: str) -> NDArray[Any]:
        """Return the values of a field for all sequences, as the ``tokenizers`` library defines it.

        Args:
            name: "input_ids", "token_type_ids", "attention_mask", "special_tokens_mask" or
                "offset_mapping"; the last needs the spans of the texts.

        Returns:
            uint32, shape (n,), or int64, shape (n, 2), for "offset_mapping".

        Raises:
            KeyError: there is no such field.
        """
        template, padding = self.template, self.padding
        pad_id, pad_type_id = (padding.id, padding.type_id) if padding else (0, 0)
        before, content, after, pad = {
            "input_ids": (template.before[0], self.texts.ids, template.after[0], pad_id),
            "token_type_ids": (
                *(template.before[1], template.type_id, template.after[1]),
                pad_type_id,
            ),
            "attention_mask": (1, 1, 1, 0),
            "special_tokens_mask": (1, 0, 1, 1),
            "offset_mapping": (0, self.texts.spans, 0, 0),
        }[name]
        of_pairs = name == "offset_mapping"
        shape = (self.offsets[-1], *((2,) if of_pairs else ()))
        result = np.full(shape, pad, np.int64 if of_pairs else np.uint32)
        source, target = self._places
        result[target] = content[source] if isinstance(content, np.ndarray) else content
        first = self.offsets[:-1] + self.missing[0]
        _fill(result, first, before, template.before.shape[1])
        last = self.offsets[1:] - self.missing[1] - template.after.shape[1]
        _fill(result, last, after, template.after.shape[1])
        return result


def _fill(values: NDArray[Any], places: Array, tokens: Any, count: int) -> None:
    """Write the values of ``count`` special tokens at each of some places."""
    for i, value in enumerate(np.broadcast_to(tokens, count).tolist()):
        values[places + i] = value


def encoding_states(
    sequences: Sequences, contents: Callable[[int], str], codebook: Codebook
) -> list[dict[str, Any]]:
    """Return the states of ``tokenizers.Encoding`` of sequences, as `encoding_of` takes them.

    Args:
        sequences: the sequences; their texts have spans and words.
        contents: returns the content of the token of an id.
        codebook: makes lists.
    """
    fields = {
        name: rows_of(codebook, sequences.field(of), sequences.offsets)
        for name, of in {
            "ids": "input_ids",
            "type_ids": "token_type_ids",
            "offsets": "offset_mapping",
            "special_tokens_mask": "special_tokens_mask",
            "attention_mask": "attention_mask",
        }.items()
    }
    template, padding = sequences.template, sequences.padding
    texts = sequences.texts
    assert texts.words is not None
    states = []
    for i, (begin, end) in enumerate(zip(sequences.begins, sequences.ends, strict=True)):
        pads = [[padding.token if padding else ""] * int(count[i]) for count in sequences.missing]
        before = [*pads[0], *template.tokens[0]]
        after = [*template.tokens[1], *pads[1]]
        words = texts.words[begin:end]
        tokens = map(contents, texts.ids[begin:end].tolist())
        states.append(
            {
                **{name: rows[i] for name, rows in fields.items()},
                "tokens": [*before, *tokens, *after],
                "words": [*[None] * len(before), *words.tolist(), *[None] * len(after)],
                "overflowing": [],
                "sequence_ranges": {
                    "0": {"start": len(before), "end": len(before) + int(end - begin)}
                },
            }
        )
    return states


def rows_of(codebook: Codebook, values: NDArray[Any], offsets: Array) -> list[list[Any]]:
    """Return the values of a field as a list for each sequence; pairs become tuples."""
    if values.ndim == 1:
        return codebook.lists(TokenBatch(values, offsets))
    pairs = [*zip(*values.T.tolist(), strict=True)]
    return [pairs[begin:end] for begin, end in pairwise(offsets.tolist())]


def encoding_of(state: dict[str, Any]) -> Encoding:
    """Return the ``tokenizers.Encoding`` of a state: what its pickle holds, which is JSON."""
    encoding = Encoding()
    encoding.__setstate__(json.dumps(state).encode())
    return encoding
