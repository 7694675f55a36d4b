"""Models, texts and files for the tests of the container."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import eqinfo
from eqinfo import Codebook
from golden_model import golden_model

GOLDEN_FOLDER = Path(__file__).parent / "golden" / "v1"
GOLDEN: dict[str, Any] = json.loads((GOLDEN_FOLDER / "files.json").read_text())
for table, files in json.loads((GOLDEN_FOLDER / "compact.json").read_text()).items():
    GOLDEN[table] |= files
TEXT = GOLDEN["text"].encode()
CODECS = (
    "stored", "codebook", "ranged", "windows", "arithmetic", "adaptive", "mixed", "fast", "auto",
)  # fmt: skip


@cache
def golden_codebook() -> Codebook:
    """Return the codebook of 12 bits."""
    return Codebook.load(GOLDEN_FOLDER / "codebook.safetensors")


def golden_file_model(name: str | None) -> Any:
    """Return the model that a golden file must be read with."""
    return {"codebook": golden_codebook, "golden": golden_model}.get(name or "", lambda: None)()


def decompress_in_one_piece(
    content: bytes, model: Any = None, num_threads: int = 1, dictionary: Any = None
) -> bytes:
    """Decompress as if the container were large: blocks are decoded directly into one buffer."""
    with mock.patch("eqinfo.container.output._MIN_BYTES", 0):
        return eqinfo.decompress(content, model, num_threads=num_threads, dictionary=dictionary)


def long_form(data: bytes, model: Any = None, **options: Any) -> bytes:
    """Compress as if there were no compact form, so that small data take the long one, too."""
    with mock.patch("eqinfo.container.writer.compact_member", return_value=None):
        return eqinfo.compress(data, model, **options)


def noise(size: int, seed: int = 0) -> bytes:
    """Return incompressible bytes."""
    parts = [hashlib.blake2b(b"%d %d" % (seed, i)).digest() for i in range(-(-size // 64))]
    return b"".join(parts)[:size]


def words(size: int) -> bytes:
    """Return text that does not repeat itself."""
    parts = []
    total = 0
    number = 0
    while total < size:
        part = b"line %d: %s\n" % (number, hashlib.blake2b(b"%d" % number).hexdigest()[:9].encode())
        parts.append(part + TEXT[number * 7 % 300 : number * 7 % 300 + number % 60] + b"\n")
        total += len(parts[-1])
        number += 1
    return b"".join(parts)[:size]
