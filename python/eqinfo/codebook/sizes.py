"""The sizes that codebooks come in."""

from __future__ import annotations

from eqinfo.common.integers import check_integers

MIN_CODEBOOK_BITS = 9
MAX_CODEBOOK_BITS = 20


def check_window_bits(window_bits: int) -> int:
    """Return ``window_bits``, or raise ValueError if there is no codebook of them."""
    (window_bits,) = check_integers(window_bits=window_bits)
    if not MIN_CODEBOOK_BITS <= window_bits <= MAX_CODEBOOK_BITS:
        raise ValueError(
            f"expected window_bits of {MIN_CODEBOOK_BITS} to {MAX_CODEBOOK_BITS} (a codebook holds "
            f"the empty string and all 256 bytes), found {window_bits}"
        )
    return window_bits
