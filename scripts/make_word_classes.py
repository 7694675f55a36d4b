"""Write csrc/tables/word_classes.h, the committed table of word rule 1.

It comes from the Unicode character database of the Python that runs this script.
"""

import unicodedata
from itertools import groupby
from pathlib import Path

from eqinfo.reference.word import CLASSES, word_class

CODE_POINTS = 0x110000
UNICODE_VERSION = "14.0.0"  # part of the rule: stays at this version
HEADER = f"""\
// Classes of characters for word rule 1, by Unicode {UNICODE_VERSION}. Written by
// scripts/make_word_classes.py; codebooks are made by the rule, so it never changes.
#pragma once

#include "host_device.h"

namespace eqinfo {{
inline namespace EQINFO_TARGET {{

"""
TABLE = """\
#if defined(__CUDA_ARCH__)
__device__
#endif
    // clang-format off
constexpr {type} {name}[{count}] = {{
{rows}
}};
// clang-format on

"""
FOOTER = """\
}  // namespace EQINFO_TARGET
}  // namespace eqinfo
"""


def table(name: str, kind: str, entries: list[str], columns: int) -> str:
    """Return the C++ definition of an array."""
    rows = [", ".join(entries[i : i + columns]) for i in range(0, len(entries), columns)]
    body = ",\n".join(f"    {row}" for row in rows)
    return TABLE.format(type=kind, name=name, count=len(entries), rows=body)


def main() -> None:
    """Write the header."""
    if unicodedata.unidata_version != UNICODE_VERSION:
        raise SystemExit(
            f"expected a Python with Unicode {UNICODE_VERSION}, found {unicodedata.unidata_version}"
        )
    classes = [CLASSES.index(word_class(chr(point))) for point in range(CODE_POINTS)]
    runs = [next(run) for _, run in groupby(range(CODE_POINTS), key=classes.__getitem__)]
    ascii_table = table("kAsciiClasses", "uint8_t", [str(c) for c in classes[:128]], 32)
    entries = [f"{first << 8 | classes[first]:#010x}u" for first in runs]
    target = Path(__file__).resolve().parent.parent / "csrc" / "tables" / "word_classes.h"
    target.write_text(
        HEADER
        + ascii_table
        + "// Runs of characters of one class, in order: the first one's code point << 8 | class.\n"
        + table("kClassRuns", "uint32_t", entries, 8)
        + f"constexpr uint32_t kClassRunCount = {len(entries)};\n\n"
        + FOOTER
    )


if __name__ == "__main__":
    main()
