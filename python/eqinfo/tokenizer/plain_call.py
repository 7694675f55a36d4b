"""Calls of a tokenizer with nothing but texts, the commonest ones.

They return lists of ids, and make none of the objects that other calls need
(`eqinfo.tokenizer.native_call`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from eqinfo.codebook.table import Codebook
from eqinfo.tokenizer.batch_encoding import NativeBatchEncoding
from eqinfo.tokenizer.encoded_text import AddedTokens
from eqinfo.tokenizer.native_call import DEFAULTS, NativeCall, NativeTokenizer, template_of
from eqinfo.tokenizer.special import as_list
from tokenizers import Encoding

OPTIONS = frozenset(("add_special_tokens", "return_attention_mask"))
"""Options of calls that may be plain; there are no special tokens to add."""
NAMES = frozenset(("input_ids", "attention_mask"))
"""Fields that a plain call returns."""


def plain_call(
    tokenizer: NativeTokenizer, texts: object, options: Mapping[str, Any]
) -> NativeBatchEncoding | None:
    """Return what `NativeCall` returns, or None if the call is not a plain one.

    Args:
        tokenizer: the tokenizer that is called.
        texts: the first argument of the call.
        options: the others.
    """
    backend = tokenizer._backend
    names = tokenizer.model_input_names
    if (
        (options and not OPTIONS.issuperset(options))
        or not NAMES.issuperset(names)
        or backend.num_special_tokens_to_add(False) != 0
        or backend.normalizer is not None
    ):
        return None
    mask = options.get("return_attention_mask")
    if mask is None:
        mask = "attention_mask" in names
    if type(texts) is str:
        return _of_text(tokenizer, texts, mask)
    if type(texts) is list and set(map(type, texts)) == {str}:
        return _of_list(tokenizer, texts, mask)
    return None


def _of_text(tokenizer: NativeTokenizer, text: str, mask: bool) -> NativeBatchEncoding | None:
    added = tokenizer.added
    if added.occur_in(text):
        return None
    codebook, num_threads = tokenizer.codebook, tokenizer.num_threads
    ids = as_list(codebook.native.encode(text, False, num_threads))
    if len(ids) > tokenizer.model_max_length:
        tokenizer._eventual_warn_about_too_long_sequence(ids, None, True)
    data: dict[str, Any] = {"input_ids": ids}
    if mask:
        data["attention_mask"] = [1] * len(ids)
    encodings = partial(
        _encodings, codebook, added, (text,), tokenizer._backend.post_processor, num_threads
    )
    return NativeBatchEncoding.of_lists(data, encodings)


def _of_list(
    tokenizer: NativeTokenizer, texts: Sequence[str], mask: bool
) -> NativeBatchEncoding | None:
    added = tokenizer.added
    if added.occur_in_any(texts):
        return None
    codebook, num_threads = tokenizer.codebook, tokenizer.num_threads
    batch = codebook.encode_batch(texts, num_threads=num_threads)
    flat = as_list(batch.tokens)
    bounds = batch.offsets.tolist()
    rows = [flat[begin:end] for begin, end in pairwise(bounds)]
    if max(map(len, rows)) > tokenizer.model_max_length:
        for row in rows:
            tokenizer._eventual_warn_about_too_long_sequence(row, None, True)
    data: dict[str, Any] = {"input_ids": rows}
    if mask:
        data["attention_mask"] = [[1] * (end - begin) for begin, end in pairwise(bounds)]
    encodings = partial(
        _encodings, codebook, added, tuple(texts), tokenizer._backend.post_processor, num_threads
    )
    return NativeBatchEncoding.of_lists(data, encodings)


def _encodings(
    codebook: Codebook,
    added: AddedTokens,
    texts: tuple[str, ...],
    processor: Any,
    num_threads: int,
) -> list[Encoding]:
    """Return the encodings of a plain call, from all that decided it at that time."""
    call = NativeCall(
        codebook=codebook,
        added=added,
        texts=texts,
        option=DEFAULTS,
        names=(),
        size=None,
        truncation_side="right",
        template=template_of(processor, False),
        padding=None,
        num_threads=num_threads,
    )
    return call.encodings()
