"""Decoders of files accept any bytes: a mutated file decodes, or gives an error of the package."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import decoder_cases as cases


@cache
def seeds(checksums: bool) -> dict[str, list[bytes]]:
    if checksums:
        return cases.seeds()
    with cases.without_checksums():
        return cases.seeds()


@pytest.fixture(params=[True, False], ids=["checksums", "no checksums"])
def checksums(request: pytest.FixtureRequest) -> Iterator[bool]:
    if request.param:
        yield True
        return
    with cases.without_checksums():
        yield False


def mutated(data: st.DataObject, seed: bytes) -> bytes:
    """Change bytes, most often in the header; replace digits, cut, and append."""
    header = min(8 + int.from_bytes(seed[:8], "little"), len(seed))
    result = bytearray(seed)
    places = st.integers(0, header - 1) | st.integers(0, len(seed) - 1)
    changes = st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)
    for place, value in data.draw(changes):
        result[place] = value
    digits = [i for i in range(8, header) if seed[i : i + 1].isdigit()]
    for place in data.draw(st.lists(st.sampled_from(digits or [0]), max_size=3)):
        result[place] = data.draw(st.sampled_from(b"0123456789"))
    cut = data.draw(st.none() | st.integers(0, len(result)))
    return bytes(result[:cut]) + data.draw(st.binary(max_size=9))


@pytest.mark.parametrize("name", cases.DECODERS)
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_mutated_files(name: str, checksums: bool, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(seeds(checksums)[name]))
    cases.DECODERS[name](mutated(data, seed))


@pytest.mark.parametrize("name", cases.DECODERS)
@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes(name: str, data: bytes) -> None:
    cases.DECODERS[name](data)


@pytest.mark.parametrize("name", cases.DECODERS)
def test_the_seeds_are_accepted(
    name: str, checksums: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If they were not, the tests above would test little."""
    for seed in seeds(checksums)[name]:
        monkeypatch.setattr(cases, "EqInfoError", ())
        cases.DECODERS[name](seed)


GROWTH = """
import random
import decoder_cases as cases


def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


random = random.Random(1)
with cases.without_checksums():
    seeds = [seed for seed in cases.seeds()["container"] if len(seed) < 65536]
    for count in (300, 1500):
        for _ in range(count):
            data = bytearray(random.choice(seeds))
            for _ in range(random.randint(0, 3)):
                data[random.randrange(len(data))] = random.randrange(256)
            cases.DECODERS["container"](bytes(data))
        if count == 300:
            begin = resident_mib()
    print(resident_mib() - begin)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_memory_does_not_grow_with_the_number_of_files() -> None:
    """It once did, by 200 kB per file: gaps in aligned memory were never used again."""
    program = f"import os, sys; sys.path.insert(0, {str(Path(__file__).parent)!r}){GROWTH}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100
