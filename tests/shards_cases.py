"""Small corpora for the tests of shards, and the expected shards, in plain Python."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.codebook import Codebook

EQINFO = [sys.executable, "-m", "eqinfo"]
CODEBOOK = Codebook.bundled(DEFAULT_CODEBOOK)


def documents(count: int, seed: int = 0) -> list[str]:
    """Texts of 0 to 1,500 characters, some of several bytes each; none has a line feed."""
    rng = random.Random(seed)
    words = ["the", "window", "of", "text", "naïve", "漢字", "and", "bits", "\u2028", "🙂"]
    return [" ".join(rng.choices(words, k=rng.choice((0, 1, 20, 300)))) for _ in range(count)]


def json_lines(texts: list[str]) -> bytes:
    return b"".join(json.dumps({"id": i, "text": t}).encode() + b"\n" for i, t in enumerate(texts))


def write(path: Path, content: bytes) -> Path:
    """Write a file, compressed as its name says."""
    path.write_bytes(compress(content, path.suffix.lower()))
    return path


def compress(content: bytes, suffix: str) -> bytes:
    """Compress as a suffix in lower case says, in two streams, as `cat a.gz b.gz` gives."""
    methods: dict[str, Callable[[bytes], bytes]] = {
        ".gz": lambda data: gzip.compress(data, mtime=0),
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": _compress_zstd,
    }
    if suffix not in methods:
        return content
    half = len(content) // 2
    return methods[suffix](content[:half]) + methods[suffix](content[half:])


def _compress_zstd(content: bytes) -> bytes:
    import zstandard

    return bytes(zstandard.compress(content))


def expected_tokens(texts: list[str] | list[bytes], end: bool = True) -> list[list[int]]:
    return [[*CODEBOOK.encode(text).tolist(), *[0] * end] for text in texts]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def shard_documents(folder: Path) -> dict[str, list[list[int]]]:
    """The documents of every shard, read as docs/format.md says."""
    shards = {}
    for path in sorted(folder.glob("*.bin")):
        tokens = np.fromfile(path, "<u2")
        offsets = np.fromfile(path.with_suffix(".idx"), "<i8").tolist()
        pairs = pairwise(offsets)
        shards[path.stem] = [tokens[begin:end].tolist() for begin, end in pairs]
    return shards


def run(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [*EQINFO, "tokenize", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120)
