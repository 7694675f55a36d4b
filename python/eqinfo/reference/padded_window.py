"""Padded and delayed windows (docs/pipeline.md, "Padded windows" and "Delayed windows").

They are the windows of arXiv 2404.03626. A text has the interval [base, base + width), in units of
2^-32 of a codeword.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqinfo.reference.frequency import Frequencies, Predict
from eqinfo.reference.range_coder import WORD


def padded_child(
    base: int, width: int, frequencies: Frequencies, precision: int, symbol: int
) -> tuple[int, int]:
    """Return base and width of a text that is one symbol longer."""
    start = sum(frequencies[:symbol])
    first = width * start >> precision
    last = width * (start + frequencies[symbol]) >> precision
    return base + first, last - first


def whole_codewords(base: int, width: int) -> range:
    """Return K(t), the codewords c with [c, c + 1) inside the interval."""
    return range(-(-base // WORD), (base + width) // WORD)


def padded_codeword(base: int, width: int) -> int:
    """Return v(t), the codeword in K(t) with the most trailing zeros."""
    inside = whole_codewords(base, width)
    unit = 1
    while -(-inside.start // (unit * 2)) * unit * 2 < inside.stop and unit < inside.stop:
        unit *= 2
    return -(-inside.start // unit) * unit


def padded_decode(
    codeword: int, context: Sequence[int], predict: Predict, window_bits: int, precision: int
) -> list[int]:
    """Return the symbols of one padded window: follow its codeword to the end of its path.

    This is the decoder of arXiv 2404.03626, section D.5, and stops after 2^min(b, 16) - 1 symbols.

    Args:
        codeword: of the window.
        context: symbols before the window.
        predict: the model.
        window_bits: bits per codeword, b.
        precision: frequencies sum to 2^precision.
    """
    text: list[int] = []
    base, width = 0, WORD << window_bits
    while len(text) < (1 << min(window_bits, 16)) - 1:
        row = predict([*context, *text])
        for symbol in range(len(row)):
            child = padded_child(base, width, row, precision, symbol)
            if codeword in whole_codewords(*child):
                (base, width), text = child, [*text, symbol]
                break
        else:
            break
    return text


def delay_encode(
    symbols: Sequence[int], predict: Predict, window_bits: int, precision: int
) -> list[int]:
    """Return the codewords of delayed windows (arXiv 2404.03626, section A.5).

    Each window begins without context. Arguments as in `padded_decode`.
    """
    codewords = []
    begin = 0
    while begin < len(symbols):
        base, width = 0, WORD << window_bits
        written: list[int] = []
        for position in range(begin, len(symbols)):
            row = predict(symbols[begin:position])
            child = padded_child(base, width, row, precision, symbols[position])
            if not whole_codewords(*child):
                break
            base, width = child
            written.append(padded_codeword(base, width))
        codewords.append(written[-1])
        begin += 1 + written.index(written[-1])
    return codewords
