"""LZ77: equal to its reference, exact for any data, and safe with any stream."""

from __future__ import annotations

import random
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo.codebook import Codebook
from eqinfo.container import lz77
from eqinfo.errors import FormatError
from eqinfo.reference import lz77 as reference
from levels import LEVELS, at_level

TEXT = b"It was the best of times, it was the worst of times, it was the age of wisdom.\n"
TABLE = b"".join(b"%d,%d,%s\n" % (i, i * i % 97, b"abc"[i % 3 :]) for i in range(120))
NOISE = random.Random(1).randbytes(500)
KINDS = {
    "empty": b"",
    "byte": b"a",
    "zeros": bytes(3000),
    "text": TEXT * 9,
    "table": TABLE,
    "noise": NOISE,
    "noise that comes back": NOISE + TEXT + NOISE,
    "period": b"abcde" * 60 + b"xyz" + b"abcde" * 60,
    "utf8": "Привет, мир! こんにちは世界。".encode() * 6,
}
# Repeated pieces, so that many matches are found.
PIECES = st.lists(
    st.sampled_from([*TEXT.split(), NOISE[:40], NOISE[:7], bytes(70)]) | st.binary(max_size=6),
    max_size=60,
).map(b"".join)
CODEBOOKS = st.sampled_from([None, "en-4k"])


@cache
def codebook() -> Codebook:
    return Codebook.bundled("en-4k")


@cache
def strings() -> list[bytes]:
    return [codebook().decode_bytes([i]) for i in range(len(codebook()))]


def restored(sequences: lz77.Sequences) -> bytes:
    """Return what sequences stand for."""
    data, at = bytearray(), 0
    for literals, length, distance in sequences.rows.tolist():
        data += sequences.literals[at : at + literals].tobytes()
        at += literals
        assert distance <= len(data)
        for _ in range(length):
            data.append(data[-distance])
    assert at == len(sequences.literals)
    return bytes(data)


@pytest.mark.parametrize("long_only", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_sequences_stand_for_the_data(kind: str, long_only: bool) -> None:
    assert restored(lz77.find(KINDS[kind], long_only=long_only)) == KINDS[kind]


@given(PIECES | st.binary(max_size=300), st.booleans())
def test_any_data_have_sequences(data: bytes, long_only: bool) -> None:
    sequences = lz77.find(data, long_only=long_only)
    assert restored(sequences) == data
    lengths = sequences.rows[:, 1]
    assert (lengths[:-1] >= reference.MIN_MATCH).all()


@pytest.mark.parametrize("kind", KINDS)
def test_streams_of_bytes_equal_the_reference(kind: str) -> None:
    data = KINDS[kind]
    stream = lz77.encode(data)
    assert stream == reference.encode(data, lz77.find(data).rows.tolist())
    assert reference.decode(stream, len(data)) == data


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
def test_streams_of_ids_equal_the_reference(kind: str, level: str) -> None:
    data = KINDS[kind]
    found = lz77.find(data, long_only=True)
    ids = codebook().encode(found.literals.data).tolist()
    with at_level(level):
        stream = lz77.encode(data, codebook())
        assert lz77.decode(stream, len(data), codebook()) == data
    assert stream == reference.encode(data, found.rows.tolist(), ids, len(codebook()))
    assert reference.decode(stream, len(data), strings()) == data


def test_long_data_equal_the_reference() -> None:
    # So long that all tables reach their longest runs, and guesses all their hits.
    rng = random.Random(3)
    words = [rng.choice(TEXT.split()) + b" " for _ in range(12_000)]
    data = b"".join(words) + zlib.compress(TABLE * 9) + bytes(70_000)
    for book, long_only in ((None, False), (codebook(), True)):
        found = lz77.find(data, long_only=long_only)
        ids = None if book is None else book.encode(found.literals.data).tolist()
        stream = lz77.encode(data, book)
        assert stream == reference.encode(data, found.rows.tolist(), ids, len(codebook()))
        assert lz77.decode(stream, len(data), book) == data


@settings(deadline=None)
@given(PIECES | st.binary(max_size=300) | st.text(max_size=200).map(str.encode), CODEBOOKS)
def test_round_trips(data: bytes, name: str | None) -> None:
    book = codebook() if name else None
    assert lz77.decode(lz77.encode(data, book), len(data), book) == data


@settings(deadline=None)
@given(st.binary(min_size=16, max_size=80), st.integers(0, 90), CODEBOOKS)
def test_any_stream_decodes_as_the_reference_does(
    stream: bytes, size: int, name: str | None
) -> None:
    book = codebook() if name else None
    try:
        expected = reference.decode(stream, size, strings() if name else None)
    except reference.CorruptStreamError:
        with pytest.raises(FormatError, match=f"expected the stream of {size} bytes, found"):
            lz77.decode(stream, size, book)
    else:
        assert lz77.decode(stream, size, book) == expected


@pytest.mark.parametrize("name", [None, "en-4k"])
def test_every_bit_and_every_length_of_a_stream(name: str | None) -> None:
    book = codebook() if name else None
    data = TEXT * 2 + NOISE[:50] + TEXT
    stream = lz77.encode(data, book)
    for bit in range(8 * len(stream)):
        changed = bytearray(stream)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            assert lz77.decode(changed, len(data), book) != data
        except FormatError:
            continue
    for wrong in (*(stream[:size] for size in range(len(stream))), stream + b"\0", stream + stream):
        with pytest.raises(FormatError):
            lz77.decode(wrong, len(data), book)
    for size in (0, 1, len(data) - 1, len(data) + 1, 2 * len(data)):
        with pytest.raises(FormatError):
            lz77.decode(stream, size, book)


def test_repeats_cost_little_and_noise_hardly_grows() -> None:
    noise = random.Random(2).randbytes(20_000)
    for book in (None, codebook()):
        assert len(lz77.encode(bytes(100_000), book)) <= 60
        once, often = len(lz77.encode(noise, book)), len(lz77.encode(noise * 4, book))
        assert once <= 20_000 * 1.15
        assert often <= once + 100


def test_sequences_that_are_not_given_are_those_of_find() -> None:
    rng = random.Random(3)
    for size in (0, 1, 9, 100, 5_000):
        data = bytes(rng.choices(b"abc ", k=size))
        rows = lz77.find(data).rows
        array = np.frombuffer(data, np.uint8)
        assert _core.lz77_encode(array, None, None, 0) == _core.lz77_encode(array, rows, None, 0)


def test_refused_arguments() -> None:
    data = np.frombuffer(TEXT, np.uint8)
    whole = np.array([[len(TEXT), 0, 0]], np.uint32)
    for rows, message in [
        (np.array([[len(TEXT) - 1, 0, 0]], np.uint32), "match of at least 3 bytes"),
        (np.array([[5, 3, 6], [len(TEXT) - 8, 0, 0]], np.uint32), "what came before"),
        (np.array([[5, 2, 1], [len(TEXT) - 7, 0, 0]], np.uint32), "match of at least 3"),
        (np.array([[5, len(TEXT), 1]], np.uint32), "expected sequences of 79 bytes, found 84"),
        (np.array([[5, 3, 1]], np.uint32), "expected sequences of 79 bytes, found 8"),
        (np.array([[2**32 - 1, 2**32 - 1, 1]] * 2, np.uint32), "expected sequences of 79 bytes"),
    ]:
        with pytest.raises(ValueError, match=message):
            _core.lz77_encode(data, rows, None, 0)
    with pytest.raises(ValueError, match="sequences that leave the ids, found None"):
        _core.lz77_encode(data, None, np.zeros(1, np.uint16), 16)
    with pytest.raises(ValueError, match="window_bits of 9 to 16, found 17"):
        _core.lz77_encode(data, whole, np.zeros(1, np.uint16), 17)
    with pytest.raises(ValueError, match="at most 79 ids, found 80"):
        _core.lz77_encode(data, whole, np.zeros(80, np.uint16), 16)
    with pytest.raises(ValueError, match="not in the alphabet"):
        _core.lz77_encode(data, whole, np.full(1, 4096, np.uint16), 12)
    with pytest.raises(ValueError, match=r"at most 2\^23 bytes, found 8388609"):
        lz77.encode(bytes(2**23 + 1))


def test_more_ids_than_bytes() -> None:
    """They are refused before they are read: a stream can claim 2^24 ids of the empty string."""
    codebook = Codebook.bundled("en-4k")
    for more in (0, 1, 5):
        ids = [0] * more + codebook.encode(b"a").tolist()
        stream = reference.encode(b"a", [(1, 0, 0)], ids, len(codebook))
        if more == 0:
            assert lz77.decode(stream, 1, codebook) == b"a"
            continue
        with pytest.raises(FormatError, match="bytes that no encoder writes"):
            lz77.decode(stream, 1, codebook)
