"""The compact form of small data: what it costs, when it is written, and how it is read.

Damage is in test_container_damage.py, which also takes the golden files of the compact form.
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import eqinfo
from container_cases import (
    GOLDEN_FOLDER,
    TEXT,
    decompress_in_one_piece,
    golden_codebook,
    long_form,
    noise,
    words,
)
from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.container.block_codecs.codebook import CodebookBlockCodec
from eqinfo.container.compact import HEADERS, MAX_COMPACT_BYTES
from eqinfo.container.header import CodecId
from eqinfo.container.index import Index
from eqinfo.container.magic import COMPACT_MAGIC, MAGIC
from eqinfo.container.settings import settings
from eqinfo.container.summary import summary
from eqinfo.container.trailer import is_like_trailer
from eqinfo.errors import ChecksumError, EqInfoError, ModelMismatchError, OutputLimitError
from eqinfo.models.native_model import BUNDLED_MODELS

MAX_OVERHEAD = 14
CODECS = sorted({codec_id.label for codec_id, _ in HEADERS if not codec_id.has_dictionary})


class Pipe(io.RawIOBase):
    """Bytes that can only be read in order, a few at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, 7))


def is_compact(blob: bytes) -> bool:
    return blob.startswith(COMPACT_MAGIC)


def overhead(blob: bytes) -> int:
    """Return how many bytes a file of one member has besides what is coded."""
    (member,) = Index(io.BytesIO(blob), "data").members
    return len(blob) - int(member.entries[:, 1].sum())


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("data", [words(300), noise(300)], ids=["text", "noise"])
def test_overhead(codec: Any, data: bytes) -> None:
    for size in range(301):
        blob = eqinfo.compress(data[:size], codec=codec)
        assert is_compact(blob)
        assert overhead(blob) <= MAX_OVERHEAD
        assert len(blob) <= size + 12
        if size % 50 == 0:
            assert len(blob) < len(long_form(data[:size], codec=codec))
            assert eqinfo.decompress(blob) == data[:size]


@pytest.mark.parametrize("codec", CODECS)
def test_the_largest(codec: Any) -> None:
    for data in (words(MAX_COMPACT_BYTES), noise(MAX_COMPACT_BYTES)):
        blob = eqinfo.compress(data, codec=codec)
        assert is_compact(blob)
        assert overhead(blob) <= MAX_OVERHEAD
        assert eqinfo.decompress(blob) == data
        with eqinfo.open(io.BytesIO(blob)) as file:
            file.seek(20_000)
            assert file.read(50) == data[20_000:20_050]
    if codec != "windows":
        assert not is_compact(eqinfo.compress(words(MAX_COMPACT_BYTES + 1), codec=codec))


# Files hold ids of at most 16 bits.
CODEBOOKS = [name for name in BUNDLED if Codebook.bundled(name).window_bits <= 16]


@pytest.mark.parametrize("name", CODEBOOKS)
@pytest.mark.parametrize("codec", ["codebook", "ranged"])
def test_every_bundled_codebook(name: str, codec: Any) -> None:
    blob = eqinfo.compress(TEXT, name, codec=codec)
    assert is_compact(blob)
    assert eqinfo.decompress(blob) == TEXT
    assert is_compact(eqinfo.compress(TEXT, eqinfo.Codebook.bundled(name), codec=codec))


def test_numbers_stand_for_the_bundled_models_and_the_default_parameters() -> None:
    """If this fails for a new model or codebook, give it a number; numbers never change."""
    found = set()
    for (codec_id, _), header in HEADERS.items():
        dictionary = b"a" if codec_id.has_dictionary else None
        long, _ = settings(
            header.model_name or None,
            {"codec": codec_id.label, "dictionary": dictionary},  # type: ignore[typeddict-item]
        )
        assert (header.model_id, header.numeric_id) == (long.model_id, long.numeric_id)
        assert (header.segment_bytes, header.window_bits, header.precision) == (
            long.segment_bytes, long.window_bits, long.precision,
        )  # fmt: skip
        found.add((codec_id, header.model_name))
    for codec_id in {codec_id for codec_id, _ in HEADERS}:
        bundled = (
            BUNDLED_MODELS if codec_id.has_model else CODEBOOKS if codec_id.has_codebook else [""]
        )
        for name in bundled:
            assert (codec_id, name) in found


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("codebook", {}),
        (None, {"segment_bytes": 100}),
        (None, {"codec": "windows", "window_bits": 64}),
        (None, {"codec": "ranged", "block_bytes": 100}),
    ],
)
def test_what_has_no_number_takes_the_long_form(model: str | None, options: Any) -> None:
    codebook = None if model is None else golden_codebook()
    blob = eqinfo.compress(TEXT, codebook, **options)
    assert blob.startswith(MAGIC)
    assert eqinfo.decompress(blob, codebook) == TEXT


@pytest.mark.parametrize("data", [b"", TEXT])
def test_every_writer_writes_the_same(data: bytes, tmp_path: Path) -> None:
    blob = eqinfo.compress(data, codec="ranged")
    assert is_compact(blob)
    compressor = eqinfo.Compressor(codec="ranged", num_threads=2)
    parts = [compressor.compress(data[:9]), compressor.compress(data[9:]), compressor.flush()]
    assert b"".join(parts) == blob
    out = io.BytesIO()
    with eqinfo.open(out, "w", codec="ranged") as file:
        for byte in data:
            file.write(bytes([byte]))
            file.flush()  # of full blocks, and there are none
    assert out.getvalue() == blob
    with eqinfo.open(tmp_path / "text.eqi", "wt", newline="", codec="ranged") as text:
        text.write(data.decode())
    assert (tmp_path / "text.eqi").read_bytes() == blob
    done = subprocess.run(
        [sys.executable, "-m", "eqinfo", "compress", "--codec", "ranged"],
        input=data, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == blob


def test_a_log_of_small_members(tmp_path: Path) -> None:
    path = tmp_path / "log.eqi"
    for number in range(3):
        with eqinfo.open(path, "at", codec="ranged") as file:
            assert file.tell() == 7 * number
            file.write(f"line {number}\n")
    assert path.read_bytes().count(COMPACT_MAGIC) == 3
    with eqinfo.open(path, "rt") as file:
        assert list(file) == ["line 0\n", "line 1\n", "line 2\n"]


def read_by_seeking(blob: bytes) -> bytes:
    """Read the second half before the first one."""
    with eqinfo.open(io.BytesIO(blob), num_threads=2) as file:
        middle = file.seek(0, 2) // 2
        file.seek(middle)
        second = file.read()
        file.seek(0)
        return file.read(middle) + second


def read_pipe(blob: bytes) -> bytes:
    with eqinfo.open(Pipe(blob)) as file:  # type: ignore[call-overload]
        return bytes(file.read())


def push(blob: bytes, max_length: int = 11) -> bytes:
    """Decompress member by member, with a limit on what each call returns."""
    out = b""
    while blob:
        decompressor = eqinfo.Decompressor()
        out += decompressor.decompress(blob, max_length)
        while not decompressor.eof:
            assert not decompressor.needs_input
            part = decompressor.decompress(b"", max_length)
            assert len(part) <= max_length
            out += part
        blob = decompressor.unused_data
    return out


READERS: list[Callable[[bytes], bytes]] = [
    eqinfo.decompress,
    decompress_in_one_piece,
    read_by_seeking,
    read_pipe,
    push,
]

members = st.tuples(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(str.encode),
        st.integers(0, 400).map(words),
        st.integers(0, 200).map(lambda size: bytes(size)),
    ),
    st.sampled_from(CODECS),
    st.booleans(),
)


@given(parts=st.lists(members, min_size=1, max_size=5))
@hypothesis_settings(deadline=None, max_examples=60)
def test_members_of_both_forms_in_any_order(parts: list[tuple[bytes, Any, bool]]) -> None:
    data = b"".join(part for part, _, _ in parts)
    blob = b"".join(
        long_form(part, codec=codec) if is_long else eqinfo.compress(part, codec=codec)
        for part, codec, is_long in parts
    )
    for read in READERS:
        assert read(blob) == data
    assert eqinfo.decompress(blob, max_output=len(data), num_threads=2) == data
    if data:
        with pytest.raises(OutputLimitError):
            eqinfo.decompress(blob, max_output=len(data) - 1)
    index = Index(io.BytesIO(blob), "data")
    assert [member.raw_bytes for member in index.members] == [len(part) for part, _, _ in parts]


@pytest.mark.parametrize("codec", CODECS)
@given(
    lengths=st.binary(min_size=2, max_size=4), rest=st.binary(max_size=60), number=st.integers(0, 6)
)
@hypothesis_settings(deadline=None, max_examples=40)
def test_any_bytes_behind_the_magic_number(
    codec: Any, lengths: bytes, rest: bytes, number: int
) -> None:
    form = 0x10 | CodecId[codec.upper()]
    blob = COMPACT_MAGIC + bytes([form, number]) + lengths + rest
    for read in (eqinfo.decompress, decompress_in_one_piece, read_by_seeking, read_pipe):
        with pytest.raises(EqInfoError, match=r"offset \d+: "):
            read(blob)


def test_a_compact_member_that_ends_like_a_long_one() -> None:
    """Its data have, where a trailer would have them, a number of blocks and of header bytes."""
    data = words(50) + struct.pack("<II", 1, 36) + bytes(11)
    blob = eqinfo.compress(data, codec="stored")
    assert is_compact(blob)
    assert is_like_trailer(blob[-24:])
    short = eqinfo.compress(b"short")
    empty = long_form(b"", codec="stored")
    cases: Iterable[tuple[bytes, bytes]] = [
        (blob, data),
        (short + blob, b"short" + data),
        (blob + empty + short + blob, data + b"short" + data),
    ]
    for content, expected in cases:
        for read in READERS:
            assert read(content) == expected


def test_a_wrong_model_is_refused() -> None:
    blob = eqinfo.compress(TEXT, "en-dense", codec="ranged")
    for read in (eqinfo.decompress, lambda blob, model: eqinfo.open(io.BytesIO(blob), "r", model)):
        with pytest.raises(ModelMismatchError, match="offset 0: expected the model 'en-dense'"):
            read(blob, golden_codebook())
        with pytest.raises(ModelMismatchError, match="offset 0: expected the model 'en-dense'"):
            read(blob, "en-4k")
    assert eqinfo.decompress(blob, "en-dense") == TEXT


def test_a_wrong_decode_is_found() -> None:
    """The checksum covers the data, not only what they are decoded from."""
    blob = eqinfo.compress(TEXT, codec="codebook")
    with mock.patch.object(CodebookBlockCodec, "text", lambda self, ids, room: room.fill(0)):
        for read in READERS:
            with pytest.raises(ChecksumError, match="offset 0: expected data with the checksum"):
                read(blob)


def test_the_summary_names_the_form() -> None:
    blob = (GOLDEN_FOLDER / "compact-concatenated.eqi").read_bytes()
    lines = list(summary(Index(io.BytesIO(blob), "a"), "a"))
    assert lines[0].startswith("a: 6 members, 1,745 bytes of data in 1,2")
    assert "    codec      arithmetic, version 1, compact" in lines
    assert "    codec      stored, version 1" in lines
    assert "    model      en, id 3256c7bbc40c2094" in lines
    assert "    blocks     1 in the compact form, 0 of them stored" in lines
