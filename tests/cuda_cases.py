"""Kernels of csrc/cuda on tensors of the processor, executed by the simulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cuda_sim import simulator
from cuda_sim.simulator import CSRC, Simulator
from eqinfo.cuda.windows import DeviceDecodingLanes, DeviceEncodingLanes, DeviceLanes

KERNELS = CSRC / "cuda" / "kernels.h"
NAMES = ("frequency", "range_coder", "codebook", "transformer")
HEADERS = [CSRC / f"{name}.h" for name in NAMES] + [KERNELS]
CONSTANTS = simulator.read_constants(KERNELS)
LOGIT_TYPES = {torch.float32: 0, torch.float16: 1, torch.bfloat16: 2, torch.int32: 3}


def make_simulator(folder: Path, *stages: str) -> Simulator:
    sources = [CSRC / "cuda" / f"{stage}_kernel.cuh" for stage in stages]
    library = simulator.build("shim", sources, folder)
    return Simulator(library, simulator.read_structs(*HEADERS))


def launch_rows(
    kernels: Simulator, name: str, rows: int, alphabet: int, arguments: dict[str, Any]
) -> None:
    """Launch with `row_geometry`."""
    if alphabet <= CONSTANTS["kWarpAlphabet"]:
        threads = CONSTANTS["kThreadsOfWarps"]
        blocks = -(-rows * CONSTANTS["kWarpThreads"] // threads)
        kernels.launch(f"{name}_warp", blocks, threads, arguments)
    else:
        kernels.launch(f"{name}_block", rows, CONSTANTS["kThreadsOfBlock"], arguments)


class SimulatedKernels:
    """`WindowKernels` that the simulator executes."""

    def __init__(self, kernels: Simulator) -> None:
        self._kernels = kernels

    def encode(
        self, lanes: DeviceEncodingLanes
    ) -> tuple[Callable[[Any], None], Callable[[], None]]:
        names = ("symbols", "offsets", "reset_every", "since_reset", "codewords", "counts")
        arguments = {"step": _step(lanes), **{name: _array(getattr(lanes, name)) for name in names}}

        def step() -> None:
            launch_rows(self._kernels, "eqinfo_window_encode", *lanes.frequencies.shape, arguments)

        return self._frequencies(lanes), step

    def decode(
        self, lanes: DeviceDecodingLanes
    ) -> tuple[Callable[[Any], None], Callable[[int], None]]:
        def step(row: int) -> None:
            arguments = {
                "step": _step(lanes),
                "codewords": _array(lanes.codewords),
                "offsets": _array(lanes.offsets),
                "symbols": _array(lanes.decoded[row]),
                "symbol_work": _array(lanes.decoded_work[row]),
            }
            launch_rows(self._kernels, "eqinfo_window_decode", *lanes.frequencies.shape, arguments)

        return self._frequencies(lanes), step

    def _frequencies(self, lanes: DeviceLanes) -> Callable[[Any], None]:
        def take(logits: Any) -> None:
            count, alphabet = logits.shape
            rows = {
                "logits": _array(logits.contiguous()),
                "type": LOGIT_TYPES[logits.dtype],
                "alphabet": alphabet,
                "precision": lanes.precision,
                "count": count,
                "stride": alphabet,
            }
            arguments = {
                "rows": rows,
                "frequencies": _array(lanes.frequencies),
                "status": _array(lanes.row_status),
            }
            launch_rows(self._kernels, "eqinfo_frequency_rows", count, alphabet, arguments)

        return take


def _step(lanes: DeviceLanes) -> dict[str, Any]:
    count, alphabet = lanes.frequencies.shape
    arrays = "frequencies row_status work next positions windows previous status fault_offsets"
    return {
        "lanes": count,
        "alphabet": alphabet,
        "precision": lanes.precision,
        "window_bits": lanes.window_bits,
        **{name: _array(getattr(lanes, name)) for name in arrays.split()},
    }


def _array(value: Any) -> Any:
    """Return the memory of a tensor; bfloat16 as its bits."""
    if not isinstance(value, torch.Tensor):
        return value
    bits: np.ndarray = (value.view(torch.int16) if value.dtype == torch.bfloat16 else value).numpy()
    return bits
