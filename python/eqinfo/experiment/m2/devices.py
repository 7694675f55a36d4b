"""Whether PyTorch can use a device, asked before there is something to lose."""

from __future__ import annotations

import torch

from eqinfo.errors import UnsupportedError


def require_device(device: str) -> None:
    """Raise UnsupportedError if PyTorch does not know a device, or cannot use it here."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UnsupportedError(
            f"expected a GPU for the device {device!r}, found none that PyTorch can use: install a "
            "PyTorch with CUDA, or train on the device 'cpu'"
        )
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # it depends on the device
        reason = str(error).partition("\n")[0]
        raise UnsupportedError(
            f"expected a device that PyTorch can use, such as 'cpu' or 'cuda', found {device!r}: "
            f"{reason}"
        ) from None
