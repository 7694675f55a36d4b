"""Write csrc/tables/sigmoid_table.h, the committed table of the transformer's SiLU.

Computed in decimal arithmetic with enough digits that every entry is rounded correctly.
"""

from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

STEPS = 512
HEADER = """\
// SIGMOID[k] = round(2^20 / (1 + e^(-k / 32))), k = 0..512. Written by
// scripts/make_sigmoid_table.py; part of version 1 of the transformer, so it never changes.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr int32_t kSigmoidSteps = 512;  // arguments are in 32nds, from 0 to 16
constexpr uint32_t kSigmoidBits = 20;

#if defined(__CUDA_ARCH__)
__device__
#endif
    // clang-format off
constexpr int32_t kSigmoid[kSigmoidSteps + 1] = {
"""
FOOTER = """\
};
// clang-format on

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
"""


def sigmoid_entry(index: int) -> int:
    """Return round(2^20 / (1 + e^(-index / 32))); 60 digits decide every rounding."""
    odds = (Decimal(-index) / 32).exp()
    return int((Decimal(2**20) / (1 + odds)).to_integral_value(ROUND_HALF_EVEN))


def main() -> None:
    """Write the header."""
    getcontext().prec = 60
    entries = [sigmoid_entry(index) for index in range(STEPS + 1)]
    rows = [
        "    " + ", ".join(map(str, entries[first : first + 12])) + ",\n"
        for first in range(0, len(entries), 12)
    ]
    target = Path(__file__).resolve().parent.parent / "csrc" / "tables" / "sigmoid_table.h"
    target.write_text(HEADER + "".join(rows) + FOOTER)


if __name__ == "__main__":
    main()
