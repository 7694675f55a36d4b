"""Text files that codebooks and models are made from."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

from eqinfo.errors import FormatError


def read_corpus(path: str | os.PathLike[str]) -> bytes:
    """Read a file, plain or .xz.

    Raises:
        FormatError: a .xz file that is truncated or no such file.
        OSError: it cannot be read.
    """
    if not os.fspath(path).endswith(".xz"):
        return Path(path).read_bytes()
    try:
        with lzma.open(path) as file:
            return file.read()
    except (lzma.LZMAError, EOFError) as error:
        raise FormatError(f"{path}: expected an .xz file: {error}") from None
