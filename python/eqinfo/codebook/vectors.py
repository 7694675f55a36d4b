"""Whether codebooks encode in AVX-512 vectors. The ids are the same either way."""

from __future__ import annotations

import eqinfo._core as _core


def walks_in_vectors() -> bool:
    """Return whether ids are found in vectors now, in texts of 16 KiB or more.

    By default they are where the processor has AVX-512 VBMI2 and fast gathers: Sapphire Rapids and
    later, Zen 4 and later. They never are with an instruction set below ``"avx512"``
    (`eqinfo.frequency.set_instruction_set`).
    """
    return _core.walks_in_vectors()


def set_vector_walk(use: bool | None) -> None:
    """Choose whether ids are found in vectors, on processors that have the instructions.

    Args:
        use: True or False, or None to let the processor decide, as at the start.

    Raises:
        UnsupportedError: True, and this processor lacks AVX-512 VBMI2.
    """
    _core.set_vector_walk(use)
