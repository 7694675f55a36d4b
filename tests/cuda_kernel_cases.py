"""Launches kernels of csrc/cuda on the processor, and what the tests of all stages give them."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cuda_sim import simulator
from cuda_sim.simulator import CSRC, Simulator
from eqinfo.models import FunctionModel
from strategies import logits_row

needs_cxx = pytest.mark.skipif(simulator.CXX is None, reason="no C++ compiler")
needs_nvcc = pytest.mark.skipif(simulator.NVCC is None, reason="no nvcc on this machine")
WAYS = ["shim", *(pytest.param(a, marks=needs_nvcc) for a in simulator.ARCHITECTURES)]

SOURCES = sorted((CSRC / "cuda").glob("*_kernel.cuh"))
KERNELS = CSRC / "cuda" / "kernels.h"
STRUCTS = simulator.read_structs(
    *(CSRC / f"{name}.h" for name in ("frequency", "range_coder", "codebook", "transformer")),
    KERNELS,
)
CONSTANTS = simulator.read_constants(KERNELS)
POISON = 0xA5

# Status of csrc/status.h.
OK, NAN, INFINITE, NONE_FINITE, OUT_OF_RANGE = 0, 1, 2, 3, 6

Arguments = dict[str, Any]


class Kernels:
    """Launches with the geometry of kernels.h."""

    def __init__(self, simulated: Simulator) -> None:
        self.simulated = simulated

    def by_thread(self, name: str, items: int, arguments: Arguments) -> None:
        threads = CONSTANTS["kThreadsOfItems"]
        self.simulated.launch(f"eqinfo_{name}", -(-items // threads), threads, arguments)

    def by_block(self, name: str, items: int, arguments: Arguments) -> None:
        self.simulated.launch(f"eqinfo_{name}", items, CONSTANTS["kThreadsOfBlock"], arguments)

    def by_row(self, name: str, rows: int, alphabet: int, arguments: Arguments) -> None:
        """Launch one warp per row, or one block per row of a large alphabet."""
        if alphabet > CONSTANTS["kWarpAlphabet"]:
            return self.by_block(f"{name}_block", rows, arguments)
        self.by_warp(f"{name}_warp", rows, arguments)

    def by_warp(self, name: str, items: int, arguments: Arguments) -> None:
        threads = CONSTANTS["kThreadsOfWarps"]
        blocks = -(-items * CONSTANTS["kWarpThreads"] // threads)
        self.simulated.launch(f"eqinfo_{name}", blocks, threads, arguments)

    def by_tile(self, name: str, rows: int, outputs: int, arguments: Arguments) -> None:
        """Launch with `matrix_geometry`."""
        blocks = -(-rows // CONSTANTS["kTileRows"]) * -(-outputs // CONSTANTS["kTileOutputs"])
        self.simulated.launch(f"eqinfo_{name}", blocks, CONSTANTS["kThreadsOfItems"], arguments)


def library_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Libraries are compiled once a session, for all workers of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cuda_kernels"
    folder.mkdir(exist_ok=True)
    return folder


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def poisoned(shape: Any, dtype: Any) -> NDArray[Any]:
    """What a kernel is to write."""
    array = np.empty(shape, dtype)
    array.view(np.uint8).fill(POISON)
    return array


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
