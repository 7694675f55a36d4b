"""What the benchmarks of files compare: every codec of eqinfo, and other compressors.

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
LARGEST = "1 MiB "
"""What names of the largest dictionaries say."""

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
    """Return eqinfo's codecs, then all others that can be had here, but for the fastest zstd."""
    return [*map(_codec, codecs), *others(*(name for name in OTHERS if name != "zstd -1"))]


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

    All dictionaries are of the same samples. Those of one size have at most a tenth of theirs;
    zstd's is trained, for its level. The others have as many samples as fit into the largest size
    that eqinfo takes. Without enough samples there are none.
    """
    size = min(DICTIONARY_BYTES, sum(map(len, samples)) // 10)
    if size < LEAST_DICTIONARY_BYTES:
        return []
    shuffled = list(samples)
    random.Random(0).shuffle(shuffled)
    joined = b"".join(shuffled)
    largest = joined[:MAX_DICTIONARY_BYTES]
    found = [
        _codec_with_dictionary("mixed", joined[:size]),
        _codec_with_dictionary("adaptive", joined[:size]),
        _codec_with_dictionary("adaptive", largest, LARGEST),
    ]
    if zstandard := peer("zstandard"):
        trained = zstandard.train_dictionary(size, list(samples), level=19)
        raw = zstandard.ZstdCompressionDict(largest, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        for dictionary in (trained, raw):
            dictionary.precompute_compress(level=19)
        found += [
            _each(
                f"zstd -19, {shown_size}dictionary",
                zstandard.ZstdCompressor(level=19, dict_data=dictionary).compress,
                zstandard.ZstdDecompressor(dict_data=dictionary).decompress,
            )
            for shown_size, dictionary in (("", trained), (LARGEST, raw))
        ]
    return found


def _codec_with_dictionary(codec: CodecName, data: bytes, shown_size: str = "") -> Compressor:
    dictionary = eqinfo.Dictionary(data)
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


def others(*names: str) -> list[Compressor]:
    """Return the compressors of other packages with these names; those that are not installed are
    left out, and said to be."""
    found = ((name, OTHERS[name]()) for name in names)
    return [_each(name, *pair) for name, pair in found if pair is not None]


_Pair = tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]


def _zstd(level: int) -> _Pair | None:
    if zstandard := peer("zstandard"):
        compressor, decompressor = zstandard.ZstdCompressor(level), zstandard.ZstdDecompressor()
        return compressor.compress, decompressor.decompress
    return None


def _brotli(quality: int) -> _Pair | None:
    if brotli := peer("brotli"):
        return partial(brotli.compress, quality=quality), brotli.decompress
    return None


def _xz() -> _Pair:
    return partial(lzma.compress, preset=9 | lzma.PRESET_EXTREME), lzma.decompress


def _bzip3() -> _Pair | None:
    bzip3 = peer("bz3")
    return bzip3 and (bzip3.compress, bzip3.decompress)


def _bsc() -> _Pair | None:
    """Return the Burrows-Wheeler transform and the adaptive coder, as the program's -e2."""
    bsc = peer("bsc", _COMPILED)
    return bsc and (partial(bsc.compress, sorter=1, coder=2), bsc.decompress)


def _ppmd() -> _Pair | None:
    if pyppmd := peer("pyppmd"):
        options = {"max_order": 8, "mem_size": _PPMD_MEMORY}
        return partial(pyppmd.compress, **options), partial(pyppmd.decompress, **options)
    return None


def _paq() -> _Pair | None:
    paq = peer("paq", _COMPILED)
    return paq and (paq.compress, paq.decompress)


def _zpaq() -> _Pair | None:
    zpaq = peer("zpaq")
    return zpaq and (partial(zpaq.compress, level=5, threads=1), zpaq.decompress)


OTHERS: dict[str, Callable[[], _Pair | None]] = {
    "zstd -1": partial(_zstd, 1),
    "zstd -3": partial(_zstd, 3),
    "zstd -19": partial(_zstd, 19),
    "brotli -5": partial(_brotli, 5),
    "brotli -11": partial(_brotli, 11),
    "xz -9e": _xz,
    "bzip2 -9": lambda: (bz2.compress, bz2.decompress),
    "bzip3": _bzip3,
    "bsc -e2": _bsc,
    "PPMd, order 8": _ppmd,
    "paq9a": _paq,
    "zpaq -m5": _zpaq,
}
"""How to find each, by its name in tables."""
