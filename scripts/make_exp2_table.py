"""Write csrc/tables/exp2_table.h, the committed table of frequency rule 1.

Computed in decimal arithmetic with enough digits that every entry is rounded correctly.
"""

from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

ENTRIES = 1024
HEADER = """\
// EXP2[k] = round(2^31 * 2^(-k/1024)), k = 0..1023. Written by scripts/make_exp2_table.py; part of
// frequency rule 1, so it never changes.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

#if defined(__CUDA_ARCH__)
__device__
#endif
    // clang-format off
constexpr uint32_t kExp2[1024] = {
"""
FOOTER = """\
};
// clang-format on

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
"""


def exp2_entry(index: int) -> int:
    """Return round(2^31 * 2^(-index/1024)); 60 digits decide every rounding."""
    exponent = -Decimal(index) / ENTRIES * Decimal(2).ln()
    return int((Decimal(2**31) * exponent.exp()).to_integral_value(ROUND_HALF_EVEN))


def main() -> None:
    """Write the header."""
    getcontext().prec = 60
    rows = []
    for first in range(0, ENTRIES, 8):
        entries = ", ".join(f"{exp2_entry(first + i):#010x}u" for i in range(8))
        rows.append(f"    {entries},\n")
    target = Path(__file__).resolve().parent.parent / "csrc" / "tables" / "exp2_table.h"
    target.write_text(HEADER + "".join(rows) + FOOTER)


if __name__ == "__main__":
    main()
