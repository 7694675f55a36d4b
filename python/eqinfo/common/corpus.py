"""Text files from which codebooks and models are made."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

from eqinfo.errors import FormatError


def read_corpus(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file; one whose name ends in .xz is decompressed.

    Raises:
        FormatError: an .xz file that is truncated, or is not in that format.
        OSError: the file cannot be read.
    """
    if not os.fspath(path).endswith(".xz"):
        return Path(path).read_bytes()
    try:
        with lzma.open(path) as file:
            return file.read()
    except (lzma.LZMAError, EOFError) as error:
        raise FormatError(f"{path}: expected an .xz file: {error}") from None
