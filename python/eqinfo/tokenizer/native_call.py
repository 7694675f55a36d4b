"""A call of a tokenizer, answered by the native codebook: single texts, with any truncation,
padding, special tokens and masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy

from eqinfo.tokenizer.encoded_text import AddedTokens, encode_texts, windows
from eqinfo.tokenizer.fields import Frame, Padding, column
from tokenizers import Tokenizer, models

if TYPE_CHECKING:
    from eqinfo.tokenizer.hugging_face import EqinfoTokenizer

BACKEND_OPTIONS = ("is_split_into_words", "sanitize_control_tokens")
"""Options of a call that are the backend's."""
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
"""What `encode_columns` understands besides, as in ``transformers``."""


def encode_columns(
    tokenizer: EqinfoTokenizer, texts: list[Any], options: Mapping[str, Any]
) -> dict[str, list[Any]] | None:
    """Return the columns of ``BatchEncoding``, a list of arrays each; None: ask the backend.

    Args:
        tokenizer: whose codebook, added tokens and settings count.
        texts: what is to be a list of str.
        options: of ``_encode_plus`` in ``transformers``.

    Raises:
        ValueError: truncation to no more than the special tokens and the stride.
    """
    added = _added_tokens(tokenizer, texts, options)
    option = {**DEFAULTS, **options}
    frame = _frame(tokenizer, option["add_special_tokens"])
    size = _room(option, frame)
    if added is None or size == 0:
        return None
    columns: dict[str, list[Any]] = {name: [] for name in _wanted(tokenizer, option)}
    rows, samples = [], []
    encoded = encode_texts(
        tokenizer.codebook,
        added,
        texts,
        with_spans="offset_mapping" in columns,
        num_threads=tokenizer.num_threads,
    )
    for sample, row in enumerate(encoded):
        parts = windows(len(row.ids), size, option["stride"], tokenizer.truncation_side)
        for begin, end in parts if option["return_overflowing_tokens"] else parts[:1]:
            rows.append(row[begin:end])
            samples.append(sample)
    padding = _padding(tokenizer, option)
    lengths = [len(row.ids) + len(frame) for row in rows]
    missing = padding.missing(lengths) if padding else [(0, 0)] * len(rows)
    for name, arrays in columns.items():
        arrays += [column(name, *of, frame, padding) for of in zip(rows, missing, strict=True)]
    if option["return_length"]:
        columns["length"] = [n + sum(pads) for n, pads in zip(lengths, missing, strict=True)]
    if option["return_overflowing_tokens"]:
        columns["overflow_to_sample_mapping"] = samples
    return columns


def as_lists(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return columns with a list in place of every array."""
    return {
        name: [list(zip(*array.T.tolist(), strict=True)) for array in arrays]
        if name == "offset_mapping"
        else [value if isinstance(value, int) else value.tolist() for value in arrays]
        for name, arrays in columns.items()
    }


def _added_tokens(
    tokenizer: EqinfoTokenizer, texts: list[Any], options: Mapping[str, Any]
) -> AddedTokens | None:
    """Return what texts are split at; None where that, or another option, is the backend's."""
    if (
        not texts
        or not all(isinstance(text, str) for text in texts)
        or any(options.get(name) for name in BACKEND_OPTIONS)
        or options.get("truncation_strategy") == TruncationStrategy.ONLY_SECOND
        or tokenizer.backend_tokenizer.normalizer is not None
    ):
        return None
    tokens = tokenizer.backend_tokenizer.get_added_tokens_decoder()
    added = AddedTokens.of(
        {token.content: index for index, token in tokens.items()},
        [[t.content for t in tokens.values() if t.normalized == last] for last in (False, True)],
    )
    split_special = options.get("split_special_tokens")
    if split_special is None:
        split_special = tokenizer.split_special_tokens
    plain = not split_special and not any(
        token.lstrip or token.rstrip or token.single_word for token in tokens.values()
    )
    return added if plain or not any(map(added.occur_in, texts)) else None


def _wanted(tokenizer: EqinfoTokenizer, option: Mapping[str, Any]) -> list[str]:
    wanted = {
        "input_ids": True,
        "token_type_ids": option["return_token_type_ids"],
        "attention_mask": option["return_attention_mask"],
        "special_tokens_mask": option["return_special_tokens_mask"],
        "offset_mapping": option["return_offsets_mapping"],
    }
    default = tokenizer.model_input_names
    return [name for name, want in wanted.items() if (name in default if want is None else want)]


def _room(option: Mapping[str, Any], frame: Frame) -> int | None:
    """Return how many tokens of a text a row may have; None for any number."""
    if option["truncation_strategy"] == TruncationStrategy.DO_NOT_TRUNCATE:
        return None
    room: int = option["max_length"] - len(frame)
    if room < 0 or 0 < room <= option["stride"]:
        raise ValueError(
            f"expected a max_length of more than {len(frame) + option['stride']}, for {len(frame)} "
            f"special tokens and a stride of {option['stride']}, found {option['max_length']}"
        )
    return room


def _frame(tokenizer: EqinfoTokenizer, add_special_tokens: bool) -> Frame:
    processor = tokenizer.backend_tokenizer.post_processor
    encoding = _one_token()
    if processor is not None:
        encoding = processor.process(encoding, None, add_special_tokens)
    return Frame.around(encoding)


@cache
def _one_token() -> Any:
    """Return an encoding that shows where a post-processor puts special tokens."""
    return Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).encode("a")


def _padding(tokenizer: EqinfoTokenizer, option: Mapping[str, Any]) -> Padding | None:
    strategy = option["padding_strategy"]
    if strategy == PaddingStrategy.DO_NOT_PAD:
        return None
    return Padding(
        length=option["max_length"] if strategy == PaddingStrategy.MAX_LENGTH else None,
        multiple=option["pad_to_multiple_of"] or 0,
        side=option["padding_side"] or tokenizer.padding_side,
        id=tokenizer.pad_token_id,
        type_id=tokenizer.pad_token_type_id,
    )
