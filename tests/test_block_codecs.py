"""Block codecs without the container around them: groups, parts of blocks, and coded bytes that no
checksum has been asked about."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eqinfo
from eqinfo import mixer, models
from eqinfo.codebook import Codebook
from eqinfo.container.block_codecs.arithmetic import ArithmeticBlockCodec
from eqinfo.container.block_codecs.codebook import CodebookBlockCodec
from eqinfo.container.block_codecs.fast import FastBlockCodec
from eqinfo.container.block_codecs.make import StoredBlockCodec
from eqinfo.container.block_codecs.mixed import MixedBlockCodec
from eqinfo.container.block_codecs.ranged import RangedBlockCodec
from eqinfo.container.block_codecs.segments import SegmentedBlockCodec
from eqinfo.container.block_codecs.windows import WindowsBlockCodec
from eqinfo.errors import FormatError
from eqinfo.models import StaticModel

DATA = bytes(np.random.default_rng(7).integers(97, 123, 700, np.uint8))
MODEL = StaticModel(np.linspace(0, 3, 256).astype(np.int64))
CODEBOOK = Codebook.bundled("en-4k")
SEGMENTED: dict[str, Callable[[int], SegmentedBlockCodec]] = {
    "arithmetic": lambda size: ArithmeticBlockCodec(MODEL, 16, size),
    "windows": lambda size: WindowsBlockCodec(MODEL, 16, size, 32),
}


def decoded(codec: Any, coded: Any, size: int) -> bytes:
    room = np.zeros(size, np.uint8)
    codec.decode(coded, room)
    return room.tobytes()


def streams_of(coded: bytes, count: int) -> list[bytes]:
    lengths = struct.unpack_from(f"<{count - 1}I", coded)
    bounds = np.cumsum([4 * (count - 1), *lengths]).tolist()
    return [coded[a:b] for a, b in zip(bounds, [*bounds[1:], None], strict=True)]


def joined(streams: list[bytes]) -> bytes:
    lengths = struct.pack(f"<{len(streams) - 1}I", *map(len, streams[:-1]))
    return lengths + b"".join(streams)


@pytest.mark.parametrize("kind", SEGMENTED)
@pytest.mark.parametrize("size", [1, 99, 100, 101, 699, 700])
def test_every_group_and_every_range_of_segments(kind: str, size: int) -> None:
    codec = SEGMENTED[kind](100)
    data = DATA[:size]
    coded = bytes(codec.encode(data))
    count = -(-size // 100)
    codec._group = 2  # several groups per block, as in blocks of a thousand segments
    assert bytes(codec.encode(data)) == coded
    assert decoded(codec, coded, size) == data
    for first in range(count):
        for last in range(first + 1, count + 1):
            part = codec.decode_segments(coded, size, first, last)
            assert part.tobytes() == data[100 * first : 100 * last]


# Arithmetic-coded data may have another meaning where a stream is shorter.
LENGTHS = {"arithmetic": [1, 4], "windows": [-4, -1, 1]}


@pytest.mark.parametrize(("kind", "more"), [(k, n) for k, of in LENGTHS.items() for n in of])
@pytest.mark.parametrize("number", range(3))
def test_streams_must_have_their_length(kind: str, more: int, number: int) -> None:
    codec = SEGMENTED[kind](100)
    streams = streams_of(bytes(codec.encode(DATA[:250])), 3)
    assert decoded(codec, joined(streams), 250) == DATA[:250]
    streams[number] = streams[number][:more] if more < 0 else streams[number] + bytes(more)
    with pytest.raises(FormatError, match=rf"segment {number}: expected|ends inside a window"):
        decoded(codec, joined(streams), 250)


@pytest.mark.parametrize("kind", SEGMENTED)
def test_the_directory_must_fit(kind: str) -> None:
    codec = SEGMENTED[kind](100)
    coded = bytes(codec.encode(DATA))
    with pytest.raises(FormatError, match="lengths of 7 segments, found 23 bytes"):
        decoded(codec, coded[:23], 700)
    with pytest.raises(FormatError, match=f"segments up to .*, found {len(coded)} bytes"):
        decoded(codec, struct.pack("<I", len(coded)) + coded[4:], 700)


@pytest.mark.parametrize("size", [1, 50, 149, 151, 250])
def test_windows_must_have_the_size_of_the_segments(size: int) -> None:
    """Windows say themselves where they end, so only the sizes show a wrong one."""
    codec = SEGMENTED["windows"](100)
    coded = SEGMENTED["windows"](150).encode(DATA[:300])
    with pytest.raises(FormatError, match="expected"):
        decoded(codec, coded, min(100 + size, 200))


@pytest.mark.parametrize("data", [b"576,56;576,56;", b"729,813;729,813;"])
def test_short_blocks_that_are_as_long_with_the_model_as_without(data: bytes) -> None:
    model = models.load("en")
    assert len(mixer.encode(data, model)) == len(mixer.encode(data))
    codec = MixedBlockCodec(model, 24)
    assert decoded(codec, codec.encode(data), len(data)) == data
    assert eqinfo.decompress(eqinfo.compress(data)) == data


def test_stored_blocks_are_never_decoded() -> None:
    with pytest.raises(FormatError, match="stored block of 9 bytes, found 8"):
        decoded(StoredBlockCodec(), bytes(8), 9)


def test_ids_must_be_whole_known_and_fill_the_block() -> None:
    codec = CodebookBlockCodec(CODEBOOK)
    coded = bytes(codec.encode(DATA))
    assert decoded(codec, coded, 700) == DATA
    unaligned = memoryview(b"." + coded)[1:]
    assert decoded(codec, unaligned, 700) == DATA
    for changed, message in [
        (coded[:-1], "ids of 2 bytes"),
        (b"\0\x10" + coded[2:], "ids below 4096, found 4096"),
        (coded[:-2], "700"),
        (coded + coded[-2:], "700"),
    ]:
        with pytest.raises(FormatError, match=message):
            decoded(codec, changed, 700)


def test_ranged_ids_must_be_whole_and_fill_the_block() -> None:
    codec = RangedBlockCodec(CODEBOOK)
    coded = bytes(codec.encode(DATA))
    assert decoded(codec, coded, 700) == DATA
    (count,) = struct.unpack_from("<I", coded)
    for changed, message in [
        (coded[:3], "number of ids in 4 bytes, found 3"),
        (struct.pack("<I", 701) + coded[4:], "at most 700 ids, found 701"),
        (coded[:-1], "expected|not a stream"),
        (coded[:6], "end of the stream"),
        (coded + b"\0", f"stream of {len(coded) - 4} bytes, found {len(coded) - 3}"),
        (struct.pack("<I", count - 1) + coded[4:], "expected|not a stream"),
        (struct.pack("<I", 0), "700"),
    ]:
        with pytest.raises(FormatError, match=message):
            decoded(codec, changed, 700)


def test_a_fast_block_says_how_its_literals_are_coded() -> None:
    codec = FastBlockCodec(CODEBOOK)
    coded = bytes(codec.encode(DATA))
    assert decoded(codec, coded, 700) == DATA
    for changed, found in [(b"", "None"), (b"\x02" + coded[1:], "2"), (b"\xff", "255")]:
        with pytest.raises(FormatError, match=f"^expected a first byte of 0 or 1, found {found}$"):
            decoded(codec, changed, 700)


def test_a_short_block_is_coded_as_what_is_shorter() -> None:
    codec = FastBlockCodec(CODEBOOK)
    for data in (
        DATA,
        b"the best of times",
        b"a" * 300,
        b"for (int i = 0; i < n; ++i) sum += values[i];",
    ):
        both = codec._as_bytes(data), codec._as_ids(data)
        assert bytes(codec.encode(data)) in both
        assert len(codec.encode(data)) == min(map(len, both))


@pytest.mark.parametrize(("model", "most"), [(None, 1), ("en", 3)])
def test_a_mixed_block_says_what_it_was_coded_with(model: Any, most: int) -> None:
    codec = MixedBlockCodec(model and models.load(model), 24 if model else 0)
    coded = bytes(codec.encode(DATA))
    assert decoded(codec, coded, 700) == DATA
    for first in (most + 1, 255):
        message = f"^expected a first byte of 0 to {most}, found {first}$"
        with pytest.raises(FormatError, match=message):
            decoded(codec, bytes([first]) + coded[1:], 700)
    with pytest.raises(FormatError, match=r"found None$"):
        decoded(codec, b"", 700)
