"""Coding on a GPU: frequencies, coders, windows and codebooks where the model's logits are.

The optional module ``_cuda`` imports without a driver; `availability` says whether it can run. What
computes on a device takes arrays of any library by ``__dlpack__`` or ``__cuda_array_interface__``
and returns PyTorch tensors, so it needs the extra ``torch``. docs/cuda.md has the overview.
"""

from __future__ import annotations

from typing import Any

from eqinfo.errors import UnsupportedError


def availability() -> tuple[bool, str]:
    """Return whether CUDA can be used, and if not, why."""
    try:
        from eqinfo import _cuda
    except ImportError as error:
        return False, f"this build has no CUDA module ({error})"
    available, reason = _cuda.availability()
    return available, reason


def is_available() -> bool:
    """Return whether this build has the CUDA module and this machine a device for it."""
    return availability()[0]


def require_cuda() -> Any:
    """Return the native module.

    Raises:
        UnsupportedError: this build or this machine has no CUDA; says which.
    """
    available, reason = availability()
    if not available:
        raise UnsupportedError(f"CUDA is not available: {reason}")
    from eqinfo import _cuda

    return _cuda
