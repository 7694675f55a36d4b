"""The paper's windows with every ending of its coder that its text allows, in plain Python.

Section 2.4 ends a code when a whole dyadic interval is inside that of the text; the paper's coder
may as well end as that of Witten, Neal and Cleary (1987) does. `eqinfo.window.padded` ends with the
codeword of the fewest bits. Whatever the ending, the decoder of appendix D.5 takes the longest text
with the same bits, and a probable symbol may add none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, Protocol, TypeAlias

__all__ = ["ENDINGS", "Ending", "Predict", "coded_windows", "read_window"]

Ending: TypeAlias = Literal["enclosed", "enclosed lowest", "registers 16", "registers 32"]
"""How the bits of a window end.

- enclosed: the shortest dyadic interval inside that of the text (2.4), of two the one with more
  zeros at its end.
- enclosed lowest: the same, of two the lower one.
- registers 16, registers 32: Witten, Neal and Cleary (1987), with registers of so many bits.
"""
ENDINGS: tuple[Ending, ...] = ("enclosed", "enclosed lowest", "registers 16", "registers 32")

Predict: TypeAlias = Callable[[Sequence[int]], Sequence[int]]
"""Returns the integer frequencies of the symbols after a context, at least 1 each."""


class _Coder(Protocol):
    """The state of a coder after some symbols; never changed, only replaced."""

    def narrowed(self, first: int, last: int, precision: int) -> _Coder:
        """Return the state after a symbol with the cumulative frequencies [first, last)."""
        ...

    def position(self, cumulative: int, precision: int) -> tuple[int, int]:
        """Return where a cumulative frequency falls: p and s for p / 2^s, from 0 to 1."""
        ...

    def code(self) -> tuple[int, int]:
        """Return the bits of the symbols so far, as an integer and their number."""
        ...


@dataclass(frozen=True)
class _Exact:
    """The interval [base, base + width) / 2^scale of a text, without rounding."""

    lowest: bool
    base: int = 0
    width: int = 1
    scale: int = 0

    def narrowed(self, first: int, last: int, precision: int) -> _Exact:
        base, scale = self.position(first, precision)
        return _Exact(self.lowest, base, self.width * (last - first), scale)

    def position(self, cumulative: int, precision: int) -> tuple[int, int]:
        return (self.base << precision) + self.width * cumulative, self.scale + precision

    def code(self) -> tuple[int, int]:
        bits = max(0, self.scale - self.width.bit_length())
        while True:
            # The dyadic intervals [v, v + 1) / 2^bits that lie inside.
            first = -(-(self.base << bits) >> self.scale)
            end = (self.base + self.width << bits) >> self.scale
            if first < end:
                break
            bits += 1
        even = first + first % 2
        return (even if even < end and not self.lowest else first), bits


@dataclass(frozen=True)
class _Registers:
    """The coder of Witten, Neal and Cleary: registers low to high, and bits that are put off."""

    size: int
    low: int
    high: int
    waiting: int = 0
    bits: int = 0
    count: int = 0
    # The interval of the text is [base, base + high - low + 1) / 2^scale.
    base: int = 0
    scale: int = 0

    @classmethod
    def of(cls, size: int) -> _Registers:
        return cls(size, 0, (1 << size) - 1, scale=size)

    def narrowed(self, first: int, last: int, precision: int) -> _Registers:
        span = self.high - self.low + 1
        begin = span * first >> precision
        high = self.low + (span * last >> precision) - 1
        coder = replace(self, low=self.low + begin, high=high, base=self.base + begin)
        quarter = 1 << self.size - 2
        while True:
            if coder.high < 2 * quarter:
                coder, gone = coder._put(0), 0
            elif coder.low >= 2 * quarter:
                coder, gone = coder._put(1), 2 * quarter
            elif coder.low >= quarter and coder.high < 3 * quarter:
                coder, gone = replace(coder, waiting=coder.waiting + 1), quarter
            else:
                return coder
            coder = replace(
                coder,
                low=2 * (coder.low - gone),
                high=2 * (coder.high - gone) + 1,
                base=2 * coder.base,
                scale=coder.scale + 1,
            )

    def _put(self, bit: int) -> _Registers:
        """Append a bit, and the waiting ones, which are its opposite."""
        others = 0 if bit else (1 << self.waiting) - 1
        bits = (self.bits << 1 | bit) << self.waiting | others
        return replace(self, bits=bits, count=self.count + 1 + self.waiting, waiting=0)

    def position(self, cumulative: int, precision: int) -> tuple[int, int]:
        return self.base + ((self.high - self.low + 1) * cumulative >> precision), self.scale

    def code(self) -> tuple[int, int]:
        last = replace(self, waiting=self.waiting + 1)._put(int(self.low >= 1 << self.size - 2))
        return last.bits, last.count


def _coder(ending: Ending) -> _Coder:
    if ending.startswith("registers"):
        return _Registers.of(int(ending.removeprefix("registers ")))
    return _Exact(ending == "enclosed lowest")


def coded_windows(
    symbols: Sequence[int], predict: Predict, window_bits: int, precision: int, ending: Ending
) -> list[tuple[list[int], int]]:
    """Return the text and the codeword of every window, as the paper's encoder makes them.

    A window closes when the code of one more symbol would have more than ``window_bits`` bits;
    its own code is padded with zeros. The model is reset at every window.

    Args:
        symbols: the document.
        predict: the model.
        window_bits: bits per window; at least ``precision + 2``, so that every symbol fits.
        precision: frequencies sum to 2^precision; at most 14 for registers of 16 bits.
        ending: see `Ending`.
    """
    windows: list[tuple[list[int], int]] = []
    begin = 0
    while begin < len(symbols):
        coder, codeword = _coder(ending), 0
        text: list[int] = []
        for symbol in symbols[begin:]:
            edges = _edges(predict(text))
            narrowed = coder.narrowed(edges[symbol], edges[symbol + 1], precision)
            bits, count = narrowed.code()
            if count > window_bits:
                break
            coder, text, codeword = narrowed, [*text, symbol], bits << window_bits - count
        if not text:
            raise ValueError(
                f"expected windows of {precision + 2} bits or more, found {window_bits}, in which "
                f"symbol {begin} does not fit"
            )
        windows.append((text, codeword))
        begin += len(text)
    return windows


def read_window(
    codeword: int, predict: Predict, window_bits: int, precision: int, ending: Ending
) -> list[int]:
    """Return what the paper's decoder (D.5) reads: the longest text with this code, padded.

    Arguments as of `coded_windows`.
    """
    coder, text = _coder(ending), list[int]()
    longest: list[int] = []
    while True:
        edges = _edges(predict(text))
        places = [coder.position(edge, precision) for edge in edges]
        symbol = (
            bisect_right(
                places, codeword, key=lambda place: -(-(place[0] << window_bits) >> place[1])
            )
            - 1
        )
        if not 0 <= symbol < len(edges) - 1:
            return longest
        coder, text = coder.narrowed(edges[symbol], edges[symbol + 1], precision), [*text, symbol]
        bits, count = coder.code()
        if count > window_bits:
            return longest
        if bits << window_bits - count == codeword:
            longest = text


def _edges(frequencies: Sequence[int]) -> list[int]:
    return [0, *accumulate(frequencies)]
