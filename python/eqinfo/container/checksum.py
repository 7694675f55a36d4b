"""The checksums of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    from typing_extensions import Buffer


def short_checksum(*parts: Buffer) -> int:
    """Return the low 32 bits of the 64-bit XXH3 (seed 0) of the concatenated ``parts``."""
    return checksum(*parts) & 0xFFFFFFFF


def checksum(*parts: Buffer) -> int:
    """Return the 64-bit XXH3 (seed 0) of the concatenated ``parts``."""
    digest = xxhash.xxh3_64()
    for part in parts:
        digest.update(part)
    return digest.intdigest()
