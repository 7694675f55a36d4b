"""Bits stage: codewords to tokens (docs/pipeline.md, "Bits and tokens")."""

from __future__ import annotations

from collections.abc import Sequence


def tokens_of_bits(bits: str, token_bits: int) -> list[int]:
    """Cut a string of "0" and "1" into tokens; the last one is filled up with zeros."""
    padded = bits + "0" * (-len(bits) % token_bits)
    return [int(padded[i : i + token_bits], 2) for i in range(0, len(padded), token_bits)]


def pack(codewords: Sequence[int], window_bits: int, token_bits: int) -> list[int]:
    """Write codewords one after another, the most significant bit first, and cut into tokens."""
    bits = "".join(f"{codeword:0{window_bits}b}" for codeword in codewords)
    return tokens_of_bits(bits, token_bits)
