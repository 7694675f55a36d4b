"""The codebook kernels against the processor's stage, byte for byte: as C++ and as nvcc's PTX."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from codebook_cases import from_strings, tables
from cuda_kernel_cases import (
    CONSTANTS,
    TEXT,
    Kernels,
    needs_cxx,
    poisoned,
    read_only,
)
from eqinfo.codebook import Codebook
from eqinfo.reference.codebook import BYTES

pytestmark = needs_cxx


@cache
def codebook(name: str) -> Codebook:
    if name == "wide":  # ids of more than 16 bits
        twos = [bytes([i, j]) for i in range(256) for j in range(256)]
        threes = [b"\0" + two for two in twos][: (1 << 17) - 257 - len(twos)]
        return from_strings([b"", *BYTES, *twos, *threes])
    return Codebook.bundled(name) if name.startswith("en") else from_strings(tables()[name])


def documents_of_bytes(count: int) -> list[bytes]:
    rng = np.random.default_rng(count)
    documents = [b"", TEXT, TEXT[::-1], b"a" * 700, bytes(range(256)), rng.bytes(300)]
    while len(documents) < count:
        begin = int(rng.integers(len(TEXT)))
        documents.append(TEXT[begin : begin + int(rng.integers(0, 9))])
    return documents


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("en-4k", 40),
        ("en", 300),
        ("en-dense", 4099),
        ("chain", 6),
        ("sparse prose", 40),
        ("wide", 9),
    ],
)
def test_codebook(kernels: Kernels, name: str, count: int) -> None:
    book = codebook(name)
    arrays = {field: read_only(table) for field, table in book.native_tables().items()}
    documents = documents_of_bytes(count)
    text = np.frombuffer(b"".join(documents), np.uint8)
    offsets = read_only(np.cumsum([0, *map(len, documents)]))
    wide = book.dtype.itemsize == 4
    expected = [book.encode(document) for document in documents]

    ids, counts = poisoned(len(text), book.dtype), poisoned(count, np.int64)
    kernels.by_thread(
        "codebook_encode",
        count,
        {
            "trie": {field: arrays[field] for field in ("slots", "closing", "failures", "pops")},
            "wide": wide,
            "text": read_only(text),
            "offsets": offsets,
            "documents": count,
            "ids": ids,
            "counts": counts,
        },
    )
    all_expected = poisoned(len(text), book.dtype)
    for begin, document in zip(offsets[:-1], expected, strict=True):
        all_expected[begin : begin + len(document)] = document
    assert counts.tolist() == list(map(len, expected))
    np.testing.assert_array_equal(ids, all_expected)

    strings = {field: arrays[field] for field in ("words", "sizes", "longs", "tails")}
    strings["count"] = 1 << book.window_bits
    coded = np.concatenate(expected)
    lengths = [len(book[int(i)]) for i in coded]
    starts = np.cumsum([0, *lengths])
    for written in (text, np.empty(0, np.uint8)):  # with room for all of the text, and for none
        threads = CONSTANTS["kThreadsOfBlock"]
        blocks = -(-len(coded) // threads)
        fault = np.array([len(coded)], np.int64)
        arguments = {
            "strings": strings,
            "wide": wide,
            "ids": read_only(coded),
            "count": len(coded),
            "blocks": poisoned(blocks + 1, np.int64),
        }
        kernels.by_block("codebook_measure", blocks, {"ids": arguments, "fault": fault})
        assert fault[0] == len(coded)
        scanned = {"blocks": arguments["blocks"], "count": blocks}
        kernels.by_block("codebook_scan", 1, scanned)
        assert arguments["blocks"].tolist() == [*starts[:-1:threads], starts[-1]]
        out, found = poisoned(len(written), np.uint8), poisoned(len(coded) + 1, np.int64)
        capacity = {"capacity": len(out), "text": out, "starts": found}
        kernels.by_block("codebook_write", blocks, {"ids": arguments} | capacity)
        np.testing.assert_array_equal(found, starts)
        np.testing.assert_array_equal(out, written)


@pytest.mark.parametrize("count", [1, 511, 512, 513, 1537])
def test_codebook_scan(kernels: Kernels, count: int) -> None:
    sizes = np.random.default_rng(count).integers(0, 1 << 40, count)
    blocks = np.append(sizes, -1)
    kernels.by_block("codebook_scan", 1, {"blocks": blocks, "count": count})
    np.testing.assert_array_equal(blocks, np.cumsum([0, *sizes]))


def test_ids_that_a_codebook_has_not(kernels: Kernels) -> None:
    book = codebook("en-4k")
    arrays = {field: read_only(table) for field, table in book.native_tables().items()}
    strings = {field: arrays[field] for field in ("words", "sizes", "longs", "tails")}
    ids = np.arange(3000, dtype=np.uint16)
    ids[[700, 2999]] = 4096
    arguments = {
        "strings": strings | {"count": 4096},
        "wide": 0,
        "ids": read_only(ids),
        "count": len(ids),
        "blocks": poisoned(7, np.int64),
    }
    fault = np.array([len(ids)], np.int64)
    kernels.by_block("codebook_measure", 6, {"ids": arguments, "fault": fault})
    assert fault[0] == 700
    lengths = [len(book[i]) if i < 4096 else 0 for i in ids.tolist()]
    assert arguments["blocks"][:6].tolist() == [
        sum(lengths[i : i + 512]) for i in range(0, 3000, 512)
    ]
