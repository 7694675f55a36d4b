"""Calls of a tokenizer that the native codebook answers: single texts, with any truncation,
padding, special tokens and masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy

from eqinfo.codebook.table import Codebook
from eqinfo.common.byte_alphabet import spell
from eqinfo.common.integers import check_bits
from eqinfo.tokenizer.encoded_text import (
    AddedTokens,
    Array,
    EncodedTexts,
    encode_texts,
    truncation_parts,
)
from eqinfo.tokenizer.fields import (
    Padding,
    Sequences,
    Template,
    checked_side,
    encoding_of,
    encoding_states,
    rows_of,
)
from tokenizers import Encoding, Tokenizer, models

BACKEND_OPTIONS = ("is_split_into_words", "sanitize_control_tokens")
"""Options of a call that only the backend implements."""
DEFAULTS: Mapping[str, Any] = {
    "add_special_tokens": True,
    "padding_strategy": PaddingStrategy.DO_NOT_PAD,
    "truncation_strategy": TruncationStrategy.DO_NOT_TRUNCATE,
    "max_length": None,
    "stride": 0,
    "pad_to_multiple_of": None,
    "padding_side": None,
    "return_token_type_ids": None,
    "return_attention_mask": None,
    "return_overflowing_tokens": False,
    "return_special_tokens_mask": False,
    "return_offsets_mapping": False,
    "return_length": False,
}
"""The other options that `NativeCall` takes, with their defaults in ``transformers``."""


class NativeTokenizer(Protocol):
    """What a call needs of a tokenizer: the codebook, and settings named as in ``transformers``.

    Attributes:
        codebook: gives the ids of plain text.
        num_threads: threads that encode; the ids do not depend on it.
        added: the added tokens.
        model_input_names: the fields that are returned by default.
        split_special_tokens: whether special tokens in a text are encoded as plain text.
        truncation_side: "right" or "left".
        padding_side: "right" or "left".
        pad_token: content of the padding token.
        pad_token_id: id of the padding token.
        pad_token_type_id: type id of the padding token.
        model_max_length: tokens of a sequence beyond which the tokenizer warns.
    """

    codebook: Codebook
    num_threads: int
    model_input_names: Any
    split_special_tokens: bool
    truncation_side: str
    padding_side: str
    pad_token: Any
    pad_token_type_id: int
    model_max_length: Any

    _backend: Tokenizer  # with the normalizer and the post-processor

    @property
    def added(self) -> AddedTokens: ...  # noqa: D102

    @property
    def pad_token_id(self) -> int: ...  # noqa: D102

    def _eventual_warn_about_too_long_sequence(
        self, ids: list[int], max_length: int | None, verbose: bool
    ) -> None: ...


@dataclass(frozen=True)
class NativeCall:
    """A call of a tokenizer that the native codebook answers, with all that decides the result.

    Nothing in it changes when the tokenizer does, so `encodings` agrees with `fields` whenever it
    is called.

    Attributes:
        codebook: gives the ids of plain text.
        added: the added tokens.
        texts: the texts to encode.
        option: the options of ``_encode_plus`` in ``transformers``, complete.
        names: the fields to return.
        size: how many tokens of a text fit into a sequence; None for any number.
        truncation_side: "right" or "left".
        template: the special tokens around each text.
        padding: how sequences are padded; None for no padding.
        num_threads: threads that encode.
    """

    codebook: Codebook
    added: AddedTokens
    texts: tuple[str, ...]
    option: Mapping[str, Any]
    names: tuple[str, ...]
    size: int | None
    truncation_side: str
    template: Template
    padding: Padding | None
    num_threads: int

    @classmethod
    def of(
        cls, tokenizer: NativeTokenizer, texts: Sequence[Any], options: Mapping[str, Any]
    ) -> NativeCall | None:
        """Return the call, or None if only the backend can answer it.

        Args:
            tokenizer: the tokenizer that is called.
            texts: what the caller passed; anything but a list of str is left to the backend.
            options: the options of ``_encode_plus`` in ``transformers``.

        Raises:
            TypeError: a max_length, stride or pad_to_multiple_of that is not an integer.
            ValueError: one that is negative, or a max_length that leaves no room beside the special
                tokens and the stride.
        """
        added = _added_tokens(tokenizer, texts, options)
        option = {**DEFAULTS, **options}
        template = _template(tokenizer, option["add_special_tokens"])
        size = _room(option, template)
        if added is None or size == 0:
            return None
        if size is not None:
            checked_side("truncation_side", tokenizer.truncation_side)
        return cls(
            codebook=tokenizer.codebook,
            added=added,
            texts=tuple(texts),
            option=option,
            names=tuple(_field_names(tokenizer, option)),
            size=size,
            truncation_side=tokenizer.truncation_side,
            template=template,
            padding=_padding(tokenizer, option),
            num_threads=tokenizer.num_threads,
        )

    def fields(self, *, as_lists: bool) -> dict[str, Any]:
        """Return the fields of a ``BatchEncoding`` by name.

        Args:
            as_lists: whether each field is a list of lists. Otherwise it is an array, int64, shape
                (sequences, n) or (sequences, n, 2), or a list of arrays if these differ in length.
        """
        with_overflow = self.option["return_overflowing_tokens"]
        needs_begins_only = self.truncation_side == "right" and not with_overflow
        texts = self._encoded(
            size=self.size if needs_begins_only else None,
            with_spans="offset_mapping" in self.names,
        )
        sequences, samples = self._sequences(texts, with_overflow=with_overflow)
        fields: dict[str, Any] = {}
        for name in self.names:
            values = sequences.field(name)
            if as_lists:
                fields[name] = rows_of(self.codebook, values, sequences.offsets)
            else:
                fields[name] = _matrix(values, sequences.offsets)
        if self.option["return_length"]:
            fields["length"] = np.diff(sequences.offsets).tolist()
        if with_overflow:
            fields["overflow_to_sample_mapping"] = samples.tolist()
        return fields

    def encodings(self) -> list[Encoding]:
        """Return the ``encodings`` of a ``BatchEncoding``, as the backend makes them."""
        texts = self._encoded(with_words=True)
        sequences, samples = self._sequences(texts, with_overflow=True)
        states = encoding_states(sequences, self._content, self.codebook)
        encodings = []
        for begin, end in pairwise(np.searchsorted(samples, range(len(self.texts) + 1)).tolist()):
            first = {**states[begin], "overflowing": states[begin + 1 : end]}
            rest = states[begin + 1 : end] if self.option["return_overflowing_tokens"] else []
            encodings += [encoding_of(state) for state in (first, *rest)]
        return encodings

    def _encoded(
        self, *, size: int | None = None, with_spans: bool = False, with_words: bool = False
    ) -> EncodedTexts:
        return encode_texts(
            self.codebook,
            self.added,
            self.texts,
            size=size,
            with_spans=with_spans,
            with_words=with_words,
            num_threads=self.num_threads,
        )

    def _sequences(self, texts: EncodedTexts, *, with_overflow: bool) -> tuple[Sequences, Array]:
        """Return the sequences of all texts, and the text that each is of.

        Of every text the kept part comes first, then the overflow.
        """
        begins, ends = texts.offsets[:-1], texts.offsets[1:]
        samples = np.arange(len(begins))
        if self.size is not None and with_overflow:
            cuts = [
                truncation_parts(length, self.size, self.option["stride"], self.truncation_side)
                for length in (ends - begins).tolist()
            ]
            samples = np.repeat(samples, [*map(len, cuts)])
            parts = np.array([part for of_text in cuts for part in of_text], np.int64)
            begins, ends = begins[samples] + parts.reshape(-1, 2).T
        elif self.size is not None and self.truncation_side == "right":
            ends = np.minimum(ends, begins + self.size)
        elif self.size is not None:
            begins = np.maximum(begins, ends - self.size)
        return Sequences.of(texts, begins, ends, self.template, self.padding), samples

    def _content(self, index: int) -> str:
        """Return the content of the token of an id."""
        contents = self.added.contents
        return contents[index] if index in contents else spell(self.codebook[index])


def _matrix(values: NDArray[Any], offsets: Array) -> Any:
    """Return the sequences of a field as the rows of one array, int64, if they are equally long."""
    values = values.astype(np.int64)
    count = len(offsets) - 1
    if len(set(np.diff(offsets).tolist())) == 1:
        return values.reshape(count, -1, *values.shape[1:])
    return np.split(values, offsets[1:-1]) if count else []


def _added_tokens(
    tokenizer: NativeTokenizer, texts: Sequence[Any], options: Mapping[str, Any]
) -> AddedTokens | None:
    """Return the tokens at which texts are split; None if the call must go to the backend."""
    if (
        not texts
        or not all(isinstance(text, str) for text in texts)
        or any(options.get(name) for name in BACKEND_OPTIONS)
        or options.get("truncation_strategy") == TruncationStrategy.ONLY_SECOND
        or tokenizer._backend.normalizer is not None
    ):
        return None
    added = tokenizer.added
    split_special = options.get("split_special_tokens")
    if split_special is None:
        split_special = tokenizer.split_special_tokens
    plain = not split_special and added.cuts_only_itself
    return added if plain or not any(map(added.occur_in, texts)) else None


def _field_names(tokenizer: NativeTokenizer, option: Mapping[str, Any]) -> list[str]:
    wanted = {
        "input_ids": True,
        "token_type_ids": option["return_token_type_ids"],
        "attention_mask": option["return_attention_mask"],
        "special_tokens_mask": option["return_special_tokens_mask"],
        "offset_mapping": option["return_offsets_mapping"],
    }
    default = tokenizer.model_input_names
    return [name for name, want in wanted.items() if (name in default if want is None else want)]


def _room(option: Mapping[str, Any], template: Template) -> int | None:
    """Return how many tokens of a text fit into a sequence; None for any number."""
    if option["truncation_strategy"] == TruncationStrategy.DO_NOT_TRUNCATE:
        return None
    length, stride = check_bits(63, max_length=option["max_length"], stride=option["stride"])
    room = length - len(template)
    if room < 0 or 0 < room <= stride:
        raise ValueError(
            f"expected a max_length of more than {len(template) + stride}, for "
            f"{len(template)} special tokens and a stride of {stride}, found {length}"
        )
    return room


def _template(tokenizer: NativeTokenizer, add_special_tokens: bool) -> Template:
    return template_of(tokenizer._backend.post_processor, add_special_tokens)


def template_of(processor: Any, add_special_tokens: bool) -> Template:
    """Return what a post-processor, or None, puts around a text."""
    encoding = _one_token()
    if processor is not None:
        encoding = processor.process(encoding, None, add_special_tokens)
    return Template.around(encoding)


@cache
def _one_token() -> Any:
    """Return an encoding of one token, which shows where a post-processor puts special tokens."""
    return Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).encode("a")


def _padding(tokenizer: NativeTokenizer, option: Mapping[str, Any]) -> Padding | None:
    strategy = option["padding_strategy"]
    if strategy == PaddingStrategy.DO_NOT_PAD:
        return None
    side = checked_side("padding_side", option["padding_side"] or tokenizer.padding_side)
    (multiple,) = check_bits(63, pad_to_multiple_of=option["pad_to_multiple_of"] or 0)
    length = None
    if strategy == PaddingStrategy.MAX_LENGTH:
        (length,) = check_bits(63, max_length=option["max_length"])
    return Padding(
        length=length,
        multiple=multiple,
        side=side,
        id=tokenizer.pad_token_id,
        type_id=tokenizer.pad_token_type_id,
        token=str(tokenizer.pad_token),
    )
