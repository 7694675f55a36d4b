"""Calls of a tokenizer with nothing but texts, the commonest ones.

They return lists of ids, and make none of the objects that other calls need
(`eqinfo.tokenizer.native_call`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eqinfo.codebook.table import Codebook
from eqinfo.tokenizer.batch_encoding import NativeBatchEncoding
from eqinfo.tokenizer.encoded_text import AddedTokens
from eqinfo.tokenizer.fields import Template
from eqinfo.tokenizer.native_call import DEFAULTS, NativeCall, NativeTokenizer, template_of
from tokenizers import Encoding, Tokenizer

OPTIONS = frozenset(("add_special_tokens", "return_attention_mask"))
"""Options of calls that may be plain; there are no special tokens to add."""
NAMES = ["input_ids", "attention_mask"]
"""Fields that a plain call returns, in the usual order."""


@dataclass(frozen=True)
class PlainCalls:
    """What plain calls need to know of a tokenizer, looked up once.

    Attributes:
        codebook: gives the ids of texts.
        added: the added tokens.
        prefixes: a text with none of these strings has no added token either.
        template: what the post-processor puts around a text: type ids, but no tokens.
    """

    codebook: Codebook
    added: AddedTokens
    prefixes: tuple[str, ...]
    template: Template

    @classmethod
    def of(cls, codebook: Codebook, added: AddedTokens, backend: Tokenizer) -> PlainCalls | None:
        """Return what plain calls need, or None where the backend adds tokens or changes texts."""
        if backend.num_special_tokens_to_add(False) != 0 or backend.normalizer is not None:
            return None
        prefixes = tuple(finder.prefix for finder in added.phases)
        return cls(codebook, added, prefixes, template_of(backend.post_processor, False))

    def encodings(self, texts: tuple[str, ...], num_threads: int) -> list[Encoding]:
        """Return the encodings of a plain call."""
        call = NativeCall(
            codebook=self.codebook,
            added=self.added,
            texts=texts,
            option=DEFAULTS,
            names=(),
            size=None,
            truncation_side="right",
            template=self.template,
            padding=None,
            num_threads=num_threads,
        )
        return call.encodings()


class PlainTokenizer(NativeTokenizer, Protocol):
    """A tokenizer that keeps what plain calls need."""

    def plain_calls(self) -> PlainCalls | None: ...  # noqa: D102


def plain_call(
    tokenizer: PlainTokenizer, texts: object, options: Mapping[str, Any]
) -> NativeBatchEncoding | None:
    """Return what `NativeCall` returns, or None if the call is not a plain one.

    Args:
        tokenizer: the tokenizer that is called.
        texts: the first argument of the call.
        options: the others.
    """
    calls = tokenizer.plain_calls()
    names = tokenizer.model_input_names
    if (
        calls is None
        or (options and not OPTIONS.issuperset(options))
        or (names != NAMES and not set(NAMES).issuperset(names))
    ):
        return None
    mask = options.get("return_attention_mask")
    if mask is None:
        mask = "attention_mask" in names
    if type(texts) is str:
        return _of_text(tokenizer, calls, texts, mask)
    if type(texts) is list and set(map(type, texts)) == {str}:
        return _of_list(tokenizer, calls, texts, mask)
    return None


def _of_text(
    tokenizer: PlainTokenizer, calls: PlainCalls, text: str, mask: bool
) -> NativeBatchEncoding | None:
    for prefix in calls.prefixes:
        if prefix in text and calls.added.occur_in(text):
            return None
    num_threads = tokenizer.num_threads
    ids = calls.codebook.encode_as_list(text, num_threads=num_threads)
    if len(ids) > tokenizer.model_max_length:
        tokenizer._eventual_warn_about_too_long_sequence(ids, None, True)
    data: dict[str, Any] = {"input_ids": ids}
    if mask:
        data["attention_mask"] = [1] * len(ids)
    return NativeBatchEncoding.of_lists(data, calls.encodings, (text,), num_threads)


def _of_list(
    tokenizer: PlainTokenizer, calls: PlainCalls, texts: Sequence[str], mask: bool
) -> NativeBatchEncoding | None:
    if calls.added.occur_in_any(texts):
        return None
    num_threads = tokenizer.num_threads
    rows = calls.codebook.lists(calls.codebook.encode_batch(texts, num_threads=num_threads))
    lengths = [*map(len, rows)]
    if max(lengths) > tokenizer.model_max_length:
        for row in rows:
            tokenizer._eventual_warn_about_too_long_sequence(row, None, True)
    data: dict[str, Any] = {"input_ids": rows}
    if mask:
        data["attention_mask"] = [[1] * length for length in lengths]
    return NativeBatchEncoding.of_lists(data, calls.encodings, tuple(texts), num_threads)
