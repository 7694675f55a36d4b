"""Tables of the mixer (docs/pipeline.md, "Mixer"), computed in decimal arithmetic."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cache
from typing import NamedTuple

UNIT = 256
"""One in stretched probabilities."""
MAX_INPUT = 2047
MAX_OUTPUT = 2816
"""Outputs lie between -2815 and 2815."""
RARER_BOUNDS = (41, 40, 12, 6, 5, 4)
"""How many of one bit a history counts, by the number of the rarer bit (the last for all above)."""

_DIGITS = 60  # enough to round every entry of a table correctly


def within(value: int, low: int, high: int) -> int:
    """Return the value, or the bound that it passes."""
    return low if value < low else high if value > high else value


def _nearest(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_EVEN))


@cache
def stretch_table() -> tuple[int, ...]:
    """Return the stretched probabilities of (i + 1/2) / 4096, at most 2047 in size."""
    with localcontext() as context:
        context.prec = _DIGITS
        odds = (Decimal(2 * i + 1) / (8191 - 2 * i) for i in range(4096))
        return tuple(within(_nearest(UNIT * x.ln()), -MAX_INPUT, MAX_INPUT) for x in odds)


@cache
def squash_table() -> tuple[int, ...]:
    """Return the probabilities, from 1 to 65535, of -2816, -2815, ..., 2815."""
    with localcontext() as context:
        context.prec = _DIGITS
        odds = ((Decimal(-x) / UNIT).exp() for x in range(-MAX_OUTPUT, MAX_OUTPUT))
        return tuple(within(_nearest(2**16 / (1 + x)), 1, 65535) for x in odds)


class History(NamedTuple):
    """What is remembered of a node's bits: bounded counts, and the last bit if both occurred."""

    zeros: int = 0
    ones: int = 0
    last: int = 0

    def after(self, bit: int) -> History:
        """Return the history after one more bit, which makes many of the other bit fewer."""
        same, other = (self.ones, self.zeros) if bit else (self.zeros, self.ones)
        same += 1
        if other > 2:
            other = 2 + sum(other > bound for bound in (4, 9, 20))
        bound = RARER_BOUNDS[min(same, other, len(RARER_BOUNDS) - 1)]
        same, other = min(same, bound), min(other, bound)
        last = bit if same and other else 0
        return History(other, same, last) if bit else History(same, other, last)

    def start(self) -> int:
        """Return the probability, of 2^22, that contexts with this history begin with."""
        return ((2 * self.ones + 1) << 21) // (self.zeros + self.ones + 1)


UNSEEN = History()


@cache
def history_table() -> dict[History, tuple[History, History]]:
    """Return the histories that can occur, with those after a 0 and a 1, in order of discovery."""
    table: dict[History, tuple[History, History]] = {}
    found = [UNSEEN]
    for history in found:
        table[history] = history.after(0), history.after(1)
        found += [after for after in dict.fromkeys(table[history]) if after not in found]
    return table


def stretch(probability: int) -> int:
    """Return the stretched probability, of one with 16 bits."""
    return stretch_table()[probability >> 4]


def squash(value: int) -> int:
    """Return the probability, with 16 bits, of a stretched one."""
    return squash_table()[within(value, -MAX_OUTPUT, MAX_OUTPUT - 1) + MAX_OUTPUT]
