"""Damaged files of every kind give an error of this package, never other data or much memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo
from container_cases import (
    GOLDEN,
    GOLDEN_FOLDER,
    TEXT,
    decompress_in_one_piece,
    golden_file_model,
    long_form,
)
from eqinfo.codebook import file as codebook_file
from eqinfo.container.block import Block, decode_block, fresh_room
from eqinfo.container.checksum import checksum, short_checksum
from eqinfo.container.header import MAX_BLOCK_BYTES, MAX_SEGMENT_BYTES
from eqinfo.container.index import Index
from eqinfo.container.magic import is_container
from eqinfo.container.output import OutputBuffer
from eqinfo.container.settings import CodecName
from eqinfo.container.trailer import MAX_BLOCKS, Trailer
from eqinfo.errors import ChecksumError, EqInfoError, FormatError, NumericMismatchError

COMPACT = ("byte", "empty", "short", "noise", "ranged-en", "codebook-en-4k", "windows")
FILES = (
    *("byte", "empty", "codebook", "ranged", "noise"),
    *(f"compact-{name}" for name in COMPACT),
)
NATIVE = ("windows", "arithmetic")
CODED = ("codebook", "ranged", "arithmetic-en", "windows-en", "windows", "arithmetic")
MESSAGE_PLACE = "offset [0-9]+: "


def golden(name: str) -> tuple[bytes, bytes, Any]:
    case = GOLDEN["good"][name]
    content = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    return content, bytes.fromhex(case["data"]), golden_file_model(case["model"])


def small(codec: CodecName) -> tuple[bytes, bytes, Any]:
    """Return a file of the native model, with two blocks of two segments."""
    data = TEXT[:70]
    return eqinfo.compress(data, codec=codec, block_bytes=40, segment_bytes=20), data, None


CASES = {name: golden(name) for name in FILES} | {f"{name}-en": small(name) for name in NATIVE}


def read_with_file_object(content: bytes, model: Any) -> bytes:
    with eqinfo.open(io.BytesIO(content), model=model) as file:
        file.seek(0, 2)
        file.seek(0)
        return bytes(file.read())


def outcome(read: Callable[[bytes, Any], bytes], content: bytes, model: object) -> bytes | str:
    """Return the data, or the message of an error of this package."""
    try:
        return read(content, model)
    except EqInfoError as error:
        return str(error)


READERS = pytest.mark.parametrize(
    "read", [eqinfo.decompress, decompress_in_one_piece, read_with_file_object]
)


@READERS
@pytest.mark.parametrize("name", CASES)
def test_every_single_bit(name: str, read: Callable[[bytes, Any], bytes]) -> None:
    content, _, model = CASES[name]
    for bit in range(8 * len(content)):
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        # Every bit matters: decoded data, even if right, would be as wrong as no error.
        found = outcome(read, bytes(altered), model)
        assert isinstance(found, str), bit
        assert "offset" in found


@READERS
@pytest.mark.parametrize("name", [*CASES, "concatenated", "compact-concatenated"])
def test_every_truncation(name: str, read: Callable[[bytes, Any], bytes]) -> None:
    content, data, model = CASES[name] if name in CASES else golden(name)
    for size in range(len(content)):
        found = outcome(read, content[:size], model)
        if isinstance(found, str):
            assert "offset" in found
        else:
            # What is left is a number of whole members.
            assert name.endswith("concatenated")
            assert is_container(content[size : size + 4])
            assert data.startswith(found)


@pytest.mark.parametrize("name", FILES)
def test_every_byte_after_the_end(name: str) -> None:
    content, _, model = golden(name)
    for byte in range(256):
        with pytest.raises(FormatError, match=MESSAGE_PLACE):
            eqinfo.decompress(content + bytes([byte]), model)


def rebuilt(content: bytes, coded: bytes, raw_bytes: int, block_bytes: int) -> bytes:
    """Return a file of one block with any coded bytes, and the right checksums of them."""
    head = content[: 30 + content[9]]
    head = head[:10] + struct.pack("<I", block_bytes) + head[14:]
    lengths = struct.pack("<IIQ", raw_bytes, len(coded), 0)
    block = lengths + struct.pack("<I", short_checksum(lengths, bytes(4), coded)) + coded
    trailer = struct.pack("<IIIIIQ", 0, raw_bytes, len(coded), 1, len(head) + 4, 0)
    end = trailer + struct.pack("<Q", checksum(trailer))
    return head + struct.pack("<I", short_checksum(head)) + block + end


@pytest.mark.parametrize("name", CODED)
@given(coded=st.binary(min_size=1, max_size=60), raw_bytes=st.integers(61, 1500))
@settings(deadline=None, max_examples=60)
def test_coders_meet_any_bytes(name: str, coded: bytes, raw_bytes: int) -> None:
    content, _, model = golden(name)
    blob = rebuilt(content, coded, raw_bytes, 2000)
    with pytest.raises(EqInfoError, match=MESSAGE_PLACE):
        eqinfo.decompress(blob, model)
    with pytest.raises(EqInfoError, match=MESSAGE_PLACE):
        read_with_file_object(blob, model)


@pytest.mark.parametrize("codec", ["arithmetic", "auto"])
def test_an_error_in_a_part_of_a_block_names_the_block(codec: CodecName) -> None:
    data = TEXT * 8
    content = long_form(data, codec=codec, segment_bytes=64)
    size = 34 + content[9]
    coded = content[size + 20 :][: struct.unpack_from("<I", content, size + 4)[0]]
    # Another codec, or streams of other lengths.
    altered = [bytes(4) + coded[4:]] if codec == "arithmetic" else [b"\x09" + coded[1:]]
    altered += [coded[:1] + bytes(4) + coded[5:]] if codec == "auto" and coded[0] == 1 else []
    for each in altered:
        blob = rebuilt(content, each, len(data), 1 << 20)
        with eqinfo.open(io.BytesIO(blob)) as file:
            file.raw.seek(100)
            with pytest.raises(FormatError, match=f"^data, offset {size}: "):
                file.raw.read(10)


def sealed(content: bytes) -> bytes:
    """Correct the checksum of the header."""
    size = 30 + content[9]
    return content[:size] + struct.pack("<I", short_checksum(content[:size])) + content[size + 4 :]


@pytest.mark.parametrize("name", CODED)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from([5, 6, 7, 8, *range(10, 31)]), st.integers(0, 255)),
        min_size=1,
        max_size=2,
    ),
    own=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_headers_of_liars(name: str, changes: list[tuple[int, int]], own: bool) -> None:
    content, data, model = golden(name)
    altered = bytearray(content)
    for offset, value in changes:
        altered[offset] = value
    for read in (eqinfo.decompress, decompress_in_one_piece, read_with_file_object):
        found = outcome(read, sealed(bytes(altered)), model if own else None)
        assert isinstance(found, str) or found == data


@pytest.mark.parametrize("name", ["stored", "adaptive", "adaptive-solid", "ranged", "fast"])
def test_no_model_means_zeros(name: str) -> None:
    content, _, model = golden(name)
    offsets = [26] if name in ("ranged", "fast") else [18, 25, 26]
    for offset in offsets:
        altered = bytearray(content)
        altered[offset] ^= 1
        for read in (eqinfo.decompress, read_with_file_object):
            with pytest.raises(FormatError, match=r"expected zeros in place of .* for the codec"):
                read(sealed(bytes(altered)), model)


@pytest.mark.parametrize("name", ["arithmetic-en", "windows-en"])
def test_a_block_that_is_read_whole_is_compared_with_its_checksum(name: str) -> None:
    """A part of a block cannot be; the first read after a seek is such a part if it is short."""
    content, data, model = CASES[name]
    size = 34 + content[9]
    (raw_bytes, coded_bytes) = struct.unpack_from("<II", content, size)
    altered = bytearray(content)
    altered[size + 8] ^= 1  # of the checksum of the data
    coded = content[size + 20 : size + 20 + coded_bytes]
    sealed_block = short_checksum(altered[size : size + 16], bytes(4), coded)
    altered[size + 16 : size + 20] = struct.pack("<I", sealed_block)
    with eqinfo.open(io.BytesIO(altered), model=model) as file:
        raw = file.raw
        assert raw.read(20) == data[:20]
        raw.seek(raw_bytes)
        assert raw.read(20) == data[raw_bytes : raw_bytes + 20]
        raw.seek(0)
        with pytest.raises(ChecksumError, match="expected data with the checksum"):
            raw.read(raw_bytes)


@pytest.mark.parametrize("precision", [11, 25, 255])
def test_precisions_that_no_writer_uses(precision: int) -> None:
    content, _, _ = CASES["arithmetic-en"]
    altered = bytearray(content)
    altered[7] = precision
    for read in (eqinfo.decompress, read_with_file_object):
        message = f"offset 0: expected a precision of 12 to 24 bits, found {precision}$"
        with pytest.raises(FormatError, match=message):
            read(sealed(bytes(altered)), None)


def test_a_trailer_that_takes_the_member_before_for_its_own() -> None:
    """Its member would begin with the header of the other, whose blocks are elsewhere."""
    first, second = (long_form(data, codec="stored") for data in (b"a member", b"the next one"))
    old = Index(io.BytesIO(second), "data").members[0].trailer
    assert old is not None
    trailer = Trailer(old.entries, old.header_bytes + len(first), old.content).pack()
    altered = first + second[: -old.size] + trailer
    for read in (eqinfo.decompress, decompress_in_one_piece, read_with_file_object):
        with pytest.raises(FormatError, match=f"expected a header of {old.header_bytes} bytes"):
            read(altered, None)


def test_memory_that_blocks_do_not_fill() -> None:
    output = OutputBuffer(5)
    output.room(3)
    with pytest.raises(FormatError, match=r"^expected 5 bytes of data, found 3$"):
        output.finish()
    output.room(3)[:] = 1  # more than there is
    with pytest.raises(FormatError, match=r"^expected 5 bytes of data, found 6$"):
        output.finish()


def test_the_limits_of_the_format() -> None:
    """As docs/format.md has them."""
    assert (MAX_BLOCKS, MAX_BLOCK_BYTES, MAX_SEGMENT_BYTES) == (1 << 20, 1 << 23, 1 << 20)
    assert codebook_file.MAX_FILE_BYTES == 1 << 26
    content, _, _ = golden("byte")
    for block_bytes, sound in ((0, False), (1, True), (1 << 23, True), ((1 << 23) + 1, False)):
        altered = content[:10] + struct.pack("<I", block_bytes) + content[14:]
        found = outcome(eqinfo.decompress, sealed(altered), None)
        assert ("expected blocks of 1 to" in str(found)) != sound


def test_an_index_with_blocks_that_no_writer_writes() -> None:
    """Reading from the end refuses what reading from the beginning refuses."""
    content, data, _ = golden("byte")
    trailer = content[-36:]
    more = struct.pack("<IIQI", 0, 0, checksum(b""), 0)
    for raw_bytes in (0, MAX_BLOCK_BYTES + 1):
        entries = trailer[:12] + struct.pack("<II", raw_bytes, 0)
        body = entries + struct.pack("<I", 2) + trailer[16:28]
        altered = content[:-36] + more + body + struct.pack("<Q", checksum(body))
        for read in (eqinfo.decompress, read_with_file_object):
            with pytest.raises(FormatError, match=MESSAGE_PLACE):
                read(altered, None)
    assert eqinfo.decompress(content) == data


def test_what_follows_the_last_block() -> None:
    index = Index(io.BytesIO(golden("concatenated")[0]), "file")
    places = list(index.blocks_from(0))
    assert [place.end for place in places][:-1] == [place.begin for place in places][1:]
    assert places[-1].end == index.raw_bytes
    assert index.find(index.raw_bytes) is None
    assert list(index.blocks_from(index.raw_bytes)) == []


GREEDY = """
import resource, sys
sys.path.insert(0, {tests!r})
import eqinfo
from test_container_damage import CODED, golden, rebuilt
from eqinfo.container.settings import CodecName
from eqinfo.errors import EqInfoError

LIMIT = 1 << 20
BLOCK = 1 << 23

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

for name in CODED:
    content, data, model = golden(name)
    assert eqinfo.decompress(content, model) == data
hostile = []
for name in CODED:
    content, _, model = golden(name)
    ones, count = b"\\xff" * 400_000, b"\\x00\\x00\\x80\\x00"
    for coded in (bytes(8), bytes(400_000), ones, count + bytes(99)):
        hostile.append((rebuilt(content, coded, BLOCK, BLOCK), model, BLOCK + 1))
        hostile.append((rebuilt(content, coded, LIMIT - 1, BLOCK), model, LIMIT))
before = peak()
for blob, model, limit in hostile:
    for threads in (1, 2):
        try:
            eqinfo.decompress(blob, model, max_output=limit, num_threads=threads)
        except EqInfoError:
            pass
        else:
            raise AssertionError("not refused")
        grown = peak() - before - limit
        assert grown < 64 << 20, (grown, limit, blob[:60])
print(peak() - before)
"""


def test_memory_is_bounded_whatever_a_file_claims() -> None:
    code = GREEDY.format(tests=str(GOLDEN_FOLDER.parent.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


class FixedCodec:
    """Decodes everything to the same data."""

    def __init__(self, data: bytes, exact: bool) -> None:
        self.data, self.exact = data, exact

    def decode(self, coded: Any, room: Any) -> None:
        room[:] = np.frombuffer(self.data, np.uint8)


@pytest.mark.parametrize(
    ("coded", "exact", "error"),
    [
        (b"other", True, ChecksumError),  # stored: as long as the data
        (b"other", False, ChecksumError),
        (b"x", True, ChecksumError),
        (b"x", False, NumericMismatchError),
    ],
)
def test_data_with_another_checksum(coded: bytes, exact: bool, error: type[EqInfoError]) -> None:
    block = Block(5, checksum(b"right"), coded, "file, offset 7")
    with pytest.raises(error, match=r"^file, offset 7: expected data with the checksum \w{16}, "):
        decode_block(block, FixedCodec(b"other", exact), fresh_room(5))  # type: ignore[arg-type]
    right = Block(5, checksum(b"right"), b"right" if len(coded) == 5 else coded, "file")
    codec = FixedCodec(b"right", exact)
    assert bytes(decode_block(right, codec, fresh_room(5))) == b"right"  # type: ignore[arg-type]


def test_a_block_with_another_checksum() -> None:
    data = bytes(range(128, 255))  # no text, so it is stored
    content = bytearray(long_form(data, codec="ranged"))
    content[content.index(data)] ^= 1
    with pytest.raises(ChecksumError, match=r"offset \d+: expected a block with the checksum"):
        eqinfo.decompress(bytes(content))
