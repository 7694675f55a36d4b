"""Coding on a GPU: frequencies, range coder, windows, codebooks and transformers.

The optional module ``_cuda`` can be imported without a driver; `availability` says whether it can
run. Its functions take arrays of any library that offers ``__dlpack__`` or
``__cuda_array_interface__``, and return PyTorch tensors, so they need the extra ``torch``.
docs/cuda.md has the overview.
"""

from __future__ import annotations

from typing import Any

from eqinfo.errors import UnsupportedError

__all__ = ["availability", "is_available", "require_cuda"]


def availability() -> tuple[bool, str]:
    """Return whether CUDA can be used, and the reason if not."""
    try:
        from eqinfo import _cuda
    except ImportError as error:
        return False, f"this build has no CUDA module ({error})"
    available, reason = _cuda.availability()
    return available, reason


def is_available() -> bool:
    """Return whether this build has the CUDA module, and this machine a device that it can use."""
    return availability()[0]


def require_cuda() -> Any:
    """Return the native module.

    Raises:
        UnsupportedError: this build or this machine has no CUDA; says which of them.
    """
    available, reason = availability()
    if not available:
        raise UnsupportedError(f"CUDA is not available: {reason}")
    from eqinfo import _cuda

    return _cuda
