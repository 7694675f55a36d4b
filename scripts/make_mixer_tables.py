"""Write csrc/tables/mixer_tables.h, the committed tables of the mixer.

The reference computes them (`eqinfo.reference.mixer_tables`).
"""

from collections.abc import Iterable
from pathlib import Path

from eqinfo.reference.mixer_tables import history_table, squash_table, stretch_table

HEADER = """\
// Tables of the mixer; mixer.h says what they mean. Written by scripts/make_mixer_tables.py; part
// of version 1 of the mixer, so they never change.
#pragma once

#include <cstdint>

namespace eqinfo {

"""


def rows(kind: str, name: str, values: Iterable[int], per_row: int = 16) -> str:
    """Return the definition of an array."""
    entries = list(values)
    lines = [
        "    " + ", ".join(map(str, entries[i : i + per_row])) + ",\n"
        for i in range(0, len(entries), per_row)
    ]
    body = "".join(lines)
    definition = f"constexpr {kind} {name}[{len(entries)}] = {{\n{body}}};\n"
    return f"// clang-format off\n{definition}// clang-format on\n\n"


def main() -> None:
    """Write the header. Vectors read one entry more of tables of 16-bit numbers."""
    table = history_table()
    number = {history: i for i, history in enumerate(table)}
    unused = 256 - len(table)
    following = [number[zero] | number[one] << 8 for zero, one in table.values()]
    text = HEADER
    text += rows("int16_t", "kStretch", [*stretch_table(), 0])
    text += rows("uint16_t", "kSquash", squash_table())
    text += rows("uint16_t", "kNextHistory", following + [0] * (unused + 1))
    text += rows("uint32_t", "kHistoryStart", [h.start() for h in table] + [1 << 21] * unused, 8)
    text += "}  // namespace eqinfo\n"
    target = Path(__file__).resolve().parent.parent / "csrc" / "tables" / "mixer_tables.h"
    target.write_text(text)


if __name__ == "__main__":
    main()
