"""What tokens look like: windows of a sentence, texts of a token, bits of characters.

Tables 7, 8 and 14, figure 9.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from eqinfo.codecs.windows import WindowCodec
from eqinfo.experiment.prediction import byte_bits
from eqinfo.experiment.tokenizations.base import Texts, Tokenization
from eqinfo.models.native_model import NativeModel


def sentence_pieces(tokenizations: Sequence[Tokenization], sentence: str) -> dict[str, list[str]]:
    """Return the pieces of a sentence by method, to be shown side by side (table 7)."""
    return {
        tokenization.name: [_shown(piece.text) for piece in tokenization.pieces(sentence)]
        for tokenization in tokenizations
    }


@dataclass(frozen=True)
class TokenTexts:
    """Windows that have one token at one place (tables 8 and 14).

    Attributes:
        position: of the token in the window, from 0.
        token: its id.
        windows: how many there were.
        distinct: how many different texts they have.
        prefix: what all of them begin with.
        texts: some of the most common ones.
    """

    position: int
    token: int
    windows: int
    distinct: int
    prefix: str
    texts: tuple[str, ...]


def texts_by_position(
    tokenization: Tokenization, texts: Texts, tokens: int = 4, examples: int = 6
) -> list[TokenTexts]:
    """Return what the most common tokens of every position stand for (tables 8 and 14).

    Args:
        tokenization: with windows of two tokens or more.
        texts: to look in.
        tokens: to show of every position.
        examples: texts of each.

    Raises:
        ValueError: it has no such windows.
    """
    if tokenization.window_tokens < 2:
        raise ValueError(f"{tokenization.name}: expected windows of two tokens or more")
    found: dict[tuple[int, int], Counter[bytes]] = defaultdict(Counter)
    for text in texts:
        for piece in tokenization.pieces(text):
            for place, token in enumerate(piece.ids):
                found[place, token][piece.text] += 1
    rows = []
    for position in range(tokenization.window_tokens):
        here = [(t, windows) for (place, t), windows in found.items() if place == position]
        here.sort(key=lambda item: (-item[1].total(), item[0]))
        for token, windows in here[:tokens]:
            prefix = _common_prefix(min(windows), max(windows))
            common = tuple(_shown(text) for text, _ in windows.most_common(examples))
            rows.append(
                TokenTexts(position, token, windows.total(), len(windows), _shown(prefix), common)
            )
    return rows


@dataclass(frozen=True)
class ByteBits:
    """Where the information of a byte lies (figure 9).

    Attributes:
        text: the byte.
        window: number of its window.
        first, last: bits of its window before it and behind it; what is behind the last byte of a
            window is spare.
    """

    text: str
    window: int
    first: float
    last: float


def bits_of_bytes(codec: WindowCodec, text: str) -> list[ByteBits]:
    """Return which bits of which window hold each byte (figure 9).

    Args:
        codec: of windows that decode on their own.
        text: a sentence.

    Raises:
        ValueError: the model is not reset at every window.
    """
    if codec.parameters.reset_every != 1:
        raise ValueError("expected windows that decode on their own")
    model = codec.model
    if isinstance(model, NativeModel):
        model = model.without_history()
    windows = [window.text for window in codec.windows(text) if window.text]
    return [
        ByteBits(_shown(data[place : place + 1]), number, last - cost, last)
        for number, (data, bits) in enumerate(zip(windows, byte_bits(model, windows), strict=True))
        for place, (cost, last) in enumerate(
            zip(bits.tolist(), accumulate(bits.tolist()), strict=True)
        )
    ]


def _common_prefix(a: bytes, b: bytes) -> bytes:
    alike = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    return a[:alike]


def _shown(data: bytes) -> str:
    """Return bytes as text; those of cut characters as escapes."""
    return data.decode("utf-8", "backslashreplace")
