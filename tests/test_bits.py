"""Bits stage: codewords and streams as tokens agree with the plain version, and come back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo import reference
from eqinfo.errors import FormatError
from eqinfo.window import codeword_ints, int_codewords


@settings(max_examples=100, deadline=None)
@given(
    st.integers(8, 128), st.integers(1, 16), st.data(),
)  # fmt: skip
def test_packing_equals_reference(window_bits: int, token_bits: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, (1 << window_bits) - 1), max_size=12))
    tokens = _core.pack_codewords(int_codewords(values), window_bits, token_bits)
    assert tokens.tolist() == reference.pack(values, window_bits, token_bits)
    back = codeword_ints(_core.unpack_codewords(tokens, window_bits, token_bits))
    # Only tokens wider than a window can leave room for more windows, all of them empty.
    assert back[: len(values)] == values
    assert not any(back[len(values) :])
    assert token_bits > window_bits or len(back) == len(values)


@settings(max_examples=100, deadline=None)
@given(st.text("01", max_size=200), st.integers(1, 16))
def test_streams_equal_reference(bits: str, token_bits: int) -> None:
    padded = bits + "0" * (-len(bits) % 8)
    stream = bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8))
    tokens = _core.pack_bits(stream, len(bits), token_bits)
    assert tokens.tolist() == reference.tokens_of_bits(bits, token_bits)
    back = _core.unpack_bits(tokens, token_bits)
    assert len(back) == (len(tokens) * token_bits + 7) // 8
    assert back[: len(stream)] == stream
    assert not any(back[len(stream) :])


@pytest.mark.parametrize(
    ("tokens", "window_bits", "token_bits", "message"),
    [
        ([0x1234, 1], 24, 16, "bits after the last window are not zero"),
        ([0] * 7, 64, 12, "token 7: the token stream ends inside a window"),
        ([1 << 12], 12, 12, "token 0"),
    ],
)
def test_tokens_that_packing_does_not_write(
    tokens: list[int], window_bits: int, token_bits: int, message: str
) -> None:
    with pytest.raises((FormatError, ValueError), match=message):
        _core.unpack_codewords(np.array(tokens, np.uint16), window_bits, token_bits)


def test_wrong_parameters() -> None:
    tokens = np.zeros(3, np.uint16)
    with pytest.raises(ValueError, match="token_bits of 1 to 16"):
        _core.unpack_bits(tokens, 17)
    with pytest.raises(ValueError, match="window_bits of 8 to 128"):
        _core.unpack_codewords(tokens, 7, 16)
    with pytest.raises(ValueError, match="length of a stream of 3 bytes, found 25"):
        _core.pack_bits(b"abc", 25, 8)
    with pytest.raises(TypeError):
        _core.unpack_bits(tokens.astype(np.int32), 16)
