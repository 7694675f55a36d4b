"""The checksum of all data, which a seekable file compares when a member is read to its end."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

import eqinfo
from container_cases import long_form, words
from eqinfo.container.index import Index
from eqinfo.container.trailer import Trailer

DATA = words(3000)


def with_other_content(blob: bytes) -> bytes:
    """Return a container whose last member's trailer has another checksum of the data."""
    old = Index(io.BytesIO(blob), "data").members[-1].trailer
    return blob[: -old.size] + Trailer(old.entries, old.header_bytes, old.content ^ 1).pack()


def altered(codec: Any = "ranged", block_bytes: int = 700) -> bytes:
    return with_other_content(eqinfo.compress(DATA, codec=codec, block_bytes=block_bytes))


def read_all(file: Any) -> None:
    file.read()


def read_pieces(file: Any) -> None:
    while file.read(33):
        pass


def read_lines(file: Any) -> None:
    list(file)


def read_twice(file: Any) -> None:
    file.read(900)
    file.seek(0)
    file.read()


def read_overlapping(file: Any) -> None:
    while file.read(500):
        file.seek(-100, io.SEEK_CUR)
        if file.tell() > len(DATA) - 200:
            file.read()


def read_by_parts(file: Any) -> None:
    """Read without a buffer, so that reads end within blocks and segments."""
    while file.raw.read(10):
        pass


WAYS = [read_all, read_pieces, read_lines, read_twice, read_overlapping, read_by_parts]


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("codec", ["stored", "ranged", "arithmetic"])
@pytest.mark.parametrize("read", WAYS)
def test_reading_to_the_end_compares_it(
    read: Callable[[Any], None], codec: Any, num_threads: int
) -> None:
    blob = eqinfo.compress(DATA, codec=codec, block_bytes=700)
    with eqinfo.open(io.BytesIO(blob), num_threads=num_threads) as file:
        read(file)
    with eqinfo.open(io.BytesIO(altered(codec)), num_threads=num_threads) as file:
        with pytest.raises(eqinfo.errors.ChecksumError, match="offset 0: expected data with"):
            read(file)
        # A read after an error must not look like the end of the file.
        with pytest.raises(eqinfo.errors.ChecksumError, match="offset 0: expected data with"):
            file.read()


def test_what_is_read_out_of_order_is_not_compared() -> None:
    with eqinfo.open(io.BytesIO(altered())) as file:
        file.seek(1000)
        assert file.read() == DATA[1000:]


def test_every_member_is_compared_alone() -> None:
    good = eqinfo.compress(DATA, codec="codebook", block_bytes=500)
    with eqinfo.open(io.BytesIO(good + altered())) as file:
        assert file.read(len(DATA) + 100) == (DATA + DATA)[: len(DATA) + 100]
        file.seek(500)
        with pytest.raises(eqinfo.errors.ChecksumError, match=f"offset {len(good)}: "):
            file.read()
        # The first member is as good as before.
        file.seek(0)
        assert file.read(len(DATA)) == DATA


def test_a_member_without_data_is_compared_when_it_is_opened() -> None:
    empty = with_other_content(long_form(b"", codec="stored"))
    with pytest.raises(eqinfo.errors.ChecksumError, match="offset 0: expected data with"):
        eqinfo.open(io.BytesIO(empty))
    with pytest.raises(eqinfo.errors.ChecksumError, match="offset 0: expected data with"):
        eqinfo.decompress(empty)


def test_blocks_are_those_of_the_index() -> None:
    blob = eqinfo.compress(DATA, codec="stored", block_bytes=700)
    old = Index(io.BytesIO(blob), "data").members[-1].trailer
    entries = old.entries.copy()
    entries[1:3] = [[699, 699], [701, 701]]  # of as many bytes together
    trailer = Trailer(entries, old.header_bytes, old.content).pack()
    header = long_form(DATA, codec="stored", block_bytes=701)[: old.header_bytes]
    altered = header + blob[old.header_bytes : -old.size] + trailer
    with eqinfo.open(io.BytesIO(altered)) as file:
        assert file.read(700) == DATA[:700]
        message = "expected a block of 699 bytes in 699, as in the index, found 700 in 700$"
        with pytest.raises(eqinfo.errors.FormatError, match=message):
            file.read(1)
    with pytest.raises(eqinfo.errors.FormatError, match="expected an index of the blocks before"):
        eqinfo.decompress(altered)
