"""The window kernels against the processor's stage, byte for byte: as C++ and as nvcc's PTX."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cuda_kernel_cases import (
    NAN,
    OK,
    OUT_OF_RANGE,
    Arguments,
    Kernels,
    documents_of,
    needs_cxx,
    poisoned,
    read_only,
    row_of,
    table_logits,
    table_model,
)
from eqinfo.frequency import frequencies
from eqinfo.window import empty_window
from eqinfo.window.lanes import encode_bijective
from eqinfo.window.parameters import WindowParameters

pytestmark = needs_cxx

NO_WORK = -1


class WindowLanes:
    """WindowStep: works dealt to lanes in turn."""

    def __init__(
        self,
        works: list[NDArray[Any]],
        lanes: int,
        table: NDArray[np.uint32],
        bits: int,
        precision: int,
    ) -> None:
        self.table = table
        self.lanes = lanes
        self.offsets = read_only(np.cumsum([0, *map(len, works)]))
        first = np.arange(lanes)
        after = np.arange(len(works)) + lanes
        self.step = {
            "lanes": lanes,
            "alphabet": table.shape[1],
            "precision": precision,
            "window_bits": bits,
            "work": np.where(first < len(works), first, NO_WORK),
            "next": read_only(np.where(after < len(works), after, NO_WORK)),
            "positions": self.offsets[np.minimum(first, len(works))].copy(),
            "windows": np.tile(empty_window(bits), (lanes, 1)),
            "previous": np.full(lanes, -1, np.int32),
            "status": np.zeros(len(works), np.int32),
            "fault_offsets": np.zeros(len(works), np.int64),
        }

    def run(self, kernels: Kernels, name: str, arguments: Arguments, bad_row: Any = None) -> None:
        """Launch steps until no lane has work; bad_row(step) is the status of its rows."""
        for step in range(100_000):
            if (self.step["work"] == NO_WORK).all():
                return
            row_status = np.zeros(self.lanes, np.int32) if bad_row is None else bad_row(step)
            rows = {
                "frequencies": read_only(row_of(self.table, self.step["previous"])),
                "row_status": read_only(row_status),
            }
            kernels.by_row(
                name,
                self.lanes,
                self.table.shape[1],
                {"step": self.step | rows} | arguments,
            )
        raise AssertionError("no end")


@pytest.mark.parametrize(
    ("kind", "alphabet", "window_bits", "precision", "works", "lanes", "reset_every"),
    [
        ("random", 2, 8, 8, 20, 7, 1),
        ("huge", 3, 8, 8, 150, 133, 2),
        ("peaked", 3, 16, 8, 9, 9, 0),
        ("text", 256, 16, 16, 5, 3, 1),
        ("text", 256, 24, 12, 5, 5, 3),
        ("ties", 256, 32, 16, 6, 4, 1),
        ("minus_infinity", 256, 64, 24, 6, 2, 1),
        ("text", 256, 128, 24, 3, 3, 0),
        ("equal", 256, 128, 12, 3, 2, 1),
        ("last", 1025, 24, 15, 4, 3, 1),
        ("random", 50_257, 24, 20, 3, 2, 1),
        ("random", 1 << 17, 128, 24, 2, 2, 1),
    ],
)
def test_windows(
    kernels: Kernels,
    kind: str,
    alphabet: int,
    window_bits: int,
    precision: int,
    works: int,
    lanes: int,
    reset_every: int,
) -> None:
    logits = table_logits(kind, alphabet)
    documents = documents_of(kind, alphabet, works, seed=works)
    parameters = WindowParameters(window_bits, precision, "bijective", reset_every)
    encoded = encode_bijective(table_model(logits), documents, parameters, lanes)
    expected = [windows.codewords for windows in encoded]

    table = frequencies(logits, precision)
    encoding = WindowLanes(documents, lanes, table, window_bits, precision)
    symbols = np.concatenate(documents)
    codewords = poisoned((len(symbols), 2), np.uint64)
    counts = np.zeros(works, np.int64)
    encoding.run(
        kernels,
        "window_encode",
        {
            "symbols": read_only(symbols),
            "offsets": encoding.offsets,
            "reset_every": reset_every,
            "since_reset": np.zeros(lanes, np.int64),
            "codewords": codewords,
            "counts": counts,
        },
    )
    assert not encoding.step["status"].any()
    assert counts.tolist() == list(map(len, expected))
    for work, begin in enumerate(encoding.offsets[:-1]):
        np.testing.assert_array_equal(codewords[begin : begin + counts[work]], expected[work])

    segments = [
        windows[first : first + (reset_every or len(windows))]
        for windows in expected
        for first in range(0, len(windows), reset_every or len(windows))
    ]
    decoding = WindowLanes(segments, lanes, table, window_bits, precision)
    decoded: list[list[int]] = [[] for _ in segments]
    symbol, symbol_work = poisoned(lanes, np.int32), poisoned(lanes, np.int64)

    def collect(_: int) -> NDArray[np.int32]:
        for lane in np.flatnonzero(symbol >= 0):
            decoded[symbol_work[lane]].append(int(symbol[lane]))
        return np.zeros(lanes, np.int32)

    symbol[:] = -1
    decoding.run(
        kernels,
        "window_decode",
        {
            "codewords": read_only(np.concatenate(segments)),
            "offsets": decoding.offsets,
            "symbols": symbol,
            "symbol_work": symbol_work,
        },
        collect,
    )
    collect(0)
    assert not decoding.step["status"].any()
    assert list(chain(*decoded)) == symbols.tolist()


@pytest.mark.parametrize("alphabet", [256, 1025])
def test_faulty_work_ends_and_the_rest_goes_on(kernels: Kernels, alphabet: int) -> None:
    logits = table_logits("random", alphabet)
    rng = np.random.default_rng(alphabet)
    documents = list(rng.integers(0, alphabet, (6, 12), np.int32))
    documents[4][1] = alphabet
    parameters = WindowParameters(32, 16, "bijective", 1)
    encoding = WindowLanes(documents, 3, frequencies(logits, 16), 32, 16)
    symbols = np.concatenate(documents)
    codewords, counts = poisoned((len(symbols), 2), np.uint64), np.zeros(6, np.int64)
    nan_steps = []

    def bad_row(step: int) -> NDArray[np.int32]:
        """In lane 1, once it is in the middle of its document."""
        bad = not nan_steps and encoding.step["positions"][1] > encoding.offsets[1] + 1
        if bad:
            nan_steps.append(step)
        return np.array([OK, NAN if bad else OK, OK], np.int32)

    encoding.run(
        kernels,
        "window_encode",
        {
            "symbols": read_only(symbols),
            "offsets": encoding.offsets,
            "reset_every": 1,
            "since_reset": np.zeros(3, np.int64),
            "codewords": codewords,
            "counts": counts,
        },
        bad_row,
    )
    assert encoding.step["status"].tolist() == [OK, NAN, OK, OK, OUT_OF_RANGE, OK]
    assert encoding.step["fault_offsets"].tolist() == [0, 2, 0, 0, 1, 0]
    for work in (0, 2, 3, 5):
        encoded = encode_bijective(table_model(logits), [documents[work]], parameters, 1)[0]
        begin = encoding.offsets[work]
        np.testing.assert_array_equal(codewords[begin : begin + counts[work]], encoded.codewords)
