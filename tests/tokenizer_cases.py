"""Tokenizers for transformers, with and without the native path, for several test files.

Import it after `pytest.importorskip("transformers")`.
"""

from __future__ import annotations

from functools import cache

import transformers

from codebook_cases import TEXT, from_strings, tables
from eqinfo.codebook import Codebook
from eqinfo.tokenizer import END_OF_TEXT, EqinfoTokenizer, from_codebook

CHAT = (
    "{% for m in messages %}<|begin|>{{ m.role }}\n{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|begin|>assistant\n{% endif %}"
)
PIECES = ["the ", "Alice", "<|begin|>", "<|end|>", "<|be", "<|end|>x", END_OF_TEXT, "newword"]
PIECES += ["word", "strip", " ", "\r\n", "é", "漢字", "🙂", "e\u0301", "\0"]


@cache
def codebook() -> Codebook:
    return Codebook.fit(TEXT, 10)


def make(kind: str) -> EqinfoTokenizer:
    sparse = kind == "sparse"
    tokenizer = from_codebook(from_strings(tables()["sparse prose"]) if sparse else codebook())
    if kind != "plain":
        tokenizer.add_special_tokens({"extra_special_tokens": ["<|begin|>", "<|end|>", "<|be"]})
        tokenizer.add_tokens(["newword", "word", "<|end|>x"])
    if kind == "framed":
        tokenizer.bos_token = "<|begin|>"
        tokenizer.add_bos_token = tokenizer.add_eos_token = True
    if kind == "stripping":
        strip = transformers.AddedToken("strip", lstrip=True, rstrip=True)
        tokenizer.add_tokens([strip, transformers.AddedToken("single", single_word=True)])
    return tokenizer


KINDS = ("plain", "added", "framed", "stripping", "sparse")


@cache
def pair(kind: str) -> tuple[EqinfoTokenizer, EqinfoTokenizer]:
    """Return a tokenizer with the native path, and one without."""
    backend = make(kind)
    backend.native = False
    return make(kind), backend
