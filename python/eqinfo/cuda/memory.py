"""Device memory and streams; PyTorch manages both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import DeviceError, UnsupportedError

try:
    import torch as torch
except ImportError as error:
    raise UnsupportedError(
        f"coding on a GPU needs the extra torch: pip install eqinfo[torch] ({error})"
    ) from None


@contextmanager
def device_memory(stage: str) -> Iterator[None]:
    """Turn PyTorch's out-of-memory error into a `DeviceError` that names the stage."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"{stage}: no memory left on the device: {error}") from None


def stream_of(device: Any) -> int:
    """Return the caller's stream on a CUDA device: a cudaStream_t as an integer."""
    return int(torch.cuda.current_stream(device).cuda_stream)


def as_tensor(array: Any) -> Any:
    """Return an array of any library as a tensor on the same memory, without gradients."""
    if not torch.is_tensor(array):
        through_dlpack = hasattr(array, "__dlpack__")
        array = torch.from_dlpack(array) if through_dlpack else torch.as_tensor(array)
    return array.detach()


def to_device(array: NDArray[Any], device: Any) -> Any:
    """Copy a NumPy array to a device; unsigned integers become signed ones of the same bits."""
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.view(f"i{array.dtype.itemsize}")
    return torch.from_numpy(np.array(array)).to(device)


def to_host(tensor: Any) -> NDArray[Any]:
    """Copy a tensor to NumPy. Waits for the device."""
    array: NDArray[Any] = tensor.cpu().numpy()
    return array
