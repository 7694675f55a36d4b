"""Levels stand for codecs. The default codec takes for each block what makes a sample of it
smaller, and a writer without a model takes the bundled one that does so for its first block."""

from __future__ import annotations

import io
from pydoc_data import topics
from typing import Any

import pytest

import eqinfo
from container_cases import long_form, noise
from eqinfo.container.block_codecs.auto import PIECE_BYTES, AutoBlockCodec
from eqinfo.container.compact import MAX_COMPACT_BYTES
from eqinfo.container.header import CodecId
from eqinfo.container.index import Index
from eqinfo.container.sample import sample_of
from eqinfo.container.settings import LEVELS, CompressOptions, candidates
from eqinfo.errors import FormatError
from eqinfo.models import StaticModel
from eqinfo.models.native_model import BUNDLED_MODELS, load

ENGLISH = "".join(topics.topics.values()).encode()[:40_000]
RUSSIAN = (
    "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и "
    "совестью и должны поступать в отношении друг друга в духе братства. Каждый человек имеет "
    "право на жизнь, на свободу и на личную неприкосновенность. Никто не должен содержаться в "
    "рабстве или в подневольном состоянии; рабство и работорговля запрещаются во всех их видах. "
).encode()
PROSE = (
    b"It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
    b"age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the "
    b"season of Light, it was the season of Darkness, it was the spring of hope, it was the winter "
    b"of despair, we had everything before us, we had nothing before us, we were all going direct "
    b"to Heaven, we were all going direct the other way. "
)
TABLE = b"".join(b"%d\t%d\t%d\n" % (i, i * i, i % 7) for i in range(3000))
BLOCK = 1 << 13
BLOCK_HEADER_BYTES = 20


def codec_of(blob: bytes) -> CodecId:
    return CodecId(blob[5])


def codecs_of_blocks(blob: bytes) -> list[int]:
    """Return the number in the first byte of each block's code; -1 for stored blocks."""
    (member,) = Index(io.BytesIO(blob), "").members
    return [
        -1 if raw == coded else blob[offset + BLOCK_HEADER_BYTES]
        for (raw, coded), offset in zip(member.entries, member.offsets, strict=True)
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [(ENGLISH, CodecId.ARITHMETIC), (TABLE, CodecId.ADAPTIVE), (bytes(50_000), CodecId.ADAPTIVE)],
    ids=["English", "table", "zeros"],
)
def test_long_data_is_coded_as_its_sample(data: bytes, expected: CodecId) -> None:
    blob = long_form(data)
    assert codec_of(blob) is CodecId.AUTO
    assert codecs_of_blocks(blob) == [expected]
    (size,), (same,) = (
        Index(io.BytesIO(each), "").members[0].entries[:, 1].tolist()
        for each in (blob, long_form(data, codec=expected.label))
    )
    assert size == same + 1
    assert eqinfo.decompress(blob) == data


def test_each_block_has_its_codec() -> None:
    data = ENGLISH[:BLOCK] + TABLE[:BLOCK] + noise(BLOCK) + ENGLISH[BLOCK : 2 * BLOCK]
    blob = eqinfo.compress(data, block_bytes=BLOCK, num_threads=2)
    assert codecs_of_blocks(blob) == [CodecId.ARITHMETIC, CodecId.ADAPTIVE, -1, CodecId.ARITHMETIC]
    assert eqinfo.decompress(blob, num_threads=2) == data
    decompressor = eqinfo.Decompressor()
    assert decompressor.decompress(blob) == data
    assert decompressor.eof
    best = min(len(long_form(data, codec=c, block_bytes=BLOCK)) for c in ("arithmetic", "adaptive"))
    assert len(blob) < best
    with eqinfo.open(io.BytesIO(blob)) as file:
        for position in range(0, len(data), 5000):
            file.seek(position)
            assert file.read(10) == data[position : position + 10]


def test_a_seek_decodes_only_the_segments_that_it_needs() -> None:
    blob = eqinfo.compress(ENGLISH, codec="auto", segment_bytes=1000)
    with eqinfo.open(io.BytesIO(blob)) as file:
        file.seek(30_500)
        file.raw.readinto(bytearray(10))  # type: ignore[attr-defined]
        assert len(file.raw._data) == 1000  # type: ignore[attr-defined]


@pytest.mark.parametrize("data", [ENGLISH[:900], TABLE[:900], bytes(900), b"", b"a"])
def test_short_data_are_mixed(data: bytes) -> None:
    assert eqinfo.compress(data) == eqinfo.compress(data, codec="mixed")
    assert len(eqinfo.compress(data)) <= 1.01 * len(eqinfo.compress(data, codec="arithmetic")) + 1


@pytest.mark.parametrize("size", [900, MAX_COMPACT_BYTES + 1])
@pytest.mark.parametrize("level", LEVELS)
def test_a_level_stands_for_a_codec(level: Any, size: int) -> None:
    data = ENGLISH[:size]
    blob = eqinfo.compress(data, level=level)
    assert blob == eqinfo.compress(data, codec=LEVELS[level])
    assert (blob == eqinfo.compress(data)) == (
        level == "balanced" or (size, level) == (900, "best")
    )
    assert eqinfo.decompress(blob) == data


def test_a_level_takes_a_model_of_its_codec() -> None:
    blob = eqinfo.compress(ENGLISH, "en", level="fast")
    assert blob == eqinfo.compress(ENGLISH, "en", codec=LEVELS["fast"])
    with pytest.raises(TypeError, match=f"a Codebook for the codec {LEVELS['fast']}"):
        eqinfo.compress(ENGLISH, StaticModel.fit(b"ab"), level="fast")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "bset"}, "a level among fast, balanced, best, found 'bset'"),
        ({"level": "fast", "codec": "mixed"}, "a level or a codec, found the level 'fast' and"),
        ({"level": "best", "segment_bytes": 100}, "segment_bytes only with the codecs"),
        ({"level": "best", "window_bits": 32}, "window_bits only with the codec 'windows'"),
    ],
)
def test_levels_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eqinfo.compress(b"", **options)


@pytest.mark.parametrize(
    "options",
    [{"model": StaticModel.fit(b"ab")}, {"codec": "arithmetic"}, {"segment_bytes": 100}],
    ids=["model", "codec", "segments"],
)
def test_what_is_given_is_not_chosen(options: dict[str, Any]) -> None:
    model = options.pop("model", None)
    for short, long in candidates(model, options):
        assert [short.header.codec_id, long.header.codec_id] == [CodecId.ARITHMETIC] * 2


def test_samples_come_from_all_over_the_data() -> None:
    data = bytes(range(100))
    assert sample_of(data, 2) == bytes([0, 1, 32, 33, 65, 66, 98, 99])
    assert sample_of(memoryview(data), 25) == sample_of(data, 40) == data
    assert sample_of(b"", 1) == b""


def test_a_block_is_coded_as_its_sample() -> None:
    codec = candidates(None, {})[0].long.codec
    assert isinstance(codec, AutoBlockCodec)
    english, table = ENGLISH[:PIECE_BYTES], TABLE[:PIECE_BYTES]
    assert codec.encode((english + table) * 3 + english)[0] == CodecId.ARITHMETIC
    assert codec.encode((table + english) * 3 + table)[0] == CodecId.ADAPTIVE
    assert codec.encode(TABLE[:100])[0] == CodecId.ADAPTIVE


class FixedCodec:
    """A block codec whose code has a length of its own for any data."""

    exact = True

    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, data: bytes) -> bytes:
        return bytes(self.size)


def test_long_blocks_speak_for_what_learns() -> None:
    codec = AutoBlockCodec(load("en"), 24, 1 << 15)
    fixed = {CodecId.ARITHMETIC: FixedCodec(1000), CodecId.ADAPTIVE: FixedCodec(1100)}
    codec._codecs = fixed  # type: ignore[assignment]
    whole = sample_of(bytes(1 << 20), PIECE_BYTES)
    chosen = [codec.encode(bytes(len(whole) << k))[0] for k in range(4)]
    assert chosen == [CodecId.ARITHMETIC, CodecId.ARITHMETIC, CodecId.ADAPTIVE, CodecId.ADAPTIVE]


@pytest.mark.parametrize("coded", [b"", b"\0", b"\6more"])
def test_blocks_of_other_codecs_are_refused(coded: bytes) -> None:
    codec = candidates(None, {})[0].long.codec
    assert isinstance(codec, AutoBlockCodec)
    with pytest.raises(FormatError, match="a codec of 4 or 5 for the block, found"):
        codec.chosen(coded)


MODEL_OPTIONS: list[CompressOptions] = [
    {"codec": "mixed"}, {"codec": "arithmetic"}, {"codec": "auto"}, {"solid": True},
    {"codec": "mixed", "block_bytes": 300}, {"codec": "auto", "block_bytes": 300},
    {"solid": True, "block_bytes": 300}, {},
]  # fmt: skip


@pytest.mark.parametrize("options", MODEL_OPTIONS, ids=str)
@pytest.mark.parametrize(("data", "name"), [(PROSE, "en"), (RUSSIAN, "world")])
def test_the_first_block_chooses_the_model(
    data: bytes, name: str, options: CompressOptions
) -> None:
    blob = eqinfo.compress(data, **options)
    with eqinfo.open(io.BytesIO(blob)) as file:
        assert file.read() == data
    (member,) = Index(io.BytesIO(blob), "").members
    assert member.header.model_name == name
    given = options or {"level": "balanced"}
    sizes = {each: len(eqinfo.compress(data, each, **given)) for each in BUNDLED_MODELS}
    assert blob == eqinfo.compress(data, name, **given)
    assert min(sizes, key=sizes.__getitem__) == name


def test_a_model_is_chosen_by_the_first_block() -> None:
    data = RUSSIAN + PROSE * 4
    blob = eqinfo.compress(data, codec="arithmetic", block_bytes=len(RUSSIAN))
    (member,) = Index(io.BytesIO(blob), "").members
    assert member.header.model_name == "world"
    assert eqinfo.decompress(blob) == data


@pytest.mark.parametrize(("text", "name"), [(PROSE, "en"), (RUSSIAN, "world")])
def test_a_dictionary_chooses_the_model(text: bytes, name: str) -> None:
    dictionary = eqinfo.Dictionary(text)
    blob = eqinfo.compress(ENGLISH[:300], dictionary=dictionary)
    (member,) = Index(io.BytesIO(blob), "").members
    assert member.header.model_name == name
    assert eqinfo.decompress(blob, dictionary=dictionary) == ENGLISH[:300]


def test_windows_take_the_default_model() -> None:
    blob = eqinfo.compress(ENGLISH[:600], codec="windows")
    (member,) = Index(io.BytesIO(blob), "").members
    assert member.header.model_name == "en"


@pytest.mark.parametrize("data", [TABLE, RUSSIAN * 50], ids=["table", "Russian"])
def test_all_writers_choose_alike(data: bytes) -> None:
    expected = long_form(data)
    out = io.BytesIO()
    with eqinfo.open(out, "wb") as file:
        for i in range(0, len(data), 999):
            file.write(data[i : i + 999])
    compressor = eqinfo.Compressor(num_threads=2)
    assert out.getvalue() == compressor.compress(data) + compressor.flush() == expected
