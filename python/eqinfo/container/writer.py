"""Writing of a container: data is cut into blocks, and blocks into members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import xxhash

from eqinfo.common.named import Writable, write_all
from eqinfo.common.progress import Advance
from eqinfo.container.block import encode_block
from eqinfo.container.block_codec import BlockCodec, Data
from eqinfo.container.block_codecs.solid import SolidBlockCodec, SolidCoder
from eqinfo.container.buffer import is_constant
from eqinfo.container.choice import Codings, choose
from eqinfo.container.compact import MAX_COMPACT_BYTES, compact_member
from eqinfo.container.pipeline import Pipeline
from eqinfo.container.trailer import MAX_BLOCKS, Trailer

# Shorter blocks are written in one call: it costs more than copying them.
_SHORT_BYTES = 1 << 16


class _Coded(NamedTuple):
    """A coded block, and how many of its bytes of data `ContainerWriter` has counted already."""

    raw_bytes: int
    counted: int
    head: bytes
    coded: Data


class ContainerWriter:
    """Cuts data into blocks, encodes them, and writes them in order.

    It keeps the blocks that are being encoded, and eight bytes per block that was written.

    Args:
        file: receives the container.
        candidates: how data in each form are coded, of which every member takes one; all of one
            size of blocks.
        num_threads: threads that encode; the bytes do not depend on it. Solid members take one.
        name: the file's name, for messages; may be empty.
        advance: called with bytes of data that have been coded, by any thread: all of a block when
            it is written, unless they were counted before.
    """

    def __init__(
        self,
        file: Writable,
        candidates: Sequence[Codings],
        num_threads: int,
        name: str | bytes = "",
        advance: Advance = lambda _: None,
    ) -> None:
        self._file = file
        self._name = name
        self._advance = advance
        self._candidates = candidates
        self._coding = candidates[0].long
        self._block_bytes = self._coding.header.block_bytes
        self._pipeline: Pipeline[tuple[Data, int], _Coded] = Pipeline(
            self._encode,
            1 if isinstance(self._coding.codec, SolidBlockCodec) else num_threads,
        )
        self._coder: BlockCodec | SolidCoder | None = None
        self._waiting = bytearray()
        self._begun = False

    def _encode(self, block: tuple[Data, int]) -> _Coded:
        assert self._coder is not None
        counted = 0

        def advance(size: int) -> None:
            nonlocal counted
            counted += size
            self._advance(size)

        head, coded = encode_block(*block, self._coder, advance)
        return _Coded(len(block[0]), counted, head, coded)

    def _begin(self, block: Data) -> None:
        self._begun = True
        self._coding = choose(self._candidates, block).long
        self._entries: list[tuple[int, int]] = []
        self._blocks = 0
        self._content = xxhash.xxh3_64()
        codec = self._coding.codec
        self._coder = codec.begin() if isinstance(codec, SolidBlockCodec) else codec
        self._header = self._coding.header.pack()

    def write(self, data: memoryview) -> None:
        """Add bytes; full blocks are encoded and written."""
        size = self._block_bytes
        # Blocks may be encoded after this returns.
        constant = is_constant(data)
        begin = 0
        if self._waiting:
            begin = size - len(self._waiting)
            self._waiting += data[:begin]
            if len(self._waiting) < size:
                return
            self._put(bytes(self._waiting))
            self._waiting.clear()
        while len(data) - begin >= size:
            end = begin + size
            self._put(data[begin:end] if constant else bytes(data[begin:end]))
            begin = end
        self._waiting += data[begin:]

    def write_done(self) -> None:
        """Write the blocks that have been encoded meanwhile, without waiting for others."""
        self._write(self._pipeline.done())

    def write_full(self) -> None:
        """Write all blocks that are full; a part of a block stays.

        The header comes with the first block: until then, the data may fit the compact form.
        """
        self._write(self._pipeline.drain())

    @property
    def busy(self) -> bool:
        """Whether blocks are being encoded."""
        return self._pipeline.busy

    def finish(self) -> None:
        """Write the remaining data and the trailer, or all data in the compact form."""
        data = bytes(self._waiting)
        self._waiting.clear()
        compact = None if self._begun else self._compact(data)
        if compact is not None:
            self._emit(compact)
            self._advance(len(data))
        else:
            if data:
                self._put(data)
            elif not self._begun:
                self._begin(data)
            self._end()
        self.close()

    def _compact(self, data: bytes) -> bytes | None:
        """Return all data in the compact form, or None if there is none of them."""
        if len(data) > MAX_COMPACT_BYTES:
            return None
        header, codec = choose(self._candidates, data).short
        assert not isinstance(codec, SolidBlockCodec)
        return compact_member(header, codec, data)

    def close(self) -> None:
        """Stop; without `finish`, what was written is not a complete container."""
        self._pipeline.close()
        self._coder = None  # a solid one has much memory

    def _emit(self, data: Data) -> None:
        with memoryview(data) as view:
            write_all(self._file, view, self._name)

    def _emit_header(self) -> None:
        """Write the header of the member, unless that is done.

        It waits for the first block, so that nothing is written if there is no memory for that.
        """
        if self._header:
            self._emit(self._header)
            self._header = b""

    def _put(self, block: Data) -> None:
        if not self._begun:
            self._begin(block)
        elif self._blocks == MAX_BLOCKS:
            self._end()
            self._begin(block)
        self._content.update(block)
        self._write(self._pipeline.put((block, self._blocks), len(block)))
        self._blocks += 1

    def _end(self) -> None:
        self.write_full()
        self._emit_header()
        entries = np.array(self._entries, np.uint32).reshape(-1, 2)
        self._emit(Trailer(entries, self._coding.header.size, self._content.intdigest()).pack())

    def _write(self, blocks: Iterator[_Coded]) -> None:
        for raw_bytes, counted, head, coded in blocks:
            self._emit_header()
            if len(coded) < _SHORT_BYTES:
                self._emit(head + coded)
            else:
                self._emit(head)
                self._emit(coded)
            self._entries.append((raw_bytes, len(coded)))
            self._advance(raw_bytes - counted)
