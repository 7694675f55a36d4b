"""Many documents, each in a container of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import eqinfo
from container_cases import words
from eqinfo.errors import FormatError, OutputLimitError

LINES = words(3000).splitlines(keepends=True)
DICTIONARY = eqinfo.Dictionary(words(6000)[3000:])


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"codec": "ranged"},
        {"codec": "adaptive", "solid": True, "block_bytes": 20},
        {"codec": "adaptive", "dictionary": DICTIONARY},
        {"dictionary": DICTIONARY},
    ],
)
def test_each_is_what_it_is_alone(options: Any, num_threads: int) -> None:
    lines = LINES[:8]
    blobs = list(eqinfo.compress_each(lines, num_threads=num_threads, **options))
    assert blobs == [eqinfo.compress(line, **options) for line in lines]
    dictionary = options.get("dictionary")
    found = eqinfo.decompress_each(blobs, dictionary=dictionary, num_threads=num_threads)
    assert list(found) == lines


def test_documents_of_any_kind() -> None:
    blobs = eqinfo.compress_each(["é", b"", bytearray(b"ab"), memoryview(b"abc")], codec="stored")
    assert list(eqinfo.decompress_each(blobs)) == ["é".encode(), b"", b"ab", b"abc"]


@pytest.mark.parametrize("num_threads", [1, 2])
def test_documents_are_taken_as_they_are_needed(num_threads: int) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"a document"

    blobs = eqinfo.compress_each(endless(), codec="stored", num_threads=num_threads)
    assert taken == 0
    for _ in range(5):
        next(blobs)
    assert taken <= 5 + 2 * num_threads
    blobs.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("num_threads", [1, 2])
def test_errors_come_in_the_place_of_their_document(num_threads: int) -> None:
    blobs = [*eqinfo.compress_each(LINES[:4], codec="stored")]
    found = eqinfo.decompress_each([*blobs[:3], b"no file", blobs[3]], num_threads=num_threads)
    assert [next(found) for _ in range(3)] == LINES[:3]
    with pytest.raises(FormatError, match="expected an eqinfo file"):
        next(found)
    with pytest.raises(OutputLimitError):
        list(eqinfo.decompress_each(blobs, max_output=3))
    with pytest.raises(TypeError, match="expected bytes or another object with a buffer"):
        list(eqinfo.compress_each([3]))  # type: ignore[list-item]


def test_options_are_checked_at_once() -> None:
    with pytest.raises(ValueError, match="expected num_threads of 1 to 256, found 0"):
        eqinfo.compress_each([], num_threads=0)
    with pytest.raises(ValueError, match="expected num_threads of 1 to 256, found 0"):
        eqinfo.decompress_each([], num_threads=0)
    with pytest.raises(ValueError, match="expected a codec among"):
        eqinfo.compress_each([], codec="none")  # type: ignore[typeddict-item]
