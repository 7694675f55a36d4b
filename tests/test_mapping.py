"""Mapped files: sizes that do not fit in 32 bits, and a mapping that the system refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eqinfo.common.mapping import map_array


def test_a_file_of_more_than_4_gib(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(1 << 32)
        file.seek(1 << 32)
        file.write(b"\1" * 8)
    array = map_array(path, np.dtype("<u8"), (1 << 29) + 1)
    assert array[-1] == 0x0101010101010101
    assert not array.flags.writeable


def test_a_mapping_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"8 bytes.")
    with pytest.raises(OSError, match="short"):
        map_array(path, np.dtype(np.uint8), 1 << 60)
