"""Write tests/golden/v1/*compact-*.eqi and compact.json, which fix the compact form of members.

    PYTHONPATH=tests python scripts/make_golden_compact.py

Run once, by hand; tests only read these files.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import eqinfo
from eqinfo.container.checksum import short_checksum
from eqinfo.container.magic import COMPACT_MAGIC
from make_golden_codebook import TEXT

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "v1"
DATA = TEXT.encode()
SHORT = b"It was the best of times"
CODE = b"for (int i = 0; i < n; ++i) {\n  sum += values[i];\n}\n"
NOISE = b"".join(hashlib.blake2b(bytes([i])).digest() for i in range(5))
# Offsets in a member.
FORM, MODEL, LENGTHS = 2, 3, 4

good: dict[str, dict[str, Any]] = {}
bad: dict[str, dict[str, Any]] = {}


def add(name: str, data: bytes, model: str | None, codec: Any) -> bytes:
    """Write a file that decodes to ``data``, and return its bytes."""
    content = eqinfo.compress(data, model, codec=codec)
    assert content.startswith(COMPACT_MAGIC)
    (FOLDER / f"compact-{name}.eqi").write_bytes(content)
    options = {"codec": codec}
    good[f"compact-{name}"] = {
        "model": None, "data": data.hex(), "options": options, "written_with": model,
    }  # fmt: skip
    return content


def add_bad(name: str, content: bytes, error: str, message: str) -> None:
    """Write a file that readers refuse with ``error``, whose message holds ``message``."""
    (FOLDER / f"bad-compact-{name}.eqi").write_bytes(content)
    bad[f"bad-compact-{name}"] = {"model": None, "error": error, "message": message}


def replaced(content: bytes, offset: int, value: bytes) -> bytes:
    """Return the content with other bytes at an offset."""
    return content[:offset] + value + content[offset + len(value) :]


def stored(lengths: bytes, data: bytes) -> bytes:
    """Return a stored member with these bytes for its length, and the right checksum."""
    head = COMPACT_MAGIC + bytes([0x10, 0]) + lengths
    check = short_checksum(head, data, data).to_bytes(4, "little")
    return head + data + check + bytes([len(head) + len(data) + 4])


def main() -> None:
    """Write all files and their table."""
    add("stored", DATA, None, "stored")
    ids = add("codebook", DATA, "en-dense", "codebook")
    add("codebook-en-4k", SHORT, "en-4k", "codebook")
    ranged = add("ranged", DATA, "en-dense", "ranged")
    add("ranged-en", SHORT, "en", "ranged")
    add("ranged-en-dense-4k", SHORT, "en-dense-4k", "ranged")
    add("fast", DATA, "en-dense", "fast")
    add("fast-en-4k", SHORT, "en-4k", "fast")
    add("windows", DATA, "en", "windows")
    arithmetic = add("arithmetic", DATA, "en", "arithmetic")
    short = add("short", SHORT, "en", "arithmetic")
    noise = add("noise", NOISE, "en", "arithmetic")
    add("byte", b"\n", "en", "arithmetic")
    empty = add("empty", b"", "en", "arithmetic")
    for codec in ("mixed", "arithmetic", "windows"):
        add(f"world-{codec}", CODE, "world", codec)
    long = (FOLDER / "stored.eqi").read_bytes()
    joined = short + long + empty + ranged + noise + arithmetic
    (FOLDER / "compact-concatenated.eqi").write_bytes(joined)
    all_data = SHORT + DATA + DATA + NOISE + DATA
    good["compact-concatenated"] = {"model": None, "data": all_data.hex()}

    add_bad("newer", replaced(short, FORM, b"\x24"), "NewerVersionError",
            "version 1 of the compact form")  # fmt: skip
    add_bad("codec", replaced(short, FORM, b"\x1f"), "UnsupportedError", "expected a codec among")
    add_bad("model", replaced(short, MODEL, b"\xff"), "ModelMismatchError", "found 255")
    add_bad("model-of-another-codec", replaced(short, MODEL, b"\x04"), "ModelMismatchError",
            "found 4")  # fmt: skip
    add_bad("model-without-codec", replaced(noise, MODEL, b"\x01"), "ModelMismatchError", "found 1")
    add_bad("code", replaced(short, 8, bytes([short[8] ^ 4])), "FormatError", "not a stream")
    swapped = ids[10:12] + ids[8:10]
    add_bad("ids-swapped", replaced(ids, 8, swapped), "ChecksumError", "expected data")
    add_bad("data", replaced(noise, 8, bytes([noise[8] ^ 4])), "ChecksumError", "expected data")
    add_bad("empty-checksum", replaced(empty, 5, b"\0"), "ChecksumError", "expected a member")
    add_bad(
        "length", short[:-1] + bytes([short[-1] ^ 1]), "FormatError", "at the end of the member"
    )
    add_bad("lengths", replaced(short, LENGTHS, b"\x05\x06"), "FormatError", "in fewer bytes")
    add_bad("long-length", stored(b"\x80\x01", b"a"), "FormatError", "in fewer bytes")
    add_bad("huge", replaced(arithmetic, LENGTHS, b"\xff\xff"), "FormatError", "in fewer bytes")
    add_bad("head-cut", short[:5], "TruncatedError", "bytes of header")
    add_bad("code-cut", short[:9], "TruncatedError", "bytes of a block")
    add_bad("end-cut", short[:-1], "TruncatedError", "bytes of the end of a member")
    add_bad("trailing", short + b"\n", "TrailingDataError", "or another member")
    add_bad("member-cut", long + short[:2], "TruncatedError", "expected a header")
    table = {"good": good, "bad": bad}
    (FOLDER / "compact.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
