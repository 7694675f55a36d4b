"""The witness of the mixer: its tables, its memory of bits, and that it codes and learns."""

from __future__ import annotations

import re
from math import exp, log, log2
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eqinfo.reference import mixer, mixer_tables

TABLES = Path(__file__).parents[1] / "csrc" / "tables" / "mixer_tables.h"
PEAK = 65536 - 255
IRREGULAR = bytes((i * i * 7 + i * 31 >> 3) % 251 for i in range(150))
LINES = b"".join(b'%d,"Name %d";\tx\xc3\xbc|\n' % (i, i * i) for i in range(12))


def cost(data: bytes, model: list[list[int]] | None = None) -> float:
    """Return the information in bits of data as the mixer predicts it."""
    bits = "".join(f"{byte:08b}" for byte in data)
    ones = mixer.probabilities(data, model)
    return sum(
        -log2((p if bit == "1" else 2**16 - p) / 2**16) for bit, p in zip(bits, ones, strict=True)
    )


def checksum(values: list[int]) -> int:
    total = 0
    for value in values:
        total = (total * 31 + value) % 2**64
    return total


def peaked(byte: int) -> list[int]:
    """Return frequencies that expect a byte."""
    return [PEAK if i == byte else 1 for i in range(256)]


def alternating(prefix: bytes) -> list[int]:
    """Return frequencies that depend on the last byte and its place."""
    last = prefix[-1] if prefix else 0
    return [1 + (i * 37 + last * 11 + len(prefix)) % 200 for i in range(256)]


@pytest.mark.skipif(not TABLES.is_file(), reason="needs a checkout")
def test_the_native_tables_are_these() -> None:
    found = {
        name: [int(value) for value in re.findall(r"-?\d+", values)]
        for name, values in re.findall(
            r"constexpr \w+ (k\w+)\[\d+\] = \{(.*?)\};", TABLES.read_text(), re.DOTALL
        )
    }
    histories = mixer_tables.history_table()
    number = {history: i for i, history in enumerate(histories)}
    after = [number[zero] | number[one] << 8 for zero, one in histories.values()]
    assert found.keys() == {"kStretch", "kSquash", "kNextHistory", "kHistoryStart"}
    assert found["kStretch"] == [*mixer_tables.stretch_table(), 0]
    assert found["kSquash"] == [*mixer_tables.squash_table()]
    assert found["kNextHistory"] == after + [0] * (257 - len(after))
    starts = [history.start() for history in histories]
    assert found["kHistoryStart"] == starts + [1 << 21] * (256 - len(starts))


def test_stretch_is_the_logarithm_of_the_odds() -> None:
    table = mixer_tables.stretch_table()
    assert sorted(table) == [*table]
    assert [-value for value in reversed(table)] == [*table]
    assert (table[0], table[2047], table[2048], table[-1]) == (-2047, 0, 0, 2047)
    for step, value in enumerate(table):
        p = (step + 0.5) / 4096
        assert value == max(-2047, min(2047, round(256 * log(p / (1 - p)))))


def test_squash_is_the_logistic_function() -> None:
    table = mixer_tables.squash_table()
    assert sorted(table) == [*table]
    assert len(table) == 5632
    for x in range(-2815, 2816):
        assert mixer_tables.squash(x) == round(65536 / (1 + exp(-x / 256)))
        assert mixer_tables.squash(x) + mixer_tables.squash(-x) in (65535, 65536, 65537)
    assert (mixer_tables.squash(-(10**6)), mixer_tables.squash(0), mixer_tables.squash(10**6)) == (
        1,
        32768,
        65535,
    )


def test_squash_inverts_stretch() -> None:
    for probability in range(65536):
        back = mixer_tables.squash(mixer_tables.stretch(probability))
        # A step of stretch is 16 wide, and half a 256th changes a probability by less than 33.
        assert abs(back - probability) <= 8 + 33


def test_histories_are_closed_and_symmetric() -> None:
    table = mixer_tables.history_table()
    assert len(table) == 203
    assert next(iter(table)) == mixer_tables.History()
    assert {after for pair in table.values() for after in pair} <= table.keys()
    for zeros, ones, last in table:
        other = mixer_tables.History(ones, zeros, 1 - last if zeros and ones else 0)
        assert other in table
        for bit in (0, 1):
            zeros_after, ones_after, last_after = mixer_tables.History(zeros, ones, last).after(bit)
            assert other.after(1 - bit)[:2] == (ones_after, zeros_after)
            assert last_after == (bit if zeros_after and ones_after else 0)
            assert (ones_after if bit else zeros_after) > 0


def test_histories_remember_what_is_recent() -> None:
    history = mixer_tables.History()
    for _ in range(60):
        history = history.after(1)
    assert history == (0, 41, 0)
    assert history.start() == 83 * 2**21 // 42
    assert history.after(0) == (1, 5, 0)


def test_the_probability_of_a_node() -> None:
    frequencies = list(range(1, 257))
    above = {first: sum(range(first, 257)) for first in (1, 129, 193)}
    assert mixer.node_probability(frequencies, 1) == 2**16 * above[129] // above[1]
    assert mixer.node_probability(frequencies, 0b11) == 2**16 * above[193] // above[129]
    assert mixer.node_probability(frequencies, 0b10000000) == 2**16 * 2 // 3
    assert mixer.node_probability(peaked(0), 1) == 128
    assert mixer.node_probability([2**30, *[1] * 255], 1) == 1
    assert mixer.node_probability([*[1] * 255, 2**30], 1) == 65535


@settings(max_examples=15, deadline=None)
@given(st.one_of(st.binary(max_size=40), st.text("ab, \n", max_size=60).map(str.encode)))
def test_round_trip(data: bytes) -> None:
    assert mixer.decode(mixer.encode(data), len(data)) == data


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=30))
def test_round_trip_beside_a_model(data: bytes) -> None:
    model = [alternating(data[:end]) for end in range(len(data))]
    assert mixer.decode(mixer.encode(data, model), len(data), alternating) == data


@pytest.mark.parametrize("data", [b"\xff" * 100, b"one,two\n" * 12, bytes(range(0, 256, 4))])
def test_a_stream_is_no_longer_than_its_information(data: bytes) -> None:
    # A bit ends it, and up to seven fill its last byte.
    assert 8 * len(mixer.encode(data)) < cost(data) + 9


def test_no_data_have_no_stream() -> None:
    assert mixer.probabilities(b"") == []
    assert mixer.probabilities(b"", []) == []
    assert mixer.encode(b"") == b""
    assert mixer.decode(b"", 0) == b""


@settings(max_examples=10, deadline=None)
@given(st.binary(min_size=1, max_size=30), st.binary(max_size=10))
def test_a_probability_depends_on_earlier_bits_only(data: bytes, rest: bytes) -> None:
    # The size chooses the memory, so both have the same.
    first = mixer.probabilities(data + bytes(len(rest)))
    assert first[: 8 * len(data)] == mixer.probabilities(data + rest)[: 8 * len(data)]


def test_it_learns() -> None:
    assert cost(b"a" * 300) < 25
    assert cost(b"name: value;\n" * 20) < 130


def test_what_cannot_be_learnt_costs_little_more() -> None:
    assert cost(IRREGULAR) < 1.05 * 8 * len(IRREGULAR)


def test_it_follows_a_model_that_is_right() -> None:
    assert cost(IRREGULAR, [peaked(byte) for byte in IRREGULAR]) < 5


def test_it_learns_to_mistrust_a_model_that_is_wrong() -> None:
    data = b"a" * 300
    assert cost(data, [peaked(98)] * len(data)) < 30


@pytest.mark.parametrize(
    ("data", "with_model", "expected"),
    [
        (b"hello hello", False, 0x5A27E837ABC17FFF),
        (LINES, False, 0xB7CAE372C163774B),
        (LINES, True, 0x6EFB9B4E9806C145),
        (bytes(range(0, 256, 3)) + bytes(150), False, 0x3C5E4D93C61B8459),
    ],
    ids=["hello", "lines", "lines beside a model", "bytes and zeros"],
)
def test_known_probabilities(data: bytes, with_model: bool, expected: int) -> None:
    model = [alternating(data[:end]) for end in range(len(data))] if with_model else None
    assert checksum(mixer.probabilities(data, model)) == expected
