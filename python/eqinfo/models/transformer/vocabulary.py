"""The vocabulary of a byte-level language model: the bytes of its symbols and its tokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eqinfo.common.byte_alphabet import unspell
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.models.vocabulary import Tokenize

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _bytes(use_regex: bool) -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def _sequence(first: dict[str, Any], use_regex: bool) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": [first, _bytes(use_regex)]}


def _split(digits: str) -> dict[str, Any]:
    pattern = {"Regex": _WORDS.replace("DIGITS", digits)}
    return {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}


# How each kind of llama.cpp's tokenizers cuts text into words.
_PRETOKENIZERS = {
    "gpt-2": _bytes(True),
    "llama-bpe": _sequence(_split("{1,3}"), False),
    "qwen2": _sequence(_split(""), False),
    "smollm": _sequence({"type": "Digits", "individual_digits": True}, True),
}


def byte_level_tokenizer(kind: str, tokens: Sequence[str], merges: Sequence[str]) -> str:
    """Return the JSON of a byte-level tokenizer for the package ``tokenizers``.

    Args:
        kind: llama.cpp's word for how text is cut into words.
        tokens: the spelling of every symbol.
        merges: pairs of spellings with a space between them, the first to be joined first.

    Raises:
        UnsupportedError: another kind; the message names it.
    """
    if kind not in _PRETOKENIZERS:
        raise UnsupportedError(
            f"expected a tokenizer of the kind {', '.join(_PRETOKENIZERS)}, found {kind!r}; "
            "import the model's Hugging Face folder, if there is one"
        )
    model = {
        "type": "BPE",
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": [merge.split(" ") for merge in merges],
    }
    words = _PRETOKENIZERS[kind]
    return json.dumps(
        {"version": "1.0", "pre_tokenizer": words, "decoder": _bytes(True), "model": model},
        ensure_ascii=False,
    )


def byte_level_pieces(tokens: Sequence[str], special: set[int]) -> list[bytes | None]:
    """Return the bytes of every symbol: those that it spells, or for ``special`` ones its name."""
    return [token.encode() if i in special else _unspelled(token) for i, token in enumerate(tokens)]


def _unspelled(token: str) -> bytes | None:
    try:
        return unspell(token)
    except KeyError:
        return None


def text_tokenizer(content: str) -> Tokenize:
    """Return what converts text to symbols; for no content, a conversion that gives none.

    Args:
        content: the JSON of a tokenizer of the package ``tokenizers``, or nothing.

    Raises:
        FormatError: the package cannot read it.
        UnsupportedError: the package is not installed.
    """
    if not content:
        return lambda text: []
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UnsupportedError(
            "expected the package tokenizers, which turns text into a transformer's symbols: "
            f"install it with pip install eqinfo[llm] ({error})"
        ) from None
    try:
        tokenizer = Tokenizer.from_str(content)
    except Exception as error:  # tokenizers raises nothing more special
        raise FormatError(f"expected the JSON of a tokenizer in the model: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return tokenize
