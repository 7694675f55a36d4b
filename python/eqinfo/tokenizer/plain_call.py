"""Calls of a tokenizer with nothing but texts, and perhaps truncation: the commonest ones.

They return lists of ids, and make none of the objects that other calls need
(`eqinfo.tokenizer.native_call`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from transformers.tokenization_utils_base import LARGE_INTEGER

from eqinfo.codebook.table import Codebook
from eqinfo.tokenizer.batch_encoding import NativeBatchEncoding
from eqinfo.tokenizer.encoded_text import AddedTokens
from eqinfo.tokenizer.fields import Template, checked_side
from eqinfo.tokenizer.heads import encode_heads
from eqinfo.tokenizer.native_call import DEFAULTS, NativeCall, NativeTokenizer, template_of
from tokenizers import Encoding, Tokenizer

OPTIONS = frozenset(("add_special_tokens", "return_attention_mask", "truncation", "max_length"))
"""Options of calls that may be plain; there are no special tokens to add."""
SHORT = 4096
"""Characters that are encoded whole even if truncation leaves only a few tokens."""
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

    def encodings(
        self, texts: tuple[str, ...], size: int | None, side: str, num_threads: int
    ) -> list[Encoding]:
        """Return the encodings of a plain call."""
        call = NativeCall(
            codebook=self.codebook,
            added=self.added,
            texts=texts,
            option=DEFAULTS,
            names=(),
            size=size,
            truncation_side=side,
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
    size = _size(tokenizer, options) if options else None
    if size is not None and (type(size) is not int or size < 1):
        return None
    if type(texts) is str and (size is None or len(texts) <= SHORT):
        return _of_text(tokenizer, calls, texts, mask, size)
    if type(texts) is str:
        batch = _of_list(tokenizer, calls, [texts], mask, size)
        if batch is not None:
            batch.data = {name: rows[0] for name, rows in batch.data.items()}
        return batch
    if type(texts) is list and set(map(type, texts)) == {str}:
        return _of_list(tokenizer, calls, texts, mask, size)
    return None


def _size(tokenizer: PlainTokenizer, options: Mapping[str, Any]) -> Any:
    """Return how many tokens of a text a call takes; None for all, 0 if this is not for us."""
    if "truncation" not in options and "max_length" not in options:
        return None
    if options.get("truncation") is not True:
        return 0
    size = options.get("max_length")
    if size is None and tokenizer.model_max_length <= LARGE_INTEGER:
        return tokenizer.model_max_length
    return size


def _of_text(
    tokenizer: PlainTokenizer, calls: PlainCalls, text: str, mask: bool, size: int | None
) -> NativeBatchEncoding | None:
    for prefix in calls.prefixes:
        if prefix in text and calls.added.occur_in(text):
            return None
    num_threads, side = tokenizer.num_threads, tokenizer.truncation_side
    ids = calls.codebook.encode_as_list(text, num_threads=num_threads)
    if size is not None:
        checked_side("truncation_side", side)
        ids = ids[:size] if side == "right" else ids[-size:]
    elif len(ids) > tokenizer.model_max_length:
        tokenizer._eventual_warn_about_too_long_sequence(ids, None, True)
    data: dict[str, Any] = {"input_ids": ids}
    if mask:
        data["attention_mask"] = [1] * len(ids)
    return NativeBatchEncoding.of_lists(data, calls.encodings, (text,), size, side, num_threads)


def _of_list(
    tokenizer: PlainTokenizer,
    calls: PlainCalls,
    texts: Sequence[str],
    mask: bool,
    size: int | None,
) -> NativeBatchEncoding | None:
    if calls.added.occur_in_any(texts):
        return None
    num_threads, side = tokenizer.num_threads, tokenizer.truncation_side
    if size is not None:
        checked_side("truncation_side", side)
    rows = _rows(calls.codebook, texts, size, side, num_threads)
    lengths = [*map(len, rows)]
    if size is None and max(lengths) > tokenizer.model_max_length:
        for row in rows:
            tokenizer._eventual_warn_about_too_long_sequence(row, None, True)
    data: dict[str, Any] = {"input_ids": rows}
    if mask:
        data["attention_mask"] = [[1] * length for length in lengths]
    return NativeBatchEncoding.of_lists(
        data, calls.encodings, tuple(texts), size, side, num_threads
    )


def _rows(
    codebook: Codebook, texts: Sequence[str], size: int | None, side: str, num_threads: int
) -> list[list[int]]:
    """Return the ids of texts, at most ``size`` of each."""
    if size is None:
        return codebook.lists(codebook.encode_batch(texts, num_threads=num_threads))
    if side != "right":
        rows = codebook.lists(codebook.encode_batch(texts, num_threads=num_threads))
        return [row[-size:] for row in rows]
    _, batch = encode_heads(codebook, texts, size, num_threads)
    return codebook.lists(batch, size)
