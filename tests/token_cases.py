"""Codecs and files for the tests of token files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import eqinfo
from eqinfo import ArithmeticCodec, Codebook, CodebookCodec, WindowCodec
from golden_model import golden_model

GOLDEN_FOLDER = Path(__file__).parent / "golden" / "v1"


@cache
def golden_table() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the texts, tokens and errors of the golden files."""
    table: dict[str, dict[str, dict[str, Any]]] = json.loads(
        (GOLDEN_FOLDER / "tokens.json").read_text()
    )
    return table


def small_codebook() -> Codebook:
    """Return the golden codebook of 12 bits."""
    return Codebook.load(GOLDEN_FOLDER / "codebook.safetensors")


CODECS: dict[str, Callable[[], Any]] = {
    "en": lambda: Codebook.bundled("en"),
    "en-dense": lambda: eqinfo.window_codec("en-dense"),
    "codebook": small_codebook,
    "packed": lambda: CodebookCodec(small_codebook(), 7),
    "windows": lambda: WindowCodec(golden_model(), 24, 16),
    "windows-en": lambda: eqinfo.window_codec("en", window_bits=32),
    "arithmetic": lambda: ArithmeticCodec(golden_model(), 8),
    "arithmetic-check": lambda: ArithmeticCodec(golden_model(), check_bits=32),
    "arithmetic-check-en": lambda: ArithmeticCodec(eqinfo.models.load("en"), 8, check_bits=12),
}
BUNDLED = ("en", "en-dense", "windows-en", "arithmetic-check-en")


def saved(tokens: Any, codec: Any) -> bytes:
    """Return the bytes of a token file."""
    file = io.BytesIO()
    eqinfo.save_tokens(file, tokens, codec)
    return file.getvalue()


def encoded(text: bytes, name: str = "en") -> bytes:
    """Return the token file that `eqinfo encode` makes of a text."""
    codebook = Codebook.bundled(name)
    return saved(codebook.encode(text), codebook)


@cache
def golden_codec(name: str) -> Any:
    """Return the codec of a golden file."""
    return CODECS[name]()
