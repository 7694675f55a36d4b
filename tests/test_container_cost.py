"""What hostile files cost: time in proportion to members and data."""

from __future__ import annotations

import io
import struct
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import eqinfo
from container_cases import CODECS
from eqinfo.container.checksum import checksum, short_checksum
from eqinfo.errors import OutputLimitError
from eqinfo.models import FunctionModel

MEMBERS = 3_000
# Many times what it takes, for machines that are slow or busy with other things.
MOST_SECONDS_PER_MEMBER = 2e-3


def read_all(blob: bytes) -> bytes:
    with eqinfo.open(io.BytesIO(blob)) as file:
        return bytes(file.read())


@pytest.mark.parametrize("read", [eqinfo.decompress, read_all])
@pytest.mark.parametrize("codec", CODECS)
def test_empty_members(codec: Any, read: Any) -> None:
    blob = eqinfo.compress(b"", codec=codec) * MEMBERS
    read(blob[: len(blob) // MEMBERS])
    begin = time.process_time()
    assert read(blob) == b""
    assert time.process_time() - begin < MOST_SECONDS_PER_MEMBER * MEMBERS


def renamed(member: bytes, name: bytes, segment_bytes: int) -> bytes:
    """Return an empty member with another header."""
    size = 30 + member[9]
    head = bytearray(member[:30]) + name
    head[9] = len(name)
    head[14:18] = struct.pack("<I", segment_bytes)
    trailer = bytearray(member[size + 4 : -8])
    trailer[8:12] = struct.pack("<I", len(head) + 4)
    sealed = bytes(head) + struct.pack("<I", short_checksum(head)) + trailer
    return sealed + struct.pack("<Q", checksum(trailer))


@pytest.mark.parametrize("codec", ["arithmetic", "windows"])
def test_a_model_is_probed_once_per_file(codec: Any) -> None:
    """Headers that differ in what does not concern the model do not make it predict again."""
    calls = 0

    def logits(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        nonlocal calls
        calls += 1
        return np.zeros((len(lengths), 256), np.float32)

    model = FunctionModel(logits, name="counting")
    data = eqinfo.compress(b"", model, codec=codec)
    calls = 0
    assert eqinfo.decompress(data, model) == b""
    once = calls
    others = [renamed(data, b"name %d" % i, 1 + i) for i in range(50)]
    calls = 0
    assert eqinfo.decompress(data + b"".join(others), model) == b""
    assert 0 < calls <= once


def test_a_limit_on_the_output_limits_the_time() -> None:
    """A few hundred bytes that stand for much more."""
    blob = eqinfo.compress(b" " * 40_000, block_bytes=10_000, segment_bytes=10_000)
    assert len(blob) < 400
    with pytest.raises(OutputLimitError):
        eqinfo.decompress(blob, max_output=9_999)
