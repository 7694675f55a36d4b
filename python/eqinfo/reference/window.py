"""Window stage: bijective windows (docs/pipeline.md, "Window code")."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from eqinfo.reference.frequency import Frequencies, Predict


def shares(shared: int, frequencies: Frequencies, precision: int) -> list[tuple[int, int]]:
    """Share a prefix's codewords among its next symbols.

    Args:
        shared: number of codewords to share: those that the prefix owns, less the first.
        frequencies: of the next symbol.
        precision: the frequencies sum to 2^precision.

    Returns:
        for each symbol, its first codeword, counted from 0, and how many it gets. With 2^precision
        codewords or more to share, the parts follow the cumulative frequencies. With fewer, each
        symbol gets its proportion rounded down, and the codewords left over go to the largest
        remainders (Hamilton's apportionment).
    """
    total = 1 << precision
    quotient, rest = divmod(shared, total)
    if quotient:
        bounds, cumulative = [0], 0
        for frequency in frequencies:
            cumulative += frequency
            bounds.append(cumulative * quotient + cumulative * rest // total)
        counts = [end - begin for begin, end in pairwise(bounds)]
    else:
        counts = [frequency * rest // total for frequency in frequencies]
        by_remainder = sorted(
            range(len(frequencies)), key=lambda i: (-(frequencies[i] * rest % total), i)
        )
        for symbol in by_remainder[: shared - sum(counts)]:
            counts[symbol] += 1
    firsts = [sum(counts[:i]) for i in range(len(counts))]
    return list(zip(firsts, counts, strict=True))


def encode_windows(
    symbols: Sequence[int],
    predict: Predict,
    window_bits: int,
    precision: int,
    reset_every: int = 1,
) -> list[int]:
    """Return the codewords of bijective windows.

    A window closes with ``base``, its prefix's own codeword, when the next symbol gets no codeword.

    Args:
        symbols: of one document.
        predict: the model.
        window_bits: bits per codeword, at least ``precision``.
        precision: frequencies sum to 2^precision.
        reset_every: empty the context after this many windows; 0 for never.
    """
    codewords: list[int] = []
    context: list[int] = []
    base, shared = 0, (1 << window_bits) - 1
    for symbol in symbols:
        first, count = shares(shared, predict(context), precision)[symbol]
        if count == 0:
            codewords.append(base)
            base, shared = 0, (1 << window_bits) - 1
            if reset_every and len(codewords) % reset_every == 0:
                context = []
            first, count = shares(shared, predict(context), precision)[symbol]
        base, shared = base + 1 + first, count - 1
        context.append(symbol)
    return [*codewords, base] if symbols else []


def decode_windows(
    codewords: Sequence[int],
    predict: Predict,
    window_bits: int,
    precision: int,
    reset_every: int = 1,
) -> list[int]:
    """Return the symbols of bijective windows; the reverse of `encode_windows`."""
    symbols: list[int] = []
    context: list[int] = []
    for number, codeword in enumerate(codewords):
        if reset_every and number % reset_every == 0:
            context = []
        base, shared = 0, (1 << window_bits) - 1
        while codeword > base:
            target = codeword - base - 1
            for symbol, (first, count) in enumerate(shares(shared, predict(context), precision)):
                if first <= target < first + count:
                    base, shared = base + 1 + first, count - 1
                    context.append(symbol)
                    symbols.append(symbol)
                    break
    return symbols
