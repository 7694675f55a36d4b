"""Codebook stage: every instruction set gives the same ids and reads no text past its end."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import codebook_cases as cases
from eqinfo.codebook import Codebook, set_vector_walk, walks_in_vectors
from eqinfo.common.batch import TokenBatch
from eqinfo.errors import UnsupportedError
from levels import LEVELS, at_level

# Vectors are used from 16 KiB on.
LONG = 40_000
RANDOM = np.random.default_rng(7)


def wide() -> Codebook:
    """A codebook of 17 bits, whose ids are uint32."""
    return Codebook.fit(cases.TEXT * 20, 17)


CODEBOOKS = {
    **{name: cases.from_strings(strings) for name, strings in cases.tables().items()},
    "wide": wide(),
    "en": Codebook.bundled("en"),
    "en-dense": Codebook.bundled("en-dense"),
}
TEXTS = {
    "prose": cases.TEXT * 300,
    "a run": b"a" * 200_000,
    "zeros": bytes(100_000),
    "two letters": RANDOM.integers(97, 99, 200_000, np.uint8).tobytes(),
    "letters and spaces": RANDOM.choice(list(b"abc  \n"), 200_000).astype(np.uint8).tobytes(),
    "noise": RANDOM.integers(0, 256, 100_000, np.uint8).tobytes(),
    "shuffled prose": b"".join(RANDOM.permutation(np.array(cases.TEXT.split(b" ") * 200, "S64"))),
}


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    with at_level(request.param):
        yield request.param


def same_batches(found: TokenBatch, wanted: TokenBatch) -> None:
    assert np.array_equal(found.tokens, wanted.tokens)
    assert np.array_equal(found.offsets, wanted.offsets)


def plain_walk(codebook: Codebook, text: bytes) -> np.ndarray:
    """Encode byte by byte, without pieces or lanes."""
    return np.concatenate(list(codebook.encode_stream(text[i : i + 1] for i in range(len(text)))))


@pytest.fixture(params=[False, True, None])
def vectors(request: pytest.FixtureRequest) -> Iterator[bool | None]:
    """Walks that are never in vectors, always, and as the processor decides."""
    try:
        set_vector_walk(request.param)
    except UnsupportedError:
        pytest.skip("this processor lacks the vector walk")
    try:
        yield request.param
    finally:
        set_vector_walk(None)


def test_walks_in_vectors_can_be_chosen(vectors: bool | None) -> None:
    if vectors is not None:
        assert walks_in_vectors() == vectors
    with at_level("scalar"):
        assert not walks_in_vectors()


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="says which processor this is")
def test_processors_with_fast_gathers_walk_in_vectors() -> None:
    """All of AMD's with AVX-512, and Intel's from Sapphire Rapids on, the first with FP16."""
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    about = {key.strip(): value.split() for key, _, value in lines}
    flags = about.get("flags", [])
    fast = about.get("vendor_id") == ["AuthenticAMD"] or "avx512_fp16" in flags
    assert walks_in_vectors() == (fast and "avx512_vbmi2" in flags)


@pytest.mark.parametrize("table", CODEBOOKS)
def test_chosen_walks_give_the_plain_walk(table: str, vectors: bool | None) -> None:
    codebook, text = CODEBOOKS[table], TEXTS["shuffled prose"][:LONG]
    assert np.array_equal(codebook.encode(text), plain_walk(codebook, text))


@pytest.mark.parametrize("table", CODEBOOKS)
def test_short_texts_give_the_plain_walk(table: str) -> None:
    """Around the sizes at which a text is cut into pieces, and encoded with the GIL."""
    codebook = CODEBOOKS[table]
    prose = ("the naïve 漢字 cat, 🙂 and so on. " * 200).encode()
    for text in (prose, TEXTS["two letters"], TEXTS["zeros"], TEXTS["noise"]):
        for size in (0, 1, 23, 47, 48, 49, 95, 143, 144, 255, 769, 4096, 4097):
            start = text[:size]
            found = codebook.encode(start)
            expected = plain_walk(codebook, start) if size else found[:0]
            assert np.array_equal(found, expected)
            assert codebook.decode_bytes(found) == start
            shown = start.decode("utf-8", "ignore")
            assert np.array_equal(codebook.encode(shown), codebook.encode(shown.encode()))


@pytest.mark.parametrize("table", CODEBOOKS)
def test_lanes_give_the_plain_walk(table: str, level: str) -> None:
    codebook = CODEBOOKS[table]
    for text in TEXTS.values():
        start = text[:LONG]
        assert np.array_equal(codebook.encode(start), plain_walk(codebook, start))


@pytest.mark.parametrize("table", CODEBOOKS)
@pytest.mark.parametrize("name", TEXTS)
def test_levels_agree(table: str, name: str) -> None:
    """Long texts, documents of all sizes, pieces of a stream, threads."""
    codebook, text = CODEBOOKS[table], TEXTS[name]
    cuts = np.cumsum(np.append(0, np.random.default_rng(3).geometric(1 / 700, 1_000)))
    bounds = np.append(cuts[cuts < len(text)], len(text)).astype(np.int64)
    with at_level("scalar"):
        whole = codebook.encode(text)
        documents = codebook.encode_batch((text, bounds))
    for name_of_level in LEVELS[1:]:
        with at_level(name_of_level):
            assert np.array_equal(codebook.encode(text), whole)
            assert np.array_equal(codebook.encode(text * 5, num_threads=2)[: len(whole) - 50],
                                  whole[:-50])  # fmt: skip
            same_batches(codebook.encode_batch((text, bounds)), documents)
            same_batches(codebook.encode_batch((text, bounds), num_threads=2), documents)
            chunks = [text[:1], text[1:50_000], text[50_000:]]
            assert np.array_equal(np.concatenate(list(codebook.encode_stream(chunks))), whole)
            assert codebook.decode_bytes(whole) == text


@pytest.mark.parametrize("table", CODEBOOKS)
@settings(max_examples=25, deadline=None)
@given(
    units=st.lists(
        st.binary(min_size=1, max_size=40)
        | st.text("ab \n", min_size=1, max_size=30).map(str.encode)
        | st.sampled_from(cases.TEXT.split()),
        min_size=1,
        max_size=8,
    ),
    cuts=st.lists(st.integers(0, LONG), max_size=80).map(sorted),
)
def test_levels_agree_on_any_text(table: str, units: list[bytes], cuts: list[int]) -> None:
    codebook = CODEBOOKS[table]
    unit = b"".join(units)
    text = unit * (LONG // len(unit) + 1)
    bounds = np.array([0, *cuts, len(text)], np.int64)
    with at_level("scalar"):
        wanted = codebook.encode_batch((text, bounds))
    for name in LEVELS[1:]:
        with at_level(name):
            same_batches(codebook.encode_batch((text, bounds)), wanted)


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect as Linux has it")
@pytest.mark.parametrize("table", ["en", "en-dense", "wide"])
def test_no_text_is_read_past_its_end(table: str, level: str) -> None:
    """The last document ends where memory does."""
    codebook = CODEBOOKS[table]
    page = mmap.PAGESIZE
    size = -(-3 * LONG // page) * page
    memory = mmap.mmap(-1, size + page)
    array = np.frombuffer(memory, np.uint8)
    text = (cases.TEXT * (size // len(cases.TEXT) + 1))[:size]
    array[:size] = np.frombuffer(text, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    readable, none = mmap.PROT_READ | mmap.PROT_WRITE, 0
    guard = ctypes.c_void_p(array.ctypes.data + size)
    assert libc.mprotect(guard, ctypes.c_size_t(page), none) == 0
    try:
        bounds = np.arange(0, size + 1, 11, dtype=np.int64)
        for offsets in (np.array([0, size], np.int64), np.append(bounds[:-1], size)):
            found = codebook.encode_batch((array[:size], offsets))
            same_batches(found, codebook.encode_batch((text, offsets)))
        # Lanes end at different places, each with the last of a few documents.
        for start in range(size - LONG, size - LONG + 60):
            assert codebook.decode_bytes(codebook.encode(array[start:size].data)) == text[start:]
    finally:
        assert libc.mprotect(guard, ctypes.c_size_t(page), readable) == 0
