"""Kernels of csrc/cuda against the CPU's stages, byte for byte: as C++, and as nvcc's PTX."""

from __future__ import annotations

from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codebook_cases import from_strings, tables
from cuda_sim import simulator
from cuda_sim.simulator import CSRC, Simulator
from eqinfo.codebook import Codebook
from eqinfo.frequency import frequencies, min_precision
from eqinfo.models import FunctionModel
from eqinfo.range_coder import RangeEncoder
from eqinfo.reference_codebook import BYTES
from eqinfo.window import empty_window
from eqinfo.window_lanes import encode_bijective
from eqinfo.window_parameters import WindowParameters
from strategies import KINDS, logits_row

pytestmark = pytest.mark.skipif(simulator.CXX is None, reason="no C++ compiler")
needs_nvcc = pytest.mark.skipif(simulator.NVCC is None, reason="no nvcc on this machine")
WAYS = ["shim", *(pytest.param(a, marks=needs_nvcc) for a in simulator.ARCHITECTURES)]

SOURCES = sorted((CSRC / "cuda").glob("*_kernel.cuh"))
KERNELS = CSRC / "cuda" / "kernels.h"
STRUCTS = simulator.read_structs(
    *(CSRC / name for name in ("frequency.h", "range_coder.h", "codebook.h")), KERNELS
)
CONSTANTS = simulator.read_constants(KERNELS)
POISON = 0xA5

Arguments = dict[str, Any]


class Kernels:
    """Launches with the geometry of kernels.h."""

    def __init__(self, simulated: Simulator) -> None:
        self._simulated = simulated

    def by_thread(self, name: str, items: int, arguments: Arguments) -> None:
        threads = CONSTANTS["kThreadsOfItems"]
        self._simulated.launch(f"eqinfo_{name}", -(-items // threads), threads, arguments)

    def by_block(self, name: str, items: int, arguments: Arguments) -> None:
        self._simulated.launch(f"eqinfo_{name}", items, CONSTANTS["kThreadsOfBlock"], arguments)

    def by_row(self, name: str, rows: int, alphabet: int, arguments: Arguments) -> None:
        """Launch one warp a row, or one block for large alphabets."""
        if alphabet > CONSTANTS["kWarpAlphabet"]:
            return self.by_block(f"{name}_block", rows, arguments)
        threads = CONSTANTS["kThreadsOfWarps"]
        blocks = -(-rows * CONSTANTS["kWarpThreads"] // threads)
        self._simulated.launch(f"eqinfo_{name}_warp", blocks, threads, arguments)


def library_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Libraries are compiled once a session."""
    folder = tmp_path_factory.getbasetemp() / "cuda_kernels"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module", params=WAYS)
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    library = simulator.build(request.param, SOURCES, library_folder(tmp_path_factory))
    # The order of blocks and threads must not matter: both occur.
    return Kernels(Simulator(library, STRUCTS, descending=request.param in ("90", "100")))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def poisoned(shape: Any, dtype: Any) -> NDArray[Any]:
    """What a kernel is to write."""
    array = np.empty(shape, dtype)
    array.view(np.uint8).fill(POISON)
    return array


# --- frequency ---

OK, NAN, INFINITE, NONE_FINITE, OUT_OF_RANGE = 0, 1, 2, 3, 6
FLOAT32, FLOAT16, BFLOAT16 = range(3)


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
    *((alphabet, rows, None) for alphabet in (2, 3, 100, 256, 1024) for rows in (1, 23)),
    (3, 4099, 24),
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


# --- models and texts ---

TEXT = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
    "age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the "
    "season of Light, it was the season of Darkness, it was the spring of hope, it was the "
    "winter of despair, we had everything before us, we had nothing before us — «Ein Märchen aus "
    "alten Zeiten, das kommt mir nicht aus dem Sinn.» 千里之行,始於足下。"
).encode()


def table_logits(kind: str, alphabet: int) -> NDArray[np.float32]:
    """Logits by the symbol before: row 0 without one, and so on, again and again."""
    if kind == "text":
        counts = np.full((257, 256), 0.05)
        for before, symbol in pairwise(TEXT):
            counts[before + 1, symbol] += 1
        return np.log(counts).astype(np.float32)
    return np.stack([logits_row(kind, alphabet, bytes([row])) for row in range(5)])


def documents_of(kind: str, alphabet: int, count: int, seed: int) -> list[NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    if kind == "text":
        text = np.frombuffer(TEXT, np.uint8).astype(np.int32)
        cuts = np.sort(rng.choice(np.arange(1, len(text)), count - 1, replace=False))
        return np.split(text, cuts)
    longest = min(40 if alphabet < 1000 else 6, 2000 // count)
    probable = table_logits(kind, alphabet).argmax(axis=1)
    return [
        np.where(
            rng.random(length) < 0.5,
            rng.integers(0, alphabet, length),
            rng.choice(probable, length),
        ).astype(np.int32)
        for length in rng.integers(1, longest, count)
    ]


def row_of(table: NDArray[Any], previous: NDArray[np.int32]) -> NDArray[Any]:
    return np.ascontiguousarray(table[(previous + 1) % len(table)])


def table_model(logits: NDArray[np.float32]) -> FunctionModel:
    def predict(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        return row_of(logits, np.where(lengths > 0, contexts[:, 0], -1))

    return FunctionModel(predict, logits.shape[1], 1, name="table")


# --- range coder ---


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


# --- windows ---

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
    closed = encode_bijective(table_model(logits), documents, parameters, lanes)
    expected = [np.stack([window.codeword for window in windows]) for windows in closed]

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


# --- codebook ---


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
        closed = encode_bijective(table_model(logits), [documents[work]], parameters, 1)[0]
        begin = encoding.offsets[work]
        expected = np.stack([window.codeword for window in closed])
        np.testing.assert_array_equal(codewords[begin : begin + counts[work]], expected)
