"""What benchmarks/files.py compares: every codec of eqinfo, and other compressors.

All work in memory, on one thread. Those that are not installed are left out, and said to be.
"""

from __future__ import annotations

import bz2
import lzma
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import eqinfo
from common import peer
from eqinfo.container.settings import CODECS, LEARNING_CODECS, CodecName
from eqinfo.mixer import MAX_DICTIONARY_BYTES

OURS = "eqinfo "
"""Names of eqinfo's rows begin so."""
STORING = "stored"
DICTIONARY_BYTES = 112_640
"""What the command zstd takes by default."""
LEAST_DICTIONARY_BYTES = 1_000

_COMPILED = "see benchmarks/README.md for how to compile it"
_PPMD_MEMORY = 64 << 20


@dataclass(frozen=True)
class Compressor:
    """Compresses documents and gives them back.

    Attributes:
        name: the word for it in tables.
        compress: returns what each document becomes.
        decompress: returns the documents.
    """

    name: str
    compress: Callable[[Sequence[bytes]], list[bytes]]
    decompress: Callable[[Sequence[bytes]], list[bytes]]

    @property
    def ours(self) -> bool:
        """Whether it is eqinfo's."""
        return self.name.startswith(OURS)


def compressors(codecs: Sequence[CodecName]) -> list[Compressor]:
    """Return eqinfo's codecs, then all others that can be had here."""
    return [*map(_codec, codecs), *_peers()]


def solid_codecs(codecs: Sequence[CodecName]) -> list[Compressor]:
    """Return those of eqinfo's codecs that may go on learning from block to block, doing so."""
    return [
        _each(
            f"{OURS}{codec}, solid",
            partial(eqinfo.compress, codec=codec, solid=True),
            eqinfo.decompress,
        )
        for codec in codecs
        if codec in LEARNING_CODECS
    ]


def default_codecs() -> list[CodecName]:
    """Return all codecs but the one that stores."""
    return [codec for codec in CODECS if codec != STORING]


def side_by_side() -> Compressor:
    """Return the bundled model without the container, which codes all documents in one batch."""
    codec = eqinfo.ArithmeticCodec(eqinfo.models.load("en"), token_bits=8)

    def compress(parts: Sequence[bytes]) -> list[bytes]:
        return [tokens.astype("u1").tobytes() for tokens in codec.encode_batch(parts)]

    def decompress(parts: Sequence[bytes]) -> list[bytes]:
        return list(codec.decode_batch([list(part) for part in parts]).iter_bytes())

    return Compressor(f"{OURS}encode_batch", compress, decompress)


def with_dictionary(samples: Sequence[bytes]) -> list[Compressor]:
    """Return eqinfo's codecs with a dictionary, and zstd -19 with one.

    All dictionaries are of the same samples and of the same size, at most a tenth of theirs, but
    for one of the largest size that eqinfo takes. Without enough samples there are none.
    """
    size = min(DICTIONARY_BYTES, sum(map(len, samples)) // 10)
    if size < LEAST_DICTIONARY_BYTES:
        return []
    found = [
        _codec_with_dictionary("mixed", samples, size),
        _codec_with_dictionary("adaptive", samples, size),
        _codec_with_dictionary("adaptive", samples, MAX_DICTIONARY_BYTES, "1 MiB "),
    ]
    if zstandard := peer("zstandard"):
        dictionary = zstandard.train_dictionary(size, list(samples))
        found.append(
            _each(
                "zstd -19, dictionary",
                zstandard.ZstdCompressor(level=19, dict_data=dictionary).compress,
                zstandard.ZstdDecompressor(dict_data=dictionary).decompress,
            )
        )
    return found


def _codec_with_dictionary(
    codec: CodecName, samples: Sequence[bytes], size: int, shown_size: str = ""
) -> Compressor:
    """Return a codec with as many shuffled samples as fit."""
    shuffled = list(samples)
    random.Random(0).shuffle(shuffled)
    dictionary = eqinfo.Dictionary(b"".join(shuffled)[:size])
    return Compressor(
        f"{OURS}{codec}, {shown_size}dictionary",
        lambda parts: [*eqinfo.compress_each(parts, codec=codec, dictionary=dictionary)],
        lambda parts: [*eqinfo.decompress_each(parts, dictionary=dictionary)],
    )


def _each(
    name: str, compress: Callable[[bytes], bytes], decompress: Callable[[bytes], bytes]
) -> Compressor:
    """Return a compressor that takes one document after another."""

    def all_of(work: Callable[[bytes], bytes], parts: Sequence[bytes]) -> list[bytes]:
        return [work(part) for part in parts]

    return Compressor(name, partial(all_of, compress), partial(all_of, decompress))


def _codec(codec: CodecName) -> Compressor:
    return _each(f"{OURS}{codec}", partial(eqinfo.compress, codec=codec), eqinfo.decompress)


def _peers() -> list[Compressor]:
    found = []
    if zstandard := peer("zstandard"):
        found += [
            _each(
                f"zstd -{level}",
                zstandard.ZstdCompressor(level=level).compress,
                zstandard.ZstdDecompressor().decompress,
            )
            for level in (3, 19)
        ]
    if brotli := peer("brotli"):
        found += [
            _each(
                f"brotli -{quality}", partial(brotli.compress, quality=quality), brotli.decompress
            )
            for quality in (5, 11)
        ]
    extreme = 9 | lzma.PRESET_EXTREME
    found += [
        _each("xz -9e", partial(lzma.compress, preset=extreme), lzma.decompress),
        _each("bzip2 -9", bz2.compress, bz2.decompress),
    ]
    if bzip3 := peer("bz3"):
        found.append(_each("bzip3", bzip3.compress, bzip3.decompress))
    if bsc := peer("bsc", _COMPILED):
        # The Burrows-Wheeler transform and the adaptive coder, as the program's -e2.
        found.append(_each("bsc -e2", partial(bsc.compress, sorter=1, coder=2), bsc.decompress))
    if pyppmd := peer("pyppmd"):
        options = {"max_order": 8, "mem_size": _PPMD_MEMORY}
        found.append(
            _each(
                "PPMd, order 8",
                partial(pyppmd.compress, **options),
                partial(pyppmd.decompress, **options),
            )
        )
    if paq := peer("paq", _COMPILED):
        found.append(_each("paq9a", paq.compress, paq.decompress))
    if zpaq := peer("zpaq"):
        found.append(_each("zpaq -m5", partial(zpaq.compress, level=5, threads=1), zpaq.decompress))
    return found
