"""The range coder kernels against the processor's, byte for byte: as C++ and as nvcc's PTX."""

from __future__ import annotations

import numpy as np
import pytest

from cuda_kernel_cases import (
    OK,
    Kernels,
    documents_of,
    needs_cxx,
    poisoned,
    read_only,
    row_of,
    table_logits,
)
from eqinfo.frequency import frequencies
from eqinfo.range_coder import RangeEncoder

pytestmark = needs_cxx


@pytest.mark.parametrize(
    ("kind", "alphabet", "lanes", "precision"),
    [
        ("text", 256, 7, 24),
        ("text", 256, 1, 12),
        ("huge", 2, 200, 24),
        ("peaked", 3, 130, 8),
        ("last", 256, 5, 16),
        ("random", 50_257, 3, 24),
    ],
)
def test_range_coder(
    kernels: Kernels, kind: str, alphabet: int, lanes: int, precision: int
) -> None:
    table = frequencies(table_logits(kind, alphabet), precision)
    documents = documents_of(kind, alphabet, lanes, seed=lanes)
    steps = max(map(len, documents))
    encoder = RangeEncoder(lanes, precision)
    intervals = np.zeros((steps, lanes, 2), np.uint32)
    previous = np.full((steps + 1, lanes), -1, np.int32)
    for lane, document in enumerate(documents):
        previous[1 : len(document) + 1, lane] = document
        rows = row_of(table, previous[: len(document), lane])
        encoder.extend(rows, document, lane)
        at = np.arange(len(document))
        intervals[at, lane, 1] = rows[at, document]
        intervals[at, lane, 0] = (
            np.cumsum(rows, axis=1, dtype=np.uint32)[at, document] - rows[at, document]
        )
    streams, bits = zip(*(encoder.finish(lane) for lane in range(lanes)), strict=True)

    states = np.tile(np.array([0, 2**64 - 1], np.uint64), (lanes, 1))
    words, counts = poisoned((lanes, steps + 1), np.uint32), np.zeros(lanes, np.int64)
    written = {
        "lanes": lanes,
        "encoders": states,
        "words": words,
        "capacity": steps + 1,
        "counts": counts,
    }
    half = steps // 2  # two launches go on where one would
    for part in (intervals[:half], intervals[half:]):
        arguments = {"intervals": read_only(part), "steps": len(part), "precision": precision}
        kernels.by_thread("range_encode", lanes, written | arguments)
    found_bits = poisoned(lanes, np.int64)
    kernels.by_thread("range_finish", lanes, written | {"bits": found_bits})
    assert found_bits.tolist() == list(bits)
    for lane, stream in enumerate(streams):
        assert words[lane, : counts[lane]].astype(">u4").tobytes()[: len(stream)] == stream
        assert counts[lane] == -(-bits[lane] // 32)
    assert (states == [0, 2**64 - 1]).all()

    offsets = np.cumsum([0, *map(len, streams)])
    decoders, positions = poisoned((lanes, 3), np.uint64), poisoned(lanes, np.int64)
    source = {
        "bytes": read_only(np.frombuffer(b"".join(streams) or b"\0", np.uint8)),
        "offsets": read_only(offsets),
        "decoders": decoders,
        "positions": positions,
        "lanes": lanes,
    }
    status = poisoned(lanes, np.int32)
    kernels.by_thread("range_start", lanes, {"streams": source, "status": status})
    assert (status == OK).all()
    remaining = np.array([len(document) for document in documents], np.int64)
    symbols = np.full(lanes, -1, np.int32)
    for step in range(steps + 1):
        kernels.by_row(
            "range_decode",
            lanes,
            alphabet,
            {
                "streams": source,
                "frequencies": read_only(row_of(table, symbols)),
                "status": read_only(status),
                "alphabet": alphabet,
                "precision": precision,
                "remaining": remaining,
                "symbols": symbols,
            },
        )
        np.testing.assert_array_equal(symbols, previous[step + 1] if step < steps else -1)
    kernels.by_thread("range_end", lanes, {"streams": source, "bits": found_bits})
    assert found_bits.tolist() == list(bits)
