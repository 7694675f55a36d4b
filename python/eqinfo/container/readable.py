"""The raw file objects behind `eqinfo.open` for reading: seekable files, and pipes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from eqinfo.common.forks import Turn
from eqinfo.container.block import (
    LENGTH,
    Block,
    decode_block,
    decode_part,
    fresh_room,
    read_block,
)
from eqinfo.container.block_codec import BlockCodec
from eqinfo.container.block_codecs.solid import SolidBlockCodec
from eqinfo.container.compact import read_compact
from eqinfo.container.dictionary import Dictionary
from eqinfo.container.index import BlockPlace, Index
from eqinfo.container.pipeline import Pipeline
from eqinfo.container.random_access import random_access
from eqinfo.container.reader import MAX_BYTES_AT_WORK, BlockCodecs, ContainerReader
from eqinfo.container.solid_member import SolidReader
from eqinfo.container.source import Source
from eqinfo.container.whole import WholeMembers
from eqinfo.errors import FormatError

if TYPE_CHECKING:
    from typing_extensions import Buffer


_Work: TypeAlias = Callable[[], tuple[int, memoryview]]


class ReadableFile(io.RawIOBase):
    """Base of raw files that decode a container; threads may share them.

    Attributes:
        name: the path, or the name of the file object.
        mode: "rb".
    """

    mode = "rb"
    name: str | bytes | int = ""

    def __init__(self) -> None:
        self._owned = ExitStack()
        self._turn = Turn()

    def own(self, opened: ExitStack) -> None:
        """Close ``opened`` when this file is closed."""
        self._owned = opened

    def readable(self) -> bool:
        """Return True."""
        self._require_open()
        return True

    def writable(self) -> bool:
        """Return False."""
        self._require_open()
        return False

    def seekable(self) -> bool:
        """Return whether the file can be read at any position."""
        self._require_open()
        return False

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("expected an open file, found a closed file")

    def close(self) -> None:
        """Close this file and what it owns."""
        if self._turn.lost:
            super().close()
            return
        with self._turn:
            self._owned.close()
            super().close()


class StreamingFile(ReadableFile):
    """Reads a container that is not seekable, from beginning to end."""

    def __init__(self, reader: ContainerReader) -> None:
        super().__init__()
        self._blocks = reader.blocks()
        self._error: Exception | None = None
        self._data = memoryview(b"")
        self._position = 0

    def readinto(self, buffer: Buffer) -> int:
        """Read up to ``len(buffer)`` bytes; return how many, 0 at the end."""
        out = memoryview(buffer).cast("B")
        with self._turn:
            self._require_open()
            while len(out) and not self._data:
                block = self._next_block()
                if block is None:
                    return 0
                self._data = block
            count = min(len(out), len(self._data))
            out[:count] = self._data[:count]
            self._data = self._data[count:]
            self._position += count
            return count

    def _next_block(self) -> memoryview | None:
        if self._error is not None:
            raise self._error  # a read after an error must not look like the end of the file
        try:
            return next(self._blocks, None)
        except Exception as error:
            self._error = error
            raise
        except BaseException:  # Ctrl-C: the blocks that were at work are lost
            self._error = ValueError(
                "expected a file that is read on, found one that was interrupted; open it again"
            )
            raise

    def tell(self) -> int:
        """Return the position in the data."""
        self._require_open()
        return self._position


class SeekableFile(ReadableFile):
    """Reads a container at any position.

    The first read after a seek decodes only the segments that it needs, or the whole block if the
    codec has no segments; in a solid member, also the blocks before it, unless it was read up to
    there. Further reads decode whole blocks, several at a time with more than one thread.

    The container begins at the file's current position. Forked processes may each go on with their
    copy, if the file is a regular one.

    Args:
        file: a seekable file.
        name: the file's name, for messages.
        model: as for `ContainerReader`.
        num_threads: threads that decode.
        dictionary: as for `ContainerReader`.

    Raises:
        EqInfoError: as `Index`, or a model or dictionary that did not write the file.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        model: object | None,
        num_threads: int,
        dictionary: Dictionary | None = None,
    ) -> None:
        super().__init__()
        begin = file.tell()
        self._file = random_access(file)
        self._name = name
        self._index = Index(self._file, name, begin)
        self._codecs = BlockCodecs(model, dictionary)
        for member in self._index.members:
            if len(member.offsets):
                self._codecs.of(member.header, f"{name}, offset {member.offset}")
        self._whole = WholeMembers()
        self._solid = SolidReader(self._index, self._read)
        self._num_threads = num_threads
        self._position = 0
        self._begin = 0
        self._data = memoryview(b"")
        self._ahead: Iterator[tuple[int, memoryview]] = iter(())
        self._next = -1  # the position at which `_ahead` continues

    @property
    def index(self) -> Index:
        """Members and blocks."""
        return self._index

    def seekable(self) -> bool:
        """Return True."""
        self._require_open()
        return True

    def tell(self) -> int:
        """Return the position in the data."""
        self._require_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position in the data, which may be past its end."""
        self._require_open()
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise ValueError(f"expected whence of 0, 1 or 2, found {whence}")
        with self._turn:
            base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence, self._index.raw_bytes)
            if base + offset < 0:
                raise ValueError(f"expected a position of 0 or more, found {base + offset}")
            self._position = base + offset
            return self._position

    def readinto(self, buffer: Buffer) -> int:
        """Read up to ``len(buffer)`` bytes; return how many, 0 at the end.

        Raises:
            EqInfoError: as `read_block` and `decode_block`.
        """
        out = memoryview(buffer).cast("B")
        with self._turn:
            self._require_open()
            if not len(out) or self._position >= self._index.raw_bytes:
                return 0
            at = self._position - self._begin
            if not 0 <= at < len(self._data):
                self._load(len(out))
                at = self._position - self._begin
            count = min(len(out), len(self._data) - at)
            out[:count] = self._data[at : at + count]
            self._position += count
            return count

    def _load(self, wanted: int) -> None:
        """Decode data that contains the byte at the position."""
        place = self._index.find(self._position)
        assert place is not None
        codec = self._codec(place)
        if isinstance(codec, SolidBlockCodec):
            begin, data = place.begin, self._solid.decode(place, codec)
            self._whole.see(place, begin, data, self._name)
            self._begin, self._data, self._next = begin, data, -1
            return
        continues = len(self._data) > 0 and self._position == self._begin + len(self._data)
        if not continues and self._position != self._next:
            at = self._position - place.begin
            begin, data = decode_part(self._read(place), codec, at, at + wanted)
            begin += place.begin
        else:
            if self._next != place.begin:
                self._ahead = self._decode_from(place.begin)
            self._next = -1  # if the next line raises, the next read starts again
            begin, data = next(self._ahead)
            self._next = begin + len(data)
        self._whole.see(place, begin, data, self._name)
        self._begin, self._data = begin, data

    def _decode_from(self, position: int) -> Iterator[tuple[int, memoryview]]:
        """Yield the position and the data of whole blocks, up to a solid member."""
        with Pipeline(_call, self._num_threads, MAX_BYTES_AT_WORK) as pipeline:
            yield from pipeline.over(self._work_from(position))

    def _work_from(self, position: int) -> Iterator[tuple[_Work, int]]:
        for place in self._index.blocks_from(position):
            codec = self._codec(place)
            if isinstance(codec, SolidBlockCodec):
                return
            yield _work(place.begin, self._read(place), codec), place.end - place.begin

    def _codec(self, place: BlockPlace) -> BlockCodec | SolidBlockCodec:
        member = place.member
        return self._codecs.of(member.header, f"{self._name}, offset {member.offset}")

    def _read(self, place: BlockPlace) -> Block:
        member = place.member
        source = Source(self._file.forward(place.offset), self._name, place.offset)
        begin = source.exactly(LENGTH.size, "a block")
        block: Block
        if member.trailer is None:
            block = read_compact(source, begin).block
        else:
            block = read_block(source, begin, member.header, place.number)
        expected = member.entries[place.number].tolist()
        if [block.raw_bytes, len(block.coded)] != expected:
            raise FormatError(
                f"{block.place}: expected a block of {expected[0]} bytes in {expected[1]}, as in "
                f"the index, found {block.raw_bytes} in {len(block.coded)}"
            )
        return block


def _work(begin: int, block: Block, codec: BlockCodec) -> _Work:
    return lambda: (begin, decode_block(block, codec, fresh_room(block.raw_bytes)))


def _call(work: _Work) -> tuple[int, memoryview]:
    return work()
