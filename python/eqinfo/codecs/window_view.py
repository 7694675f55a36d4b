"""The windows of a text, for people to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from eqinfo.common.display import shown_pieces, table_as_html, windows_as_html

_ROWS = 40  # windows in the table of a notebook; a table of thousands helps nobody


@dataclass(frozen=True)
class WindowView:
    """One window of a text, for people to look at.

    Attributes:
        text: the bytes of the window.
        codeword: below 2^window_bits.
        spare_bits: bits of information that the window still had room for.
        shortened: symbols that a padded or delayed window gave back to the next one.
        misread: True if the paper's decoder reads past the end of the window that the paper's
            encoder makes; only in padded windows.
    """

    text: bytes
    codeword: int
    spare_bits: float
    shortened: int = 0
    misread: bool = False

    def _repr_html_(self) -> str:
        """Return the window as a notebook shows it."""
        return WindowViews([self], max(1, self.codeword.bit_length()))._repr_html_()


class WindowViews(list[WindowView]):
    """The windows of one text, in order: a list that notebooks show in colour.

    Args:
        windows: every window of the text.
        window_bits: bits per window.
    """

    def __init__(self, windows: Iterable[WindowView], window_bits: int) -> None:
        super().__init__(windows)
        self.window_bits = window_bits

    def shown(self, keep: str = "") -> list[str]:
        """Return the text of every window with whole characters; see `display.shown_pieces`."""
        texts = [window.text for window in self]
        return shown_pieces(b"".join(texts), accumulate(map(len, texts)), keep)

    def _repr_html_(self) -> str:
        """Return the text with its windows in colour, and a table of the first windows."""
        pieces = self.shown()
        codewords = [f"{window.codeword:0{-(-self.window_bits // 4)}x}" for window in self]
        titles = [
            f"{codeword}, {window.spare_bits:.2f} bits spare"
            for codeword, window in zip(codewords, self, strict=True)
        ]
        rows = [
            (piece, str(len(window.text)), codeword, f"{window.spare_bits:.2f}")
            for piece, codeword, window in zip(pieces, codewords, self, strict=True)
        ]
        more = f"<p>and {len(rows) - _ROWS:,} more windows</p>" if len(rows) > _ROWS else ""
        header = ("text", "bytes", "codeword (hexadecimal)", "spare bits")
        return windows_as_html(pieces, titles) + table_as_html(header, rows[:_ROWS]) + more
