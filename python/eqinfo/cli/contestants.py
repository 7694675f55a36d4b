"""What `eqinfo bench` compares: the codecs of this package, and those of others."""

from __future__ import annotations

import bz2
import lzma
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from eqinfo.container.api import compress, decompress
from eqinfo.container.settings import CODECS, LEVELS
from eqinfo.errors import EqInfoError

MAX_RUNS = 5


@dataclass(frozen=True)
class Contestant:
    """Compresses bytes and gives them back, on one thread.

    Attributes:
        name: the program and the codec or level.
        compress: returns the compressed bytes.
        decompress: returns the bytes of which `compress` made its argument.
    """

    name: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Measured:
    """What came of a contestant.

    Attributes:
        name: that of the contestant.
        bytes: bytes of data, in all files together.
        compressed_bytes: bytes that they were compressed to, each file by itself.
        compress_seconds: the shortest time for all files.
        decompress_seconds: the same to decompress them.
    """

    name: str
    bytes: int
    compressed_bytes: int
    compress_seconds: float
    decompress_seconds: float

    @property
    def ratio(self) -> float:
        """Bytes of data per compressed byte."""
        return self.bytes / self.compressed_bytes

    @property
    def bits_per_byte(self) -> float:
        """Compressed bits per byte of data."""
        return 8 * self.compressed_bytes / self.bytes

    @property
    def compress_speed(self) -> float:
        """MB (10^6 bytes) of data compressed per second."""
        return self.bytes / 1e6 / self.compress_seconds

    @property
    def decompress_speed(self) -> float:
        """MB (10^6 bytes) of data decompressed per second."""
        return self.bytes / 1e6 / self.decompress_seconds


def contestants() -> list[Contestant]:
    """Return this package's levels and other codecs, then other compressors.

    zstandard is left out where it is not installed.
    """
    own = [
        Contestant(f"eqinfo {level} ({codec})", partial(compress, level=level), decompress)
        for level, codec in LEVELS.items()
    ] + [
        Contestant(f"eqinfo {codec}", partial(compress, codec=codec), decompress)
        for codec in CODECS
        if codec not in LEVELS.values()
    ]
    others = [
        Contestant("zlib -6", partial(zlib.compress, level=6), zlib.decompress),
        Contestant("bz2 -9", bz2.compress, bz2.decompress),
        Contestant("lzma -6", partial(lzma.compress, preset=6), lzma.decompress),
        Contestant(
            "lzma -9e", partial(lzma.compress, preset=9 | lzma.PRESET_EXTREME), lzma.decompress
        ),
    ]
    try:
        import zstandard
    except ImportError:
        return own + others
    unpack = zstandard.ZstdDecompressor().decompress
    return [
        *own,
        *others,
        *(
            Contestant(f"zstd -{level}", zstandard.ZstdCompressor(level).compress, unpack)
            for level in (3, 19)
        ),
    ]


def measure(contestant: Contestant, files: Sequence[bytes], seconds: float) -> Measured:
    """Compress and decompress files, and take the times of the fastest of some runs.

    Args:
        contestant: what is measured.
        files: the data of each file, which are not all empty.
        seconds: how long runs are repeated, `MAX_RUNS` at most; one is always made.

    Raises:
        EqInfoError: what is decompressed is not what was compressed.
    """
    # What is loaded at the first call, such as a model, does not count.
    contestant.decompress(contestant.compress(files[0][:100]))
    packed, compress_seconds = _fastest(contestant.compress, files, seconds)
    unpacked, decompress_seconds = _fastest(contestant.decompress, packed, seconds)
    if unpacked != list(files):
        raise EqInfoError(f"{contestant.name}: expected the data after decompression, found others")
    return Measured(
        contestant.name,
        sum(map(len, files)),
        sum(map(len, packed)),
        compress_seconds,
        decompress_seconds,
    )


def _fastest(
    work: Callable[[bytes], bytes], parts: Sequence[bytes], seconds: float
) -> tuple[list[bytes], float]:
    """Return the results, and the shortest processor time for all of them.

    Other programs on the machine hardly change that; without them, it is the time that passes.
    """
    end = time.perf_counter() + seconds
    best = float("inf")
    for _ in range(MAX_RUNS):
        begin = time.process_time()
        results = [work(part) for part in parts]
        used = time.process_time() - begin
        best = min(best, max(used, 1e-9))  # some clocks are coarse
        if time.perf_counter() >= end:
            break
    return results, best
