"""Write csrc/tables/gate_table.h, the committed table of the native model's gates.

Computed in decimal arithmetic with enough digits that every entry is rounded correctly.
"""

from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

STEPS = 512
HEADER = """\
// GATE[k] = round(2^14 / (1 + e^((512 - k) / 64))), k = 0..1023. Written by
// scripts/make_gate_table.py; part of version 1 of the native model, so it never changes.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr int32_t kGateSteps = 512;  // arguments are in 64ths, from -8 to 8
constexpr uint32_t kGateBits = 14;

#if defined(__CUDA_ARCH__)
__device__
#endif
    // clang-format off
constexpr int32_t kGate[2 * kGateSteps] = {
"""
FOOTER = """\
};
// clang-format on

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
"""


def gate_entry(index: int) -> int:
    """Return round(2^14 / (1 + e^((512 - index) / 64))); 60 digits decide every rounding."""
    odds = (Decimal(STEPS - index) / 64).exp()
    return int((Decimal(2**14) / (1 + odds)).to_integral_value(ROUND_HALF_EVEN))


def main() -> None:
    """Write the header."""
    getcontext().prec = 60
    rows = [
        "    " + ", ".join(str(gate_entry(first + i)) for i in range(16)) + ",\n"
        for first in range(0, 2 * STEPS, 16)
    ]
    target = Path(__file__).resolve().parent.parent / "csrc" / "tables" / "gate_table.h"
    target.write_text(HEADER + "".join(rows) + FOOTER)


if __name__ == "__main__":
    main()
