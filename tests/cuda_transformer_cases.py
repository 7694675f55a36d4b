"""The launches of a transformer, executed by the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cuda_kernel_cases import Kernels
from eqinfo.cuda.transformer_plan import Arguments, Launch, Prepare


class HostMemory:
    """`eqinfo.cuda.transformer_plan.Memory` of the processor; what is uploaded, is only read."""

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        array = np.array(array)
        array.flags.writeable = False
        return array

    def zeros(self, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        return np.zeros(shape, dtype)


def simulated(kernels: Kernels) -> Prepare:
    """Return launches on arrays or tensors of the processor, with the geometry of kernels.h."""

    def prepare(stage: str, arguments: Arguments) -> Launch:
        fields = as_arrays(arguments)
        count = fields["rows"]["count"]

        def launch() -> None:
            if stage == "transformer_matrix":
                kernels.by_tile(stage, count, fields["matrix"]["outputs"], fields)
            elif stage == "transformer_store":
                kernels.by_warp(stage, count * fields["memory"]["key_heads"], fields)
            elif stage == "transformer_attend":
                kernels.by_block(stage, count * fields["heads"], fields)
            else:
                kernels.by_block(stage, count, fields)

        return launch

    return prepare


def as_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: as_arrays(field) for name, field in value.items()}
    if value is None:
        return 0  # a null pointer
    return value.numpy() if hasattr(value, "numpy") else value
