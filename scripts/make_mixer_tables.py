"""Write csrc/tables/mixer_tables.h, the committed tables of the mixer.

Computed in decimal arithmetic with enough digits that every entry is rounded correctly.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

UNIT = 256
STRETCH_STEPS = 4096
MAX_INPUT = 2047
MAX_OUTPUT = 2816
# The largest count of the rarer bit's opposite, by the count of the rarer bit.
BOUNDS = (41, 40, 12, 6, 5, 4)
HEADER = """\
// Tables of the mixer; mixer.h says what they mean. Written by scripts/make_mixer_tables.py; part of
// version 1 of the mixer, so they never change.
#pragma once

#include <cstdint>

namespace eqinfo {

"""


def nearest(value: Decimal) -> int:
    """Return the nearest integer; 60 digits decide every rounding."""
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def stretch(step: int) -> int:
    """Return ln(p / (1 - p)) in 256ths for p = (step + 1/2) / 4096, at most 2047 in size."""
    odds = (2 * step + 1) / Decimal(2 * STRETCH_STEPS - 2 * step - 1)
    return max(-MAX_INPUT, min(MAX_INPUT, nearest(UNIT * odds.ln())))


def squash(index: int) -> int:
    """Return 2^16 / (1 + e^-x) for x = (index - 2816) / 256, from 1 to 65535."""
    odds = (Decimal(MAX_OUTPUT - index) / UNIT).exp()
    return max(1, min(65535, nearest(Decimal(2**16) / (1 + odds))))


def next_history(zeros: int, ones: int, bit: int) -> tuple[int, int, int]:
    """Return the counts after one more bit, and the last bit where both have occurred."""
    seen, other = (ones, zeros) if bit else (zeros, ones)
    seen += 1
    if other > 2:
        other = 5 if other > 20 else 4 if other > 9 else 3 if other > 4 else 2
    rarer = min(seen, other)
    bound = BOUNDS[rarer] if rarer < len(BOUNDS) else BOUNDS[-1]
    seen, other = min(seen, bound), min(other, bound)
    zeros, ones = (other, seen) if bit else (seen, other)
    return zeros, ones, bit if zeros and ones else 0


def histories() -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
    """Return all states (zeros, ones, last bit), in the order of discovery, and their successors."""
    states = [(0, 0, 0)]
    number = {states[0]: 0}
    successors = []
    for state in states:
        following = []
        for bit in (0, 1):
            after = next_history(state[0], state[1], bit)
            if after not in number:
                number[after] = len(states)
                states.append(after)
            following.append(number[after])
        successors.append((following[0], following[1]))
    assert len(states) <= 256
    return states, successors


def rows(kind: str, name: str, values: Iterable[int], per_row: int = 16) -> str:
    """Return the definition of an array."""
    entries = list(values)
    lines = [
        "    " + ", ".join(map(str, entries[i : i + per_row])) + ",\n"
        for i in range(0, len(entries), per_row)
    ]
    body = "".join(lines)
    return f"// clang-format off\nconstexpr {kind} {name}[{len(entries)}] = {{\n{body}}};\n// clang-format on\n\n"


def main() -> None:
    """Write the header."""
    getcontext().prec = 60
    states, successors = histories()
    padding = [(0, 0)] * (256 - len(states))
    text = HEADER
    text += rows("int16_t", "kStretch", [stretch(i) for i in range(STRETCH_STEPS)] + [0])
    text += rows("uint16_t", "kSquash", [squash(i) for i in range(2 * MAX_OUTPUT)])
    text += rows("uint16_t", "kNextHistory", [a | b << 8 for a, b in successors + padding] + [0])
    likely = [((2 * ones + 1) << 21) // (zeros + ones + 1) for zeros, ones, _ in states]
    text += rows("uint32_t", "kHistoryStart", likely + [1 << 21] * len(padding), 8)
    text += "}  // namespace eqinfo\n"
    target = Path(__file__).resolve().parent.parent / "csrc" / "tables" / "mixer_tables.h"
    target.write_text(text)


if __name__ == "__main__":
    main()
