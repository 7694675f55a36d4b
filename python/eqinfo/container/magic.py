"""What the files of this package begin with, and errors for what begins with something else."""

from __future__ import annotations

from eqinfo.container.source import Source
from eqinfo.errors import ForeignFileError, TrailingDataError, TruncatedError

MAGIC = b"\x89EQI"
"""That of a member in the long form."""
COMPACT_MAGIC = b"\x89q"
"""That of a member in the compact form, three bits away from the one in the long form."""
TOKEN_MAGIC = b"\x89EQT"
"""That of token files."""
CHECKPOINT_MAGIC = b"\x89EQI-CHECKPT\r\n\x1a\n"
"""That of training checkpoints, which begins as a member of version 45 would."""
MAGIC_BYTES = len(MAGIC)
"""Bytes from which a reader sees what a file is; no file has fewer."""


def is_container(begin: bytes) -> bool:
    """Return whether the first `MAGIC_BYTES` bytes are those of a container."""
    return begin == MAGIC or begin.startswith(COMPACT_MAGIC)


def read_magic(source: Source, first: bool) -> bytes | None:
    """Read the first `MAGIC_BYTES` bytes of a member; return None at the end of the file.

    Args:
        source: the file, where a member begins or the file ends.
        first: whether no member has been read yet, so that there must be one.

    Raises:
        ForeignFileError: not a container.
        TrailingDataError: something other than a member follows a member.
        TruncatedError: the file ends within these bytes.
    """
    begin = source.offset
    magic = source.up_to(MAGIC_BYTES)
    if not magic and not first:
        return None
    if len(magic) < MAGIC_BYTES and (MAGIC.startswith(magic) or magic.startswith(COMPACT_MAGIC)):
        raise TruncatedError(
            f"{source.at(begin)}: expected a header, found the end of the file after {len(magic)} "
            "bytes"
        )
    if is_container(magic):
        return magic
    if first and magic == TOKEN_MAGIC:
        raise ForeignFileError(
            f"{source.at(begin)}: expected a compressed file, found a token file; use "
            "`eqinfo decode`"
        )
    if first:
        raise ForeignFileError(
            f"{source.at(begin)}: expected an eqinfo file, which begins with {MAGIC!r} or "
            f"{COMPACT_MAGIC!r}, found {magic!r}"
        )
    raise TrailingDataError(
        f"{source.at(begin)}: expected the end of the file or another member, found {magic!r}"
    )
