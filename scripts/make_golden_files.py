"""Write tests/golden/v1/*.eqi and files.json, which fix what version 1 of the container means.

    PYTHONPATH=tests python scripts/make_golden_files.py

Run once per version, by hand; tests only read these files.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

import eqinfo
from container_cases import long_form
from eqinfo.container.checksum import checksum, short_checksum
from eqinfo.container.magic import MAGIC
from golden_model import golden_model, golden_rows
from make_golden_codebook import TEXT

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "v1"
DATA = TEXT.encode()
NOISE = b"".join(hashlib.blake2b(bytes([i])).digest() for i in range(5))
CALLS = b"\x55\x48\x89\xe5\xe8\x10\x20\x00\x00\x5d\xc3\x90" * 40
MODELS: dict[str, Any] = {
    "codebook": eqinfo.Codebook.load(FOLDER / "codebook.safetensors"),
    "golden": golden_model(),
}
# Offsets in the header.
RULE, PRECISION, WINDOW_BITS, NAME_LENGTH = 6, 7, 8, 9
BLOCK_BYTES, SEGMENT_BYTES, MODEL, NUMERICS = 10, 14, 18, 26
FIXED_BYTES = 30
BLOCK_HEADER_BYTES = 20

good: dict[str, dict[str, Any]] = {}
bad: dict[str, dict[str, Any]] = {}


def add(name: str, data: bytes, model: str | None, **options: Any) -> bytes:
    """Write a file that decodes to ``data``, and return its bytes."""
    given = MODELS.get(model or "", model)
    content = long_form(data, given, **options)
    named = model if model in MODELS else None
    (FOLDER / f"{name}.eqi").write_bytes(content)
    good[name] = {"model": named, "data": data.hex(), "options": options, "written_with": model}
    return content


def add_bad(name: str, content: bytes, error: str, message: str, model: str | None = None) -> None:
    """Write a file that readers refuse with ``error``, whose message holds ``message``."""
    (FOLDER / f"bad-{name}.eqi").write_bytes(content)
    bad[f"bad-{name}"] = {"model": model, "error": error, "message": message}


def header_bytes(content: bytes) -> int:
    """Return the length of the first header."""
    return FIXED_BYTES + content[NAME_LENGTH] + 4


def with_header(content: bytes, offset: int, value: bytes) -> bytes:
    """Replace a part of the header and correct its checksum."""
    size = header_bytes(content)
    changed = content[:offset] + value + content[offset + len(value) : size - 4]
    return changed + struct.pack("<I", short_checksum(changed)) + content[size:]


def with_block(content: bytes, offset: int, value: bytes) -> bytes:
    """Replace a part of the first block (its code begins at 20) and correct its checksum."""
    begin = header_bytes(content)
    coded_bytes = struct.unpack_from("<I", content, begin + 4)[0]
    end = begin + BLOCK_HEADER_BYTES + coded_bytes
    block = bytearray(content[begin:end])
    block[offset : offset + len(value)] = value
    check = short_checksum(bytes(block[:16]), bytes(4), bytes(block[BLOCK_HEADER_BYTES:]))
    block[16:20] = struct.pack("<I", check)
    return content[:begin] + bytes(block) + content[end:]


def with_trailer(content: bytes, offset: int, value: bytes, blocks: int) -> bytes:
    """Replace a part of the trailer and correct its checksum."""
    begin = len(content) - (4 + 8 * blocks + 24)
    trailer = bytearray(content[begin:-8])
    trailer[offset : offset + len(value)] = value
    return content[:begin] + bytes(trailer) + struct.pack("<Q", checksum(bytes(trailer)))


def flipped(content: bytes, offset: int) -> bytes:
    """Return the content with one bit of one byte flipped."""
    return content[:offset] + bytes([content[offset] ^ 4]) + content[offset + 1 :]


def likely(size: int) -> bytes:
    """Return bytes that the golden model finds probable."""
    data = b""
    for place in range(size):
        row = golden_rows(np.array([data[-1] if data else -1], np.int64))[0]
        data += bytes([int(np.argsort(-row, kind="stable")[place * place % 5])])
    return data


def main() -> None:
    """Write all files and their table."""
    blocks = {"block_bytes": 200}
    expected = likely(500)
    stored = add("stored", DATA, None, codec="stored", **blocks)
    ids = add("codebook", DATA, "codebook", codec="codebook", **blocks)
    ranged = add("ranged", DATA, "codebook", codec="ranged", **blocks)
    segments = {"segment_bytes": 64, **blocks}
    arithmetic = add("arithmetic", expected, "golden", codec="arithmetic", **segments)
    windows = add("windows", expected, "golden", codec="windows", **segments)
    add("windows-64", expected, "golden", codec="windows", window_bits=64, **segments)
    add("codebook-en-dense", DATA, "en-dense", codec="codebook")
    add("ranged-en-dense", DATA * 3, "en-dense", codec="ranged")
    native = add("arithmetic-en", DATA, "en", codec="arithmetic", **segments)
    add("windows-en", DATA, "en", codec="windows", **segments)
    add("adaptive", DATA * 2, None, codec="adaptive", block_bytes=1000)
    add("adaptive-x86", CALLS, None, codec="adaptive")
    add("mixed", DATA * 2, "en", codec="mixed", block_bytes=1000)
    add("mixed-without-model", NOISE[:60] * 9, "en", codec="mixed")
    add("auto", DATA + NOISE[:60] * 9, "en", codec="auto", block_bytes=len(DATA), segment_bytes=200)
    blocks_and_noise = (DATA + NOISE[:200]) * 2
    solid = add("adaptive-solid", blocks_and_noise, None, codec="adaptive", solid=True, **blocks)
    # A stored block that counts as machine code: what is learned of it has its calls changed.
    stored_calls = NOISE[:100] + b"\xe8\x10\x20\x30\x00" + NOISE[100:195]
    calls = (DATA[:200] + stored_calls) * 2
    add("adaptive-solid-calls", calls, None, codec="adaptive", solid=True, **blocks)
    add("mixed-solid", DATA * 2, "en", codec="mixed", solid=True, **blocks)
    add("fast", DATA * 2, "codebook", codec="fast", **blocks)
    add("fast-en-dense", DATA * 40, "en-dense", codec="fast")
    add("fast-bytes", CALLS * 40 + NOISE + CALLS[::-1] + NOISE, "en-dense", codec="fast")
    add("noise", NOISE, "en", codec="arithmetic", block_bytes=100)
    add("byte", b"\n", "en", codec="arithmetic")
    empty = add("empty", b"", "en", codec="arithmetic")
    (FOLDER / "concatenated.eqi").write_bytes(stored + empty + native + stored)
    good["concatenated"] = {"model": None, "data": (3 * DATA).hex()}

    size = header_bytes(stored)
    count = -(-len(DATA) // 200)
    add_bad("empty", b"", "TruncatedError", "expected a header, found the end")
    add_bad("foreign", DATA, "ForeignFileError", "expected an eqinfo file")
    add_bad("newer", MAGIC + b"\x02" + stored[5:], "NewerVersionError", "expected version 1")
    add_bad("header-cut", stored[:20], "TruncatedError", "bytes of header")
    add_bad("header-flip", flipped(stored, 12), "ChecksumError", "expected a header")
    add_bad("codec", with_header(stored, 5, b"\x09"), "UnsupportedError", "expected a codec of 0")
    add_bad("rule", with_header(ranged, RULE, b"\x02"), "UnsupportedError", "frequency rule 1")
    add_bad("solid-tables", with_header(solid, WINDOW_BITS, b"\x14"), "UnsupportedError",
            "solid ones with tables of 16 bits")  # fmt: skip
    add_bad("precision", with_header(ranged, PRECISION, b"\x10"), "FormatError", "precision 24",
            "codebook")  # fmt: skip
    add_bad("huge-blocks", with_header(stored, BLOCK_BYTES, b"\0\0\0\x80"), "FormatError",
            "blocks of 1 to 8388608 bytes")  # fmt: skip
    add_bad("segments-of-0", with_header(arithmetic, SEGMENT_BYTES, bytes(4)), "FormatError",
            "segments of 1 to", "golden")  # fmt: skip
    add_bad("name", with_header(native, FIXED_BYTES, b"\n"), "FormatError", "printable ASCII")
    add_bad("model", with_header(native, MODEL, b"another."), "ModelMismatchError", "the id")
    add_bad("model-unknown", with_header(native, FIXED_BYTES, b"xx"), "ModelMismatchError",
            "not bundled")  # fmt: skip
    add_bad("numerics", with_header(native, NUMERICS, b"abcd"), "NumericMismatchError",
            "gives different numbers")  # fmt: skip
    add_bad("block-cut", stored[: size + 100], "TruncatedError", "bytes of a block")
    add_bad("block-flip", flipped(stored, size + 60), "ChecksumError", "expected a block")
    add_bad("block-long", with_block(stored, 0, struct.pack("<I", 201)), "FormatError",
            "a block of 1 to 200 bytes")  # fmt: skip
    add_bad("block-longer-than-data", with_block(ids, 4, struct.pack("<I", 201)), "FormatError",
            "in no more bytes", "codebook")  # fmt: skip
    add_bad("block-data", with_block(stored, 8, bytes(8)), "ChecksumError", "expected data")
    add_bad("ids-of-others", with_block(ids, 20, b"\x01\x00\x02\x00"), "FormatError",
            "expected ids of 200 bytes", "codebook")  # fmt: skip
    add_bad("id-beyond", with_block(ids, 20, b"\xff\xff"), "FormatError", "ids below 4096",
            "codebook")  # fmt: skip
    add_bad("ranged-count", with_block(ranged, 20, struct.pack("<I", 1 << 31)), "FormatError",
            "at most 200 ids", "codebook")  # fmt: skip
    add_bad("ranged-stream", with_block(ranged, 26, b"\0\0"), "FormatError", "",
            "codebook")  # fmt: skip
    add_bad("directory", with_block(native, 20, b"\xff\xff\xff\xff"), "FormatError",
            "expected segments up to")  # fmt: skip
    add_bad("native-stream", with_block(native, 40, b"\0\0\0\0"), "FormatError", "")
    add_bad("function-stream", with_block(arithmetic, 40, b"\0\0\0\0"), "NumericMismatchError",
            "gives different numbers", "golden")  # fmt: skip
    add_bad("windows-stream", with_block(windows, 40, b"\0\0\0\0"), "NumericMismatchError",
            "gives different numbers", "golden")  # fmt: skip
    swapped = stored[size + 220 : size + 440] + stored[size : size + 220] + stored[size + 440 :]
    add_bad("blocks-swapped", stored[:size] + swapped, "ChecksumError", "expected a block")
    add_bad("trailer-missing", stored[: -(4 + 8 * count + 24)], "TruncatedError", "the next block")
    add_bad("trailer-cut", stored[:-1], "TruncatedError", "bytes of the trailer")
    add_bad("trailer-flip", flipped(stored, len(stored) - 20), "ChecksumError", "a trailer")
    add_bad("index", with_trailer(stored, 4, struct.pack("<I", 199), count), "FormatError",
            "an index of the blocks before it")  # fmt: skip
    add_bad("count", with_trailer(stored, 4 + 8 * count, b"\x01", count), "FormatError",
            f"an index of {count} blocks")  # fmt: skip
    add_bad("header-length", with_trailer(stored, 8 + 8 * count, b"\x01", count), "FormatError",
            "expected a header of")  # fmt: skip
    add_bad("content", with_trailer(stored, 12 + 8 * count, bytes(8), count), "ChecksumError",
            "expected data with the checksum")  # fmt: skip
    add_bad("trailing", stored + b"\n", "TrailingDataError", "or another member")
    add_bad("member-cut", stored + MAGIC[:2], "TruncatedError", "expected a header")
    table = {"text": TEXT, "good": good, "bad": bad}
    (FOLDER / "files.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
