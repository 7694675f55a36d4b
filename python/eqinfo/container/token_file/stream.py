"""Tokens to a file and back, as they come: in memory for one chunk, and without seeking."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import xxhash

from eqinfo.common.named import write_all
from eqinfo.container.source import Source
from eqinfo.container.token_file.header import TokenHeader, read_token_header
from eqinfo.errors import ChecksumError, FormatError, TruncatedError

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from numpy.typing import NDArray

END = b"TQE\x89"
"""The last bytes of a token file. They tell a file that was cut from one that was altered."""

# The number of tokens, and the checksum of all bytes before it. `END` follows.
_COUNT = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<Q")
TRAILER_BYTES = _COUNT.size + _CHECKSUM.size + len(END)
_CHUNK_BYTES = 1 << 20


class TokenWriter:
    """Writes a token file from beginning to end.

    Args:
        file: receives the bytes; a raw one may take fewer than it is given.
        header: what the file says about the tokens.
    """

    def __init__(self, file: BinaryIO, header: TokenHeader) -> None:
        self._file = file
        self._dtype = header.dtype
        self._digest = xxhash.xxh3_64()
        self._count = 0
        self._emit(header.pack())

    def write(self, tokens: NDArray[np.unsignedinteger[Any]]) -> None:
        """Add tokens, each below 2^token_bits."""
        self._emit(np.ascontiguousarray(tokens, self._dtype).data.cast("B"))
        self._count += len(tokens)

    def finish(self) -> None:
        """Write the trailer, without which the file is not complete."""
        self._emit(_COUNT.pack(self._count))
        self._put(_CHECKSUM.pack(self._digest.intdigest()) + END)

    def _emit(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        self._put(data)

    def _put(self, data: bytes | memoryview) -> None:
        write_all(self._file, memoryview(data), "")


class TokenReader:
    """Reads a token file from beginning to end.

    Args:
        source: the file.

    Attributes:
        header: what the file says about its tokens.
        place: the file and the offset of its header, for messages.
        count: the number of tokens that `chunks` has yielded.

    Raises:
        EqInfoError: as `read_token_header`.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.place = source.at(source.offset)
        self.header, data = read_token_header(source)
        self._digest = xxhash.xxh3_64(data)
        self.count = 0

    def chunks(self) -> Iterator[NDArray[np.unsignedinteger[Any]]]:
        """Yield the tokens of the file in arrays; then check that the file is complete.

        What was yielded is known to be right only when this ends without an exception.

        Raises:
            TruncatedError: the file does not end as a token file ends.
            ChecksumError: the file has been altered.
            FormatError: anything else that no writer writes.
        """
        size = self.header.dtype.itemsize
        rest = b""
        while piece := self._source.up_to(_CHUNK_BYTES):
            rest += piece
            # The last bytes may be the trailer.
            whole = max(0, len(rest) - TRAILER_BYTES) // size * size
            if whole:
                yield self._tokens(rest[:whole])
                rest = rest[whole:]
        self._check_trailer(rest)

    def check(self) -> None:
        """Read the file to its end; raises as `chunks`."""
        for _ in self.chunks():
            pass

    def _tokens(self, data: bytes) -> NDArray[np.unsignedinteger[Any]]:
        tokens = np.frombuffer(data, self.header.dtype)
        bad = np.flatnonzero(tokens >> self.header.token_bits)
        if len(bad):
            raise FormatError(
                f"{self._source.name}, token {self.count + int(bad[0])}: expected tokens of "
                f"{self.header.token_bits} bits, found {tokens[bad[0]]}; the file is altered"
            )
        self._digest.update(data)
        self.count += len(tokens)
        return tokens.astype(self.header.dtype.newbyteorder("="), copy=False)

    def _check_trailer(self, rest: bytes) -> None:
        begin = max(0, len(rest) - TRAILER_BYTES)
        place = self._source.at(self._source.offset - len(rest) + begin)
        trailer = rest[begin:]
        if len(trailer) < TRAILER_BYTES or not trailer.endswith(END):
            raise TruncatedError(
                f"{place}: expected a trailer of {TRAILER_BYTES} bytes that ends with {END!r}, "
                f"found {trailer[-len(END) :]!r} at the end of the file: it is truncated, or "
                "something follows it"
            )
        if begin:
            raise FormatError(
                f"{place}: expected whole tokens of {self.header.dtype.itemsize} bytes before the "
                f"trailer, found {begin} bytes more"
            )
        (count,) = _COUNT.unpack_from(trailer)
        (expected,) = _CHECKSUM.unpack_from(trailer, _COUNT.size)
        self._digest.update(trailer[: _COUNT.size])
        if self._digest.intdigest() != expected:
            raise ChecksumError(
                f"{place}: expected a file with the checksum {expected:016x}, found "
                f"{self._digest.intdigest():016x}"
            )
        if count != self.count:
            raise FormatError(f"{place}: expected {count} tokens, found {self.count}")
