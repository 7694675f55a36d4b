"""Write tests/golden/v1/*dictionary-*.eqi and dictionary.json: files that need a dictionary.

    PYTHONPATH=tests python scripts/make_golden_dictionary.py

Run once, by hand; tests only read these files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import eqinfo
from eqinfo.container.magic import COMPACT_MAGIC
from make_golden_codebook import TEXT

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "v1"
DICTIONARY = TEXT.encode()[:200]
DATA = TEXT.encode()[100:160] + b" user=anna; user=bob; user=carl\n" + TEXT.encode()[200:300]
# Offsets in members.
COMPACT_ID, LONG_ID = 4, 14

good: dict[str, dict[str, Any]] = {}
bad: dict[str, dict[str, Any]] = {}


def add(name: str, data: bytes, **options: Any) -> bytes:
    """Write a file that decodes to ``data``, and return its bytes."""
    content = eqinfo.compress(data, dictionary=DICTIONARY, **options)
    (FOLDER / f"dictionary-{name}.eqi").write_bytes(content)
    good[f"dictionary-{name}"] = {"data": data.hex(), "options": options}
    return content


def add_bad(name: str, content: bytes, error: str, message: str) -> None:
    """Write a file that readers with the dictionary refuse with ``error``."""
    (FOLDER / f"bad-dictionary-{name}.eqi").write_bytes(content)
    bad[f"bad-dictionary-{name}"] = {"error": error, "message": message}


def flipped(content: bytes, offset: int) -> bytes:
    """Return the content with one bit changed."""
    return content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :]


def main() -> None:
    """Write all files and their table."""
    short = add("mixed", DATA)
    adaptive = add("adaptive", DATA, codec="adaptive")
    assert short.startswith(COMPACT_MAGIC)
    assert adaptive.startswith(COMPACT_MAGIC)
    long = add("long", DATA * 2, codec="adaptive", block_bytes=100)
    add("long-mixed", DATA, block_bytes=100)
    assert not long.startswith(COMPACT_MAGIC)
    add_bad("other", flipped(short, COMPACT_ID), "ModelMismatchError", "expected the dictionary")
    add_bad("id", flipped(long, LONG_ID), "ChecksumError", "expected a header with the checksum")
    add_bad("code", flipped(adaptive, len(adaptive) // 2), "FormatError", "no encoder writes")
    add("empty", b"")
    add_bad("cut", adaptive[:7], "TruncatedError", "bytes of header")
    table = {"dictionary": DICTIONARY.hex(), "good": good, "bad": bad}
    (FOLDER / "dictionary.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
