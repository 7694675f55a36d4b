"""Solid members: each block goes on where the one before it ended."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo
from container_cases import GOLDEN_FOLDER, TEXT, long_form, noise, words
from eqinfo.cli.main import main
from eqinfo.container.block_codecs.solid import SolidBlockCodec, SolidCoder
from eqinfo.container.index import Index
from eqinfo.errors import ChecksumError, EqInfoError, FormatError, TruncatedError

BLOCK = 700
CALLS = b"\x55\x48\x89\xe5\xe8\x10\x20\x00\x00\x5d\xc3\x90" * 40
DATA = words(3000) + noise(2 * BLOCK) + words(3000)[:2000] + CALLS * 3 + b"end"


def solid(data: bytes = DATA, **options: Any) -> bytes:
    return eqinfo.compress(
        data, **{"codec": "adaptive", "solid": True, "block_bytes": BLOCK} | options
    )


@pytest.mark.parametrize("codec", ["adaptive", "mixed"])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_data_come_back(codec: str, num_threads: int) -> None:
    blob = solid(codec=codec, num_threads=num_threads)
    assert blob == solid(codec=codec)
    assert len(blob) < len(eqinfo.compress(DATA, codec=codec, block_bytes=BLOCK))
    assert eqinfo.decompress(blob, num_threads=num_threads) == DATA
    assert eqinfo.decompress(blob, max_output=len(DATA), num_threads=num_threads) == DATA
    (member,) = Index(io.BytesIO(blob), "").members
    stored = member.entries[:, 0] == member.entries[:, 1]
    assert stored.any()
    assert not stored[-1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([TEXT[:50], b"a", bytes(70), noise(90)]), max_size=9),
    st.integers(1, 90),
)
def test_any_pieces_and_blocks(pieces: list[bytes], block_bytes: int) -> None:
    data = b"".join(pieces)
    compressor = eqinfo.Compressor(codec="adaptive", solid=True, block_bytes=block_bytes)
    blob = b"".join([*map(compressor.compress, pieces), compressor.flush()])
    assert blob == solid(data, block_bytes=block_bytes)
    decompressor = eqinfo.Decompressor()
    assert (
        b"".join(decompressor.decompress(blob[i : i + 7]) for i in range(0, len(blob), 7)) == data
    )


def test_solid_alone_is_mixed() -> None:
    blob = eqinfo.compress(DATA, solid=True, block_bytes=BLOCK)
    assert blob == solid(codec="mixed") == solid(level="best", codec=None)
    assert solid(solid=False) == eqinfo.compress(DATA, codec="adaptive", block_bytes=BLOCK)


def test_one_short_block_is_compact() -> None:
    assert solid(TEXT, block_bytes=1 << 15) == eqinfo.compress(TEXT, codec="adaptive")


def test_reads_at_any_position() -> None:
    blob = solid()
    with eqinfo.open(io.BytesIO(blob)) as file:
        for position in (5000, 100, 6000, 6000, 3001, len(DATA) - 5, 0):
            file.seek(position)
            assert file.read(1000) == DATA[position : position + 1000]
        file.seek(0)
        assert file.read() == DATA


def test_reading_on_decodes_every_block_once() -> None:
    blob = solid()
    with (
        eqinfo.open(io.BytesIO(blob)) as file,
        mock.patch.object(
            SolidCoder, "decode", autospec=True, side_effect=SolidCoder.decode
        ) as decode,
        mock.patch.object(
            SolidCoder, "learn", autospec=True, side_effect=SolidCoder.learn
        ) as learn,
    ):
        file.seek(2 * BLOCK)
        file.raw.read(1)  # type: ignore[attr-defined]
        assert decode.call_count + learn.call_count == 3
        file.seek(4 * BLOCK)
        while file.raw.read(100):  # type: ignore[attr-defined]
            pass
        assert decode.call_count + learn.call_count == -(-len(DATA) // BLOCK)


def test_beside_other_members() -> None:
    ranged = long_form(TEXT, codec="ranged", block_bytes=100)
    blob = ranged + solid() + solid(TEXT * 3) + eqinfo.compress(b"compact") + ranged
    data = TEXT + DATA + TEXT * 3 + b"compact" + TEXT
    for num_threads in (1, 2):
        assert eqinfo.decompress(blob, num_threads=num_threads) == data
        with eqinfo.open(io.BytesIO(blob), num_threads=num_threads) as file:
            assert file.read() == data
            for position in (
                len(TEXT) + 4000,
                50,
                len(data) - 20,
                len(TEXT) - 30,
                len(TEXT + DATA),
            ):
                file.seek(position)
                assert file.read(5000) == data[position : position + 5000]


def test_a_member_of_too_many_blocks_is_followed_by_another() -> None:
    with mock.patch("eqinfo.container.writer.MAX_BLOCKS", 3):
        blob = solid()
    assert len(Index(io.BytesIO(blob), "").members) == 4
    assert eqinfo.decompress(blob) == DATA


def test_an_error_names_the_first_block_that_is_wrong_and_later_reads_begin_anew() -> None:
    blob = bytearray(solid())
    (member,) = Index(io.BytesIO(blob), "").members
    blob[member.offsets[2] + 30] ^= 1
    with pytest.raises(ChecksumError, match=f"offset {member.offsets[2]}: expected a block"):
        eqinfo.decompress(blob)
    with eqinfo.open(io.BytesIO(blob)) as file:
        for _ in range(2):
            file.seek(5 * BLOCK)
            with pytest.raises(ChecksumError, match=f"offset {member.offsets[2]}: "):
                file.read(1)
            file.seek(BLOCK)
            assert file.read(BLOCK) == DATA[BLOCK : 2 * BLOCK]


def test_no_flip_and_no_cut_gives_other_data() -> None:
    data = TEXT[:40] + noise(20) + TEXT[:30]
    blob = solid(data, block_bytes=20)
    for place in range(0, len(blob), 3):
        flipped = blob[:place] + bytes([blob[place] ^ 1 << place % 8]) + blob[place + 1 :]
        for damaged in (flipped, blob[:place]):
            with pytest.raises(EqInfoError):
                eqinfo.decompress(damaged)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1), st.binary(max_size=30), st.integers(1, 60))
def test_any_code_decodes_or_is_refused(kind: int, code: bytes, size: int) -> None:
    """As if the checksums were right."""
    coder = SolidBlockCodec(None, 0, BLOCK).begin()
    room = np.zeros(size, np.uint8)
    try:
        coder.decode(bytes([kind]) + code, room)
    except FormatError:
        return
    assert bytes(coder.encode(b"goes on"))


@pytest.mark.parametrize("coded", [b"", b"\2more"])
def test_unknown_kinds_of_blocks_are_refused(coded: bytes) -> None:
    coder = SolidBlockCodec(None, 0, BLOCK).begin()
    with pytest.raises(FormatError, match="a first byte of 0 to 1, found"):
        coder.decode(coded, memoryview(bytearray(9)))  # type: ignore[arg-type]


def test_a_coder_takes_memory_from_its_first_block_on() -> None:
    """Headers are read ahead of the blocks, and a file may have any number of them."""
    with mock.patch("eqinfo.container.block_codecs.solid.SolidMixer") as made:
        coders = [SolidBlockCodec(None, 0, BLOCK).begin() for _ in range(9)]
    made.assert_not_called()
    assert len(coders) == 9


@pytest.mark.parametrize("codec", ["ranged", "arithmetic", "stored", "auto"])
def test_other_codecs_cannot_be_solid(codec: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"'mixed' and 'adaptive', found it with '{codec}'"):
        solid(codec=codec)
    source = tmp_path / "a"
    source.write_bytes(TEXT)
    done = CliRunner().invoke(main, ["compress", "--solid", "--codec", codec, str(source)])
    assert done.exit_code == 2
    assert f"--codec mixed or adaptive, or --best, found --codec {codec}" in done.output


def test_command_line(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(DATA)
    arguments = ["compress", "--solid", "--codec", "adaptive", "--block-kib", "1", str(source)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert (tmp_path / "a.eqi").read_bytes() == solid(block_bytes=1024)
    shown = CliRunner().invoke(main, ["inspect", str(tmp_path / "a.eqi")]).output
    assert f"blocks     {-(-len(DATA) // 1024)} of 1,024 bytes, solid, " in shown
    assert "windows" not in shown


@pytest.mark.parametrize(
    ("name", "stored"), [("adaptive-solid", 0), ("adaptive-solid-calls", 1), ("mixed-solid", 0)]
)
def test_golden_files_have_what_they_are_for(name: str, stored: int) -> None:
    (member,) = Index(io.BytesIO((GOLDEN_FOLDER / f"{name}.eqi").read_bytes()), "").members
    assert member.header.solid
    raw, coded = member.entries.T
    assert np.count_nonzero(raw == coded) == stored


@pytest.mark.skipif(os.name != "posix", reason="kills and pipes as on POSIX")
@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_a_kill_leaves_the_old_file(command: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    options = ["--codec", "adaptive", "--solid", "--block-kib", "1"]
    given = DATA if command == "compress" else solid(block_bytes=1024)
    process = subprocess.Popen(
        [sys.executable, "-m", "eqinfo", command, "-f", "-o", str(target)]
        + (options if command == "compress" else []),
        stdin=subprocess.PIPE,
    )
    assert process.stdin
    try:
        process.stdin.write(given[: len(given) * 3 // 4])
        process.stdin.flush()
        written: list[Path] = []
        for _ in range(600):  # until some blocks have been written
            written = [path for path in tmp_path.glob(".*.tmp") if path.stat().st_size > 1000]
            if written:
                break
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    process.stdin.close()
    assert target.read_bytes() == b"old"
    (part,) = written
    if command == "compress":
        with pytest.raises(TruncatedError):
            eqinfo.decompress(part.read_bytes())
    else:
        assert DATA.startswith(part.read_bytes())
