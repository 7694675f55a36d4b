"""Examples of what tokens stand for (tables 7, 8 and 14, figure 9).

Pieces of a sentence, windows that share a token, and the bits that hold each byte.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from eqinfo.codecs.windows import WindowCodec
from eqinfo.experiment.tokenizations.base import Texts, Tokenization
from eqinfo.models.information import symbol_information
from eqinfo.models.native_model import NativeModel
from eqinfo.range_coder import as_symbols

__all__ = ["ByteSpan", "TokenWindows", "byte_spans", "sentence_pieces", "windows_by_token"]


def sentence_pieces(tokenizations: Sequence[Tokenization], sentence: str) -> dict[str, list[str]]:
    """Return the pieces of a sentence under each method, by the method's name (table 7)."""
    return {
        tokenization.name: [_printable(piece.text) for piece in tokenization.pieces(sentence)]
        for tokenization in tokenizations
    }


@dataclass(frozen=True)
class TokenWindows:
    """All windows that have a given token at a given position (tables 8 and 14).

    Attributes:
        position: of the token in its window, from 0.
        token: its id.
        windows: number of windows found.
        distinct: number of different texts among them.
        prefix: the longest text that all of them begin with.
        texts: the most common ones.
    """

    position: int
    token: int
    windows: int
    distinct: int
    prefix: str
    texts: tuple[str, ...]


def windows_by_token(
    tokenization: Tokenization, texts: Texts, tokens: int = 4, examples: int = 6
) -> list[TokenWindows]:
    """Return the windows of the most common tokens at every position (tables 8 and 14).

    Args:
        tokenization: with at least two tokens per window.
        texts: to search.
        tokens: number of tokens to return per position.
        examples: number of example texts per token.

    Raises:
        ValueError: the tokenization has no such windows.
    """
    if tokenization.window_tokens < 2:
        raise ValueError(
            f"{tokenization.name}: expected windows of at least two tokens, found "
            f"{tokenization.window_tokens or 'no windows'}"
        )
    found: dict[tuple[int, int], Counter[bytes]] = defaultdict(Counter)
    for text in texts:
        for piece in tokenization.pieces(text):
            for position, token in enumerate(piece.ids):
                found[position, token][piece.text] += 1
    most_common = []
    for position in range(tokenization.window_tokens):
        here = [(token, windows) for (at, token), windows in found.items() if at == position]
        here.sort(key=lambda item: (-item[1].total(), item[0]))
        for token, windows in here[:tokens]:
            prefix = _printable(_common_prefix(min(windows), max(windows)))
            common = tuple(_printable(text) for text, _ in windows.most_common(examples))
            most_common.append(
                TokenWindows(position, token, windows.total(), len(windows), prefix, common)
            )
    return most_common


@dataclass(frozen=True)
class ByteSpan:
    """The bits of a window that hold a byte (figure 9).

    Attributes:
        text: the byte.
        window: number of its window.
        first, last: where the byte begins and ends, in bits of information from the start of the
            window. Bits after the last byte of a window are spare.
    """

    text: str
    window: int
    first: float
    last: float


def byte_spans(codec: WindowCodec, text: str) -> list[ByteSpan]:
    """Return which bits of which window hold each byte (figure 9).

    Args:
        codec: its windows decode on their own.
        text: a sentence.

    Raises:
        ValueError: the model is not reset at every window.
    """
    if codec.parameters.reset_every != 1:
        raise ValueError(
            "expected windows that decode on their own (reset_every=1), found "
            f"reset_every={codec.parameters.reset_every}"
        )
    model = codec.model
    if isinstance(model, NativeModel):
        model = model.without_history()
    windows = [window.text for window in codec.windows(text) if window.text]
    spans = []
    information = symbol_information(model, [as_symbols(window) for window in windows])
    for number, (data, bits) in enumerate(zip(windows, information, strict=True)):
        ends = accumulate(bits.tolist())
        for position, (cost, end) in enumerate(zip(bits.tolist(), ends, strict=True)):
            byte = _printable(data[position : position + 1])
            spans.append(ByteSpan(byte, number, end - cost, end))
    return spans


def _common_prefix(a: bytes, b: bytes) -> bytes:
    length = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    return a[:length]


def _printable(data: bytes) -> str:
    """Return bytes as text, with escapes for the bytes of incomplete characters."""
    return data.decode("utf-8", "backslashreplace")
