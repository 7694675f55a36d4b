"""Sequential reading of a container, from any file or pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

import xxhash

from eqinfo.container.block import LENGTH, Block, decode_block, fresh_room, read_block
from eqinfo.container.block_codec import BlockCodec, Room
from eqinfo.container.block_codecs.make import block_codec_of
from eqinfo.container.block_codecs.solid import SolidBlockCodec, SolidCoder
from eqinfo.container.checksum import checksum
from eqinfo.container.compact import CompactMember, read_compact
from eqinfo.container.dictionary import Dictionary, dictionary_of
from eqinfo.container.header import CodecId, Header, read_header
from eqinfo.container.identity import CodecModel, model_of
from eqinfo.container.magic import MAGIC, read_magic
from eqinfo.container.pipeline import Pipeline
from eqinfo.container.source import Source
from eqinfo.container.trailer import (
    END,
    MAX_BLOCKS,
    Trailer,
    check_content,
    index_bytes,
    read_trailer,
)
from eqinfo.errors import FormatError, OutputLimitError

# Data of the blocks that are decoded in parallel. The sizes in a file are not trusted with more.
MAX_BYTES_AT_WORK = 16 << 20
# With a limit on the output: all memory of the blocks that are decoded in parallel. The rest of the
# 64 MiB that `decompress` promises is for an index of 8 MiB and for the threads themselves.
_MAX_MEMORY_AT_WORK = 40 << 20


@dataclass(frozen=True)
class Member:
    """A member in the long form that has been read completely.

    Attributes:
        header: its parameters.
        trailer: its index.
        place: file and offset of its beginning, for messages.
    """

    header: Header
    trailer: Trailer
    place: str


@dataclass(frozen=True)
class CompactData:
    """All data of a compact member, which has been compared with its checksum."""

    data: memoryview


class SolidBlock(NamedTuple):
    """A block of a solid member, to be decoded after those before it."""

    block: Block
    coder: SolidCoder
    room: Room


Part: TypeAlias = Header | Block | Member | CompactMember
"""What a file consists of: the parts of members in the long form, and compact members."""

Result: TypeAlias = memoryview | Member | CompactData | SolidBlock
"""The data of a block, a member that ends, the data of a compact member, or a block that waits for
others."""

Work: TypeAlias = Callable[[], Result]
"""Decodes a block, or returns what is not to be decoded yet, or not at all."""


def read_members(source: Source) -> Iterator[Part]:
    """Yield the header of each member, its blocks, and the member itself; decode nothing.

    Compact members come as one part.

    Raises:
        FormatError: the file is not a complete container; its subclasses say why.
        NewerVersionError, UnsupportedError: as `read_header` and `read_compact`.
        ModelMismatchError: as `read_compact`.
    """
    first = True
    while (magic := read_magic(source, first)) is not None:
        first = False
        if magic == MAGIC:
            yield from _read_long(source, magic)
        else:
            yield read_compact(source, magic)


def _read_long(source: Source, magic: bytes) -> Iterator[Header | Block | Member]:
    begin = source.offset - len(magic)
    header = read_header(source, magic)
    yield header
    entries = xxhash.xxh3_64()
    blocks = 0
    while (length := source.exactly(LENGTH.size, "the next block")) != END:
        if blocks == MAX_BLOCKS:
            raise FormatError(
                f"{source.at(source.offset)}: expected at most {MAX_BLOCKS} blocks, found more"
            )
        block = read_block(source, length, header, blocks)
        entries.update(LENGTH.pack(block.raw_bytes) + LENGTH.pack(len(block.coded)))
        blocks += 1
        yield block
    place = source.at(source.offset)
    trailer = read_trailer(source, blocks)
    if checksum(index_bytes(trailer.entries)) != entries.intdigest():
        raise FormatError(f"{place}: expected an index of the blocks before it, found another")
    if trailer.header_bytes != header.size:
        raise FormatError(
            f"{place}: expected a header of {header.size} bytes, found {trailer.header_bytes}"
        )
    yield Member(header, trailer, source.at(begin))


class ContainerReader:
    """Decodes a container from beginning to end.

    Args:
        source: the file.
        model: the model or codebook of all members that are not stored; by default the bundled
            one that each member names.
        num_threads: threads that decode.
        max_output: the largest number of bytes to decode; None for no limit.
        room: called with the size of every block, in order; returns memory for its data.
        dictionary: that of the members that need one.
    """

    def __init__(
        self,
        source: Source,
        model: object | None,
        num_threads: int,
        max_output: int | None,
        room: Callable[[int], Room] = fresh_room,
        dictionary: Dictionary | None = None,
    ) -> None:
        self._source = source
        self._codecs = BlockCodecs(model, dictionary)
        self._num_threads = num_threads
        self._left = max_output
        self._max_output = max_output
        self._room = room
        self._codec: BlockCodec | SolidCoder | None = None
        self._content = xxhash.xxh3_64()

    def blocks(self) -> Iterator[memoryview]:
        """Yield the data of every block, up to the first error.

        Raises:
            OutputLimitError: more than ``max_output`` bytes of data.
            EqInfoError: as `read_members`, `BlockCodecs` and `decode_block`.
        """
        with self.pipeline() as pipeline:
            yield from self.checked(pipeline.over(self.work_on(read_members(self._source))))

    def pipeline(self) -> Pipeline[Work, Result]:
        """Return a pipeline for `work_on`."""
        limit = MAX_BYTES_AT_WORK if self._max_output is None else _MAX_MEMORY_AT_WORK
        return Pipeline(_call, self._num_threads, limit)

    def work_on(self, parts: Iterable[Part]) -> Iterator[tuple[Work, int]]:
        """Yield functions, for each block and for each member's end, and the bytes at work.

        The parts may come in several calls.
        """
        for part in parts:
            if isinstance(part, Header):
                place = self._source.at(self._source.offset - part.size)
                codec = self._codecs.of(part, place)
                self._codec = codec.begin() if isinstance(codec, SolidBlockCodec) else codec
            elif isinstance(part, Member):
                yield partial(_same, part), 0
            elif isinstance(part, Block):
                assert self._codec is not None
                if isinstance(self._codec, SolidCoder):
                    self._allow(part)
                    room = self._room(part.raw_bytes)
                    # One at a time: reading ahead would only take memory.
                    yield partial(SolidBlock, part, self._codec, room), _MAX_MEMORY_AT_WORK
                else:
                    yield self._decoding(part, self._codec)
            elif part.head.raw_bytes:
                codec = self._codecs.of(part.head.header, part.place)
                assert not isinstance(codec, SolidBlockCodec)  # has no compact form
                decode, size = self._decoding(part.block, codec)
                yield partial(_compact_data, decode), size

    def _decoding(self, block: Block, codec: BlockCodec) -> tuple[Callable[[], memoryview], int]:
        self._allow(block)
        room = self._room(block.raw_bytes)
        size = block.raw_bytes
        if self._max_output is not None:
            size += len(block.coded) + codec.working_bytes(size)
        return partial(decode_block, block, codec, room), size

    def checked(self, results: Iterable[Result]) -> Iterator[memoryview]:
        """Yield the data of blocks; compare all data of a member with its checksum.

        The results may come in several calls.
        """
        for result in results:
            if isinstance(result, CompactData):
                yield result.data
            elif isinstance(result, SolidBlock):
                data = decode_block(*result)
                self._content.update(data)
                yield data
            elif isinstance(result, Member):
                check_content(self._content, result.trailer, result.place)
                self._content = xxhash.xxh3_64()
            else:
                self._content.update(result)
                yield result

    def _allow(self, block: Block) -> None:
        if self._left is None:
            return
        self._left -= block.raw_bytes
        if self._left < 0:
            raise OutputLimitError(
                f"{block.place}: expected at most {self._max_output} bytes of data, found more"
            )


class BlockCodecs:
    """The block codecs of members; those with the same header share one.

    A model is looked at once, however often the headers change: probing its numbers may take
    longer than decoding a member.

    Args:
        model: as for `ContainerReader`.
        dictionary: as for `ContainerReader`.
    """

    def __init__(self, model: object | None, dictionary: Dictionary | None) -> None:
        self._model = model
        self._dictionary = dictionary
        self._models: dict[tuple[CodecId, str, bytes, int], CodecModel] = {}
        self._last: tuple[Header, BlockCodec | SolidBlockCodec] | None = None

    def of(self, header: Header, place: str) -> BlockCodec | SolidBlockCodec:
        """Return the block codec of a header.

        Raises:
            EqInfoError: as `model_of`, `dictionary_of` and `block_codec_of`.
        """
        if self._last is None or self._last[0] != header:
            dictionary = None
            if header.codec_id.has_dictionary:
                dictionary = dictionary_of(header.dictionary, self._dictionary, place)
            model = self._model_of(header, place)
            self._last = header, block_codec_of(header, model, dictionary, place)
        return self._last[1]

    def _model_of(self, header: Header, place: str) -> CodecModel | None:
        if not header.codec_id.has_model and not header.codec_id.has_codebook:
            return None
        # A model that was given is used whatever name a header has. What does not fit raises, so
        # there are few entries.
        name = header.model_name if self._model is None else ""
        key = header.codec_id, name, header.model_id, header.numeric_id
        if key not in self._models:
            self._models[key] = model_of(header, self._model, place)
        return self._models[key]


def _same(member: Member) -> Member:
    return member


def _compact_data(decode: Callable[[], memoryview]) -> CompactData:
    return CompactData(decode())


def _call(work: Work) -> Result:
    return work()
