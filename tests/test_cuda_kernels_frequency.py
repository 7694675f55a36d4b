"""The frequency kernels against the processor's stage, byte for byte: as C++, as nvcc's PTX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cuda_kernel_cases import (
    INFINITE,
    NAN,
    NONE_FINITE,
    OK,
    OUT_OF_RANGE,
    Arguments,
    Kernels,
    needs_cxx,
    poisoned,
    read_only,
)
from eqinfo.frequency import frequencies, min_precision
from strategies import KINDS, logits_row

pytestmark = needs_cxx

FLOAT32, FLOAT16, BFLOAT16, INT32 = range(4)


def adversarial_logits(alphabet: int, rows: int, seed: int) -> NDArray[np.float32]:
    """Rows of every kind of `strategies`, subnormal and faulty ones."""
    rng = np.random.default_rng(seed)
    kinds = [*KINDS, "subnormal", "nan", "infinite", "none_finite"]
    logits = np.empty((rows, alphabet), np.float32)
    for row in range(rows):
        kind = kinds[(seed + row) % len(kinds)]
        logits[row] = logits_row(kind if kind in KINDS else "random", alphabet, bytes([row % 256]))
        if kind == "subnormal":
            logits[row] = rng.integers(-9, 9, alphabet) * np.float32(1e-45)
        elif kind == "nan":
            logits[row, rng.integers(alphabet)] = np.nan
        elif kind == "infinite":
            logits[row, rng.integers(alphabet)] = np.inf
        elif kind == "none_finite":
            logits[row] = -np.inf
    return logits


def expected_status(logits: NDArray[np.float32]) -> NDArray[np.int32]:
    status = np.where(np.isneginf(logits).all(axis=1), NONE_FINITE, OK)
    status = np.where(np.isposinf(logits).any(axis=1), INFINITE, status)
    return np.where(np.isnan(logits).any(axis=1), NAN, status).astype(np.int32)


def logit_rows(
    logits: NDArray[np.float32], precision: int, kind: int, gap: int
) -> tuple[Arguments, NDArray[np.float32]]:
    """Return LogitRows with a gap of NaN after each row, and the logits as float32."""
    count, alphabet = logits.shape
    padded = np.full((count, alphabet + gap), np.nan, np.float32)
    padded[:, :alphabet] = logits
    if kind == FLOAT16:
        with np.errstate(over="ignore"):
            stored: NDArray[Any] = padded.astype(np.float16)
        logits = stored[:, :alphabet].astype(np.float32)
    elif kind == BFLOAT16:
        stored = (padded.view(np.uint32) >> 16).astype(np.uint16)
        cut = (stored[:, :alphabet].astype(np.uint32) << 16).view(np.float32)
        logits = cut
    else:
        stored = padded
    arguments = {
        "logits": read_only(stored.reshape(-1)[: count * (alphabet + gap) - gap]),
        "type": kind,
        "alphabet": alphabet,
        "precision": precision,
        "count": count,
        "stride": alphabet + gap,
    }
    return arguments, logits


SHAPES = [  # alphabet, rows, precision (None: the least)
    *((alphabet, 1, None) for alphabet in (2, 3, 100, 256, 1024)),
    *((alphabet, 23, 24) for alphabet in (2, 3, 100, 256, 1024)),  # more bits show smaller faults
    (3, 4099, 8),
    (256, 130, 16),
    (1025, 12, 24),
    (50_257, 11, None),
    (1 << 17, 3, 24),
]


@pytest.mark.parametrize(("alphabet", "rows", "precision"), SHAPES)
@pytest.mark.parametrize(
    "kind", [FLOAT32, FLOAT16, BFLOAT16], ids=["float32", "float16", "bfloat16"]
)
def test_frequencies(
    kernels: Kernels, alphabet: int, rows: int, precision: int | None, kind: int
) -> None:
    if kind != FLOAT32:
        rows = min(rows, 10_000 // alphabet + 1, 50)
    precision = precision or min_precision(alphabet)
    arguments, logits = logit_rows(
        adversarial_logits(alphabet, rows, alphabet + rows), precision, kind, gap=rows % 3
    )
    status = expected_status(logits)
    expected = poisoned((rows, alphabet), np.uint32)
    expected[status == OK] = frequencies(logits[status == OK], precision)
    found = poisoned((rows, alphabet), np.uint32)
    found_status = poisoned(rows, np.int32)
    kernels.by_row(
        "frequency_rows",
        rows,
        alphabet,
        {"rows": arguments, "frequencies": found, "status": found_status},
    )
    np.testing.assert_array_equal(found_status, status)
    np.testing.assert_array_equal(found, expected)

    rng = np.random.default_rng(rows)
    symbols = rng.integers(0, alphabet, rows, np.int32)
    symbols[rows // 2 :: 7] = -1  # none
    symbols[rows // 3 :: 11] = alphabet
    intervals = poisoned((rows, 2), np.uint32)
    kernels.by_row(
        "frequency_intervals",
        rows,
        alphabet,
        {
            "rows": arguments,
            "symbols": read_only(symbols),
            "intervals": intervals,
            "status": found_status,
        },
    )
    status = np.where(symbols == -1, OK, np.where(symbols == alphabet, OUT_OF_RANGE, status))
    np.testing.assert_array_equal(found_status, status)
    for row in range(rows):
        interval = [0, 0]
        if status[row] == OK and symbols[row] >= 0:
            interval = [int(expected[row, : symbols[row]].sum()), int(expected[row, symbols[row]])]
        assert intervals[row].tolist() == interval, row


@pytest.mark.parametrize(("alphabet", "rows"), [(100, 5), (1025, 2)])
def test_logits_in_integers(kernels: Kernels, alphabet: int, rows: int) -> None:
    rng = np.random.default_rng(alphabet)
    logits = rng.integers(-40 * 1024, 1, (rows, alphabet), np.int32)
    # Floats are off by far less than half a 1024th of an octave, so they round to the integers.
    expected = frequencies((logits * (np.log(2) / 1024)).astype(np.float32), 24)
    arguments = {
        "logits": read_only(logits + rng.integers(-(1 << 29), 1 << 29, (rows, 1), np.int32)),
        "type": INT32,
        "alphabet": alphabet,
        "precision": 24,
        "count": rows,
        "stride": alphabet,
    }
    found, status = poisoned((rows, alphabet), np.uint32), poisoned(rows, np.int32)
    outputs = {"rows": arguments, "frequencies": found, "status": status}
    kernels.by_row("frequency_rows", rows, alphabet, outputs)
    np.testing.assert_array_equal(status, OK)
    np.testing.assert_array_equal(found, expected)

    symbols, intervals = (
        read_only(logits.argmax(1).astype(np.int32)),
        poisoned((rows, 2), np.uint32),
    )
    outputs = {"rows": arguments, "symbols": symbols, "intervals": intervals, "status": status}
    kernels.by_row("frequency_intervals", rows, alphabet, outputs)
    for row, symbol in enumerate(symbols):
        starts = [int(expected[row, :symbol].sum()), int(expected[row, symbol])]
        assert intervals[row].tolist() == starts
