"""The mixer: equal to its reference at every instruction set, exact, and safe with any stream."""

from __future__ import annotations

import random
import zlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo._core as _core
from eqinfo import mixer, models
from eqinfo.errors import FormatError
from eqinfo.reference import mixer as reference
from levels import LEVELS, at_level
from native_cases import random_native_model

TEXT = b"It was the best of times, it was the worst of times.\n"
TABLE = b"".join(b"%d,%d,%s\n" % (i, i * i % 97, b"abc"[i % 3 :]) for i in range(60))
KINDS = {
    "empty": b"",
    "byte": b"a",
    "zeros": bytes(700),
    "text": TEXT * 6,
    "table": TABLE,
    "noise": random.Random(1).randbytes(400),
    "utf8": "Привет, мир! こんにちは世界。".encode() * 6,
    "empty lines": b"".join(b"\n" * (i * i % 5) + bytes([97 + i % 7]) for i in range(200)),
    "machine code": b"\x55\x48\x89\xe5\xe8\x10\x20\x00\x00\x5d\xc3\x90" * 30,
}


@cache
def expected_probabilities(data: bytes, with_model: bool = False) -> list[int]:
    """Return the reference's, which are slow."""
    return reference.probabilities(data, frequencies(data) if with_model else None)


def frequencies(data: bytes, precision: int = 16) -> list[list[int]]:
    """Return the distributions of a native model before each byte."""
    model = random_native_model()
    state = model.start(1)
    symbols = np.concatenate([np.array([-1], np.int32), np.frombuffer(data, np.uint8)])
    lane = np.zeros(1, np.int64)
    return [
        model.frequencies(state, symbols[i : i + 1].astype(np.int32), lane, precision)[0].tolist()
        for i in range(len(data))
    ]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_equal_the_reference(kind: str, level: str) -> None:
    data = KINDS[kind]
    with at_level(level):
        found = mixer.probabilities(data)
    assert found.shape == (len(data), 8)
    assert found.ravel().tolist() == expected_probabilities(data)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", ["text", "noise", "utf8"])
def test_probabilities_beside_a_model_equal_the_reference(kind: str, level: str) -> None:
    data = KINDS[kind][:200]
    with at_level(level):
        found = mixer.probabilities(data, random_native_model(), 16)
    assert found.ravel().tolist() == expected_probabilities(data, True)


@pytest.mark.parametrize("level", LEVELS[1:])
def test_levels_are_equal_on_longer_data(level: str) -> None:
    # So long that slots are replaced and counts reach their bounds.
    data = b"".join(KINDS.values()) * 3 + zlib.compress(TABLE * 9) + TEXT * 400
    with at_level("scalar"):
        expected = mixer.encode(data)
    with at_level(level):
        assert mixer.encode(data) == expected
        assert mixer.decode(expected, len(data)) == data


def mixed_kinds(size: int) -> bytes:
    """Return pieces of all kinds in random order."""
    chance = random.Random(3)
    pieces = [*KINDS.values(), zlib.compress(TABLE * 9), chance.randbytes(200)]
    data = b""
    while len(data) < size:
        piece = chance.choice(pieces)
        begin = chance.randrange(len(piece) + 1)
        data += piece[begin : begin + chance.randint(1, 90)]
    return data


@pytest.mark.parametrize("level", LEVELS[1:])
def test_levels_are_equal_where_buckets_are_replaced(level: str) -> None:
    # Tables so small that the bucket of a byte's second half often replaces that of its first.
    data = mixed_kinds(30_000)
    blocks = [data[:17_000], data[17_000:17_003], data[17_003:]]
    sizes = {"block_bytes": 17_000, "table_bits": 8, "kept_bytes": 256}
    with at_level("scalar"):
        coder = mixer.SolidMixer(**sizes)
        expected = [coder.encode(block) for block in blocks]
    with at_level(level):
        coder = mixer.SolidMixer(**sizes)
        assert [coder.encode(block) for block in blocks] == expected
        coder = mixer.SolidMixer(**sizes)
        for stream, block in zip(expected, blocks, strict=True):
            room = np.zeros(len(block), np.uint8)
            coder.decode_into(stream, room)
            assert room.tobytes() == block


@pytest.mark.parametrize("level", LEVELS[1:])
def test_levels_are_equal_beside_a_model(level: str) -> None:
    data = mixed_kinds(6_000)
    model = random_native_model()
    with at_level("scalar"):
        expected = mixer.encode(data, model)
    with at_level(level):
        assert mixer.encode(data, model) == expected
        assert mixer.decode(expected, len(data), model) == data


@pytest.mark.parametrize("level", LEVELS)
def test_a_batch_has_the_streams_of_its_texts(level: str) -> None:
    texts = list(KINDS.values())
    for model in (None, random_native_model()):
        with at_level(level):
            streams = mixer.encode_batch(texts, model)
            assert streams == [mixer.encode(text, model) for text in texts]
            rooms = [np.zeros(len(text), np.uint8) for text in texts]
            mixer.decode_batch_into(streams, rooms, model)
        assert [room.tobytes() for room in rooms] == texts
    assert mixer.encode_batch([]) == []
    with pytest.raises(FormatError):
        mixer.decode_batch_into(streams, rooms[::-1], model)
    with pytest.raises(ValueError, match="a room for each of 9 streams, found 1"):
        mixer.decode_batch_into(streams, rooms[:1], model)


SOLID = [TEXT * 4, b"", TABLE[:150], b"\n" * 9, TABLE[:333], bytes(300), TEXT, TABLE[100:], b"a"]


@pytest.mark.parametrize("level", LEVELS)
def test_solid_streams_equal_the_reference(level: str) -> None:
    expected = reference.encode_solid(SOLID, 8, 256)
    with at_level(level):
        coder = mixer.SolidMixer(block_bytes=700, table_bits=8, kept_bytes=256)
        assert [coder.encode(block) for block in SOLID] == expected
        assert solid_decoded(expected, block_bytes=700, table_bits=8, kept_bytes=256) == SOLID


@pytest.mark.parametrize("level", LEVELS)
def test_a_solid_mixer_loses_the_line_before(level: str) -> None:
    # Between blocks the byte above changes, because the line before begins among the lost bytes.
    line = b"".join(b"%d;" % (i * i * i) for i in range(42))
    data = b"".join(line[k:] + line[:k] + b"\n" for k in (0, 1, 0, 3, 0))
    blocks = [data[k : k + 300] for k in range(0, len(data), 300)]
    with at_level(level):
        coder = mixer.SolidMixer(block_bytes=300, table_bits=8, kept_bytes=256)
        assert [coder.encode(block) for block in blocks] == reference.encode_solid(blocks, 8, 256)


def solid_decoded(streams: list[bytes], **parameters: Any) -> list[bytes]:
    coder = mixer.SolidMixer(**parameters)
    found = []
    for stream, block in zip(streams, SOLID, strict=True):
        room = np.zeros(len(block), np.uint8)
        coder.decode_into(stream, room)
        found.append(room.tobytes())
    return found


def test_solid_streams_beside_a_model() -> None:
    model = random_native_model()
    coder = mixer.SolidMixer(model, block_bytes=700)
    streams = [coder.encode(block) for block in SOLID]
    assert solid_decoded(streams, model=model, block_bytes=700) == SOLID
    assert streams[0] != mixer.encode(SOLID[0], model)  # which has smaller tables
    assert len(streams[6]) < len(mixer.encode(SOLID[6], model)) / 2


def test_the_first_solid_stream_is_that_of_a_mixer_with_its_tables() -> None:
    data = TEXT * 20 + TABLE
    coder = mixer.SolidMixer(block_bytes=len(data), table_bits=10, kept_bytes=256)
    assert mixer.working_bytes(len(data)) == mixer.working_bytes(2 << 10)
    assert coder.encode(data) == mixer.encode(data)


def test_a_solid_mixer_refuses_to_go_on_after_an_error() -> None:
    coder = mixer.SolidMixer(block_bytes=100)
    with pytest.raises(ValueError, match="a block of at most 100 bytes, found 101"):
        coder.encode(bytes(101))
    assert len(coder.encode(bytes(100))) < 10
    room = np.zeros(50, np.uint8)
    with pytest.raises(FormatError, match="the stream of 50 bytes, found 30 bytes"):
        coder.decode_into(bytes(range(30)), room)
    with pytest.raises(RuntimeError, match="found one after an error"):
        coder.encode(b"a")


PRIMED = [TEXT[:30], b"", TEXT, TABLE[:20], TEXT[:30]]
PRIMING = TEXT + TABLE[:60]


@cache
def expected_primed_streams() -> list[bytes]:
    """Return the reference's, which are slow."""
    return [reference.encode_solid([PRIMING, data], 8, 300)[1] for data in PRIMED]


@pytest.mark.parametrize("level", LEVELS)
def test_primed_streams_equal_the_reference(level: str) -> None:
    expected = expected_primed_streams()
    with at_level(level):
        primed = mixer.PrimedMixer(PRIMING, table_bits=8)
        assert [primed.encode(data) for data in PRIMED] == expected
        for data, stream in zip(PRIMED, expected, strict=True):
            room = np.zeros(len(data), np.uint8)
            primed.decode_into(stream, room)
            assert room.tobytes() == data


def test_primed_streams_beside_a_model_are_those_of_a_second_block() -> None:
    model = random_native_model()
    primed = mixer.PrimedMixer(TABLE, model, table_bits=8)
    # The long one changes so many buckets that all of them are copied for the next one.
    for data in (*PRIMED, TABLE * 6, *PRIMED):
        solid = mixer.SolidMixer(model, block_bytes=len(TABLE) * 6, table_bits=8)
        solid.encode(TABLE)
        assert primed.encode(data) == solid.encode(data)


def test_a_primed_mixer_goes_on_after_an_error() -> None:
    primed = mixer.PrimedMixer(TEXT * 9, table_bits=8)
    stream = primed.encode(TEXT)
    with pytest.raises(FormatError, match="the stream of 50 bytes, found 30 bytes"):
        primed.decode_into(bytes(range(30)), np.zeros(50, np.uint8))
    assert primed.encode(TEXT) == stream


def test_sizes_of_a_primed_mixer() -> None:
    for table_bits in (7, 17):
        with pytest.raises(ValueError, match="table_bits of 8 to 16"):
            mixer.PrimedMixer(b"a", table_bits=table_bits)
    for size in (0, mixer.MAX_DICTIONARY_BYTES + 1):
        with pytest.raises(ValueError, match=f"a dictionary of 1 to 1048576 bytes, found {size}"):
            mixer.PrimedMixer(bytes(size))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"table_bits": 7}, "table_bits of 8 to 16, found 7"),
        ({"table_bits": 17}, "table_bits of 8 to 16, found 17"),
        ({"kept_bytes": 255}, "kept_bytes of 256 to"),
        ({"block_bytes": 0}, "block_bytes of at least 1"),
        ({"block_bytes": (1 << 31) - 256, "kept_bytes": 256}, "below 2.31 with kept_bytes"),
    ],
)
def test_sizes_of_a_solid_mixer(parameters: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixer.SolidMixer(**{"block_bytes": 100, **parameters})


def test_streams_equal_the_reference() -> None:
    for kind in ("empty", "byte", "table", "noise"):
        assert mixer.encode(KINDS[kind]) == reference.encode(KINDS[kind]), kind


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)), st.booleans())
def test_round_trips(data: bytes, with_model: bool) -> None:
    model = random_native_model() if with_model else None
    stream = mixer.encode(data, model)
    assert mixer.decode(stream, len(data), model) == data


def test_the_byte_above_may_be_that_of_an_empty_line() -> None:
    # Under an empty line lies its own line feed.
    letters = random.Random(2)
    data = b"".join(b"\n" * letters.randint(1, 4) + letters.randbytes(1) for _ in range(300))
    room = np.full(len(data), 65, np.uint8)
    mixer.decode_batch_into([mixer.encode(data)], [room])
    assert room.tobytes() == data


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 80))
def test_any_stream_decodes_or_is_refused(stream: bytes, size: int) -> None:
    try:
        data = mixer.decode(stream, size)
    except FormatError:
        return
    assert mixer.encode(data) == stream


def test_a_stream_with_more_bytes_is_refused() -> None:
    data = KINDS["text"]
    for more in (b"\0", b"\1", bytes(9)):
        with pytest.raises(FormatError, match=f"expected the stream of {len(data)} bytes, found"):
            mixer.decode(mixer.encode(data) + more, len(data))


def test_repeats_cost_little_and_noise_hardly_grows() -> None:
    assert len(mixer.encode(bytes(100_000))) <= 8
    noise = random.Random(2).randbytes(20_000)
    assert len(mixer.encode(noise)) <= 20_000 * 1.02
    once, often = len(mixer.encode(noise)), len(mixer.encode(noise * 4))
    assert often <= once + 400


def test_a_model_helps() -> None:
    text = TEXT + b"There were a king with a large jaw and a queen with a plain face.\n"
    assert len(mixer.encode(text, models.load("en"))) < len(mixer.encode(text)) / 2


def test_refused_arguments() -> None:
    static = models.FunctionModel(lambda contexts, _: np.zeros((len(contexts), 256), np.float32))
    with pytest.raises(TypeError, match="expected a native model, found FunctionModel"):
        mixer.encode(b"a", static)
    with pytest.raises(ValueError, match="expected a model over bytes, found an alphabet of 2"):
        mixer.encode(b"a", models.StaticModel([1, 2]))
    with pytest.raises(ValueError, match="expected precision of 12 to 24"):
        mixer.encode(b"a", models.load("en"), 4)


@given(
    st.binary(max_size=60) | st.lists(st.sampled_from(b"\xe8\xe9\0\xff\1"), max_size=60).map(bytes)
)
def test_calls_of_machine_code_change_back(data: bytes) -> None:
    changed = _core.x86_absolute(np.frombuffer(data, np.uint8))
    _core.x86_relative(changed)
    assert changed.tobytes() == data


@given(
    st.lists(st.sampled_from([b"\xe8abc\0", b"\xe9abc\xff", b"\xe8abcd", b"\xe9"]), max_size=9),
    st.integers(0, 900),
)
def test_machine_code_is_what_the_format_says(parts: list[bytes], others: int) -> None:
    data = b"".join(parts) + b"x" * others
    firsts = [i for i in range(len(data) - 4) if data[i] in b"\xe8\xe9"]
    calls = sum(data[i + 4] in b"\x00\xff" for i in firsts)
    wanted = 400 * calls > len(data) and 2 * calls > len(firsts)
    assert _core.looks_like_x86(np.frombuffer(data, np.uint8)) == wanted


def test_machine_code_is_told_from_other_data() -> None:
    assert _core.looks_like_x86(np.frombuffer(KINDS["machine code"], np.uint8))
    for kind in set(KINDS) - {"machine code"}:
        assert not _core.looks_like_x86(np.frombuffer(KINDS[kind], np.uint8)), kind
