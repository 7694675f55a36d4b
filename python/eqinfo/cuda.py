"""The optional CUDA module: whether it was built and whether this machine can run it."""

from __future__ import annotations


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
