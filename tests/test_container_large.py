"""A file of 4 GiB and one byte, which overflows a counter of 32 bits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import eqinfo

SIZE = (1 << 32) + 1
PIECE = b" " * (1 << 22)


@pytest.mark.skipif(not os.environ.get("EQINFO_SLOW"), reason="takes minutes: EQINFO_SLOW=1")
def test_four_gibibytes_and_a_byte(tmp_path: Path) -> None:
    path = tmp_path / "large.eqi"
    with eqinfo.open(path, "wb", codec="codebook", num_threads=2) as file:
        for _ in range(SIZE // len(PIECE)):
            file.write(PIECE)
        file.write(b"x")
        assert file.tell() == SIZE
    with eqinfo.open(path, num_threads=2) as file:
        assert file.seek(-3, os.SEEK_END) == SIZE - 3
        assert file.read() == b"  x"
        file.seek(1 << 31)
        assert file.read(2) == b"  "
        file.seek(0)
        size = 0
        while piece := file.read(len(PIECE)):
            size += len(piece)
            assert piece in (PIECE, b"x")
        assert size == SIZE
