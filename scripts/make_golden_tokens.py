"""Write tests/golden/v1/*.eqt and tokens.json, which fix what version 1 of token files means.

    PYTHONPATH=tests python scripts/make_golden_tokens.py

The tokens of `ArithmeticCodec` with a check are fixed here, too. Run once per version, by hand;
tests only read these files.
"""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import eqinfo
from eqinfo.container.checksum import checksum, short_checksum
from eqinfo.container.magic import TOKEN_MAGIC
from eqinfo.container.token_file.header import HEADER_BYTES
from eqinfo.container.token_file.stream import END, TRAILER_BYTES
from make_golden_codebook import TEXT
from token_cases import golden_codec

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "v1"
# Offsets in the header.
VERSION, CODEC, TOKEN_BITS, WINDOW_BITS, UNUSED, MODEL, FINGERPRINT, NUMERICS, NAME = (
    4, 5, 6, 7, 10, 12, 20, 28, 32,
)  # fmt: skip

good: dict[str, dict[str, Any]] = {}
bad: dict[str, dict[str, Any]] = {}


def add(name: str, text: str, codec: str) -> bytes:
    """Write the tokens of a text and return the bytes of their file."""
    found = golden_codec(codec)
    tokens = found.encode(text)
    file = io.BytesIO()
    eqinfo.save_tokens(file, tokens, found)
    (FOLDER / f"{name}.eqt").write_bytes(file.getvalue())
    good[name] = {"codec": codec, "text": text, "tokens": tokens.tolist()}
    return file.getvalue()


def add_bad(name: str, content: bytes, error: str, message: str) -> None:
    """Write a file that readers refuse with ``error``, whose message holds ``message``."""
    (FOLDER / f"bad-{name}.eqt").write_bytes(content)
    bad[f"bad-{name}"] = {"error": error, "message": message}


def sealed(body: bytes, count: int) -> bytes:
    """Return a file with the right checksums of a header and tokens."""
    header = body[: HEADER_BYTES - 4]
    counted = (
        header
        + struct.pack("<I", short_checksum(header))
        + body[HEADER_BYTES:]
        + struct.pack("<Q", count)
    )
    return counted + struct.pack("<Q", checksum(counted)) + END


def with_header(content: bytes, offset: int, value: bytes) -> bytes:
    """Replace a part of the header and correct the checksums."""
    body = content[:offset] + value + content[offset + len(value) : -TRAILER_BYTES]
    return sealed(body, struct.unpack_from("<Q", content, len(content) - TRAILER_BYTES)[0])


def flipped(content: bytes, offset: int) -> bytes:
    """Return the content with one bit of one byte flipped."""
    return content[:offset] + bytes([content[offset] ^ 4]) + content[offset + 1 :]


def main() -> None:
    """Write all files and their table."""
    short = TEXT[:120]
    ids = add("en", short, "en")
    add("en-dense", short, "en-dense")
    small = add("codebook", short, "codebook")
    packed = add("packed", short, "packed")
    windows = add("windows", short, "windows")
    windows_en = add("windows-en", short, "windows-en")
    add("arithmetic", short, "arithmetic")
    add("arithmetic-check", short, "arithmetic-check")
    add("arithmetic-check-en", short, "arithmetic-check-en")
    empty = add("none", "", "en")
    add("none-check", "", "arithmetic-check")

    count = (len(ids) - HEADER_BYTES - TRAILER_BYTES) // 2
    add_bad("empty", b"", "TruncatedError", "found the end of the file after 0 bytes")
    add_bad("foreign", TEXT.encode(), "ForeignFileError", "decoded with --raw")
    add_bad("compressed", eqinfo.compress(short), "ForeignFileError", "use `eqinfo decompress`")
    add_bad("bare", ids[HEADER_BYTES:-TRAILER_BYTES], "ForeignFileError", "decoded with --raw")
    add_bad("newer", TOKEN_MAGIC + b"\x02" + ids[5:], "NewerVersionError", "expected version 1")
    add_bad("header-cut", ids[:20], "TruncatedError", "bytes of header")
    add_bad("header-flip", flipped(ids, MODEL), "ChecksumError", "expected a header")
    add_bad("codec", with_header(ids, CODEC, b"\x02"), "UnsupportedError", "a codec of 1, 3, 4")
    add_bad("token-bits-0", with_header(ids, TOKEN_BITS, b"\0\0"), "FormatError", "of 1 to 20 bits")
    add_bad("token-bits-21", with_header(ids, TOKEN_BITS, b"\x15\x15"), "FormatError",
            "of 1 to 20 bits, found 21")  # fmt: skip
    add_bad("token-bits-17", with_header(packed, TOKEN_BITS, b"\x11"), "FormatError",
            "of 1 to 16 bits, found 17")  # fmt: skip
    add_bad("unused", with_header(ids, UNUSED, b"\x01"), "FormatError", "two zeros and a name")
    add_bad("name", with_header(ids, NAME, b"\n"), "FormatError", "a name of printable ASCII")
    add_bad("model", with_header(ids, MODEL, b"another."), "ModelMismatchError",
            "needs a codebook named 'en' (id 616e6f746865722e) that is not bundled")  # fmt: skip
    add_bad("fingerprint", with_header(ids, FINGERPRINT, b"another."), "ModelMismatchError",
            "expected the codec that encoded")  # fmt: skip
    add_bad("window-bits", with_header(windows, WINDOW_BITS, b"\xff"), "ModelMismatchError",
            "not bundled")  # fmt: skip
    add_bad("window-bits-en", with_header(windows_en, WINDOW_BITS, b"\xff"), "FormatError",
            "window_bits")  # fmt: skip
    add_bad("numerics", with_header(windows_en, NUMERICS, b"abcd"), "NumericMismatchError",
            "gives different numbers")  # fmt: skip
    add_bad("token", sealed(small[:HEADER_BYTES] + b"\x01\0\xff\xff", 2), "FormatError",
            "token 1: expected tokens of 12 bits, found 65535")  # fmt: skip
    add_bad(
        "token-cut", sealed(ids[:HEADER_BYTES] + b"\x01", 0), "FormatError", "whole tokens of 2"
    )
    add_bad("flip", flipped(ids, HEADER_BYTES + 3), "ChecksumError", "expected a file with the")
    add_bad("count", sealed(ids[:-TRAILER_BYTES], count + 1), "FormatError",
            f"expected {count + 1} tokens, found {count}")  # fmt: skip
    add_bad("huge-count", sealed(empty[:-TRAILER_BYTES], 1 << 62), "FormatError", "found 0")
    add_bad("trailer-missing", ids[:-TRAILER_BYTES], "TruncatedError", "expected a trailer")
    add_bad("trailer-cut", ids[:-1], "TruncatedError", "expected a trailer")
    add_bad("trailing", ids + b"\n", "TruncatedError", "or something follows it")
    add_bad("twice", ids + ids, "ChecksumError", "expected a file with the")
    table = {"good": good, "bad": bad}
    (FOLDER / "tokens.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
