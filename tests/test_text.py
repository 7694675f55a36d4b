"""Conversion between text and bytes."""

from __future__ import annotations

import numpy as np
import pytest

from eqinfo.common.text import Text, to_array, to_bytes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "é",
        b"",
        b"abc",
        bytearray(b"abc"),
        memoryview(b""),
        memoryview(b"abcdef")[::2],
        memoryview(np.arange(3, dtype=np.int32)),
        memoryview(np.arange(6, dtype=np.uint16).reshape(2, 3)[:, ::2]),
    ],
)
def test_an_array_has_the_bytes_of_the_text(text: Text) -> None:
    array = to_array(text)
    assert array.dtype == np.uint8
    assert array.tobytes() == to_bytes(text)


def test_an_array_shares_memory_with_a_buffer() -> None:
    buffer = bytearray(b"abc")
    for text in (buffer, memoryview(buffer)):
        array = to_array(text)
        buffer[0] ^= 1
        assert array.tobytes() == buffer


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="found list"):
        to_array([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lone surrogate U\\+D800 at index 1"):
        to_array("a\ud800")
