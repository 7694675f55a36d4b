"""Reading of a container that comes in pieces, as far as it has come."""

from __future__ import annotations

from collections.abc import Iterator

from eqinfo.container.block import Block, block_bytes
from eqinfo.container.compact import compact_bytes
from eqinfo.container.dictionary import Dictionary
from eqinfo.container.header import Header, header_bytes
from eqinfo.container.magic import COMPACT_MAGIC
from eqinfo.container.reader import ContainerReader, Part, read_members
from eqinfo.container.source import PushedSource
from eqinfo.container.trailer import END, trailer_bytes

# What says how long a header, a block or a trailer is stands in its first bytes.
_BEGIN_BYTES = 64


class PushReader:
    """Decodes a container whose bytes are given to it, in pieces of any size.

    It keeps the bytes of the part that is not complete yet, those that have not been asked for, and
    the blocks at work. After an exception it must not be used any more.

    Args:
        name: the file's name, for messages.
        model: as for `ContainerReader`.
        num_threads: threads that decode. With one, no data waits for data that comes later.
        max_output: the largest number of bytes to decode; None for no limit.
        dictionary: as for `ContainerReader`.
        one_member: whether to stop at the end of the first member.

    Attributes:
        stopped: whether the first member has ended, if it is to stop there.
    """

    def __init__(
        self,
        name: str,
        model: object | None,
        num_threads: int = 1,
        max_output: int | None = None,
        dictionary: Dictionary | None = None,
        *,
        one_member: bool = False,
    ) -> None:
        self._source = PushedSource(name)
        self._members = read_members(self._source)
        self._reader = ContainerReader(
            self._source, model, num_threads, max_output, dictionary=dictionary
        )
        self._pipeline = self._reader.pipeline()
        self._one_member = one_member
        self._ended = False
        self._header: Header | None = None  # of the member; None where a header is next
        self._blocks = 0  # of the member, so far
        self.stopped = False

    def add(self, data: memoryview) -> None:
        """Add the next bytes of the file."""
        self._source.add(data)

    def blocks(self) -> Iterator[memoryview]:
        """Yield the data of blocks that are complete; raises as `ContainerReader.blocks`.

        With several threads, the last ones remain at work: see `done`.
        """
        results = self._pipeline.put_all(self._reader.work_on(self._parts()))
        yield from self._reader.checked(results)

    def done(self) -> Iterator[memoryview]:
        """Yield the data of blocks that have been decoded meanwhile, without waiting for others."""
        yield from self._reader.checked(self._pipeline.done())

    @property
    def busy(self) -> bool:
        """Whether blocks are at work."""
        return self._pipeline.busy

    def end(self) -> Iterator[memoryview]:
        """Yield all remaining data: the file has come completely.

        Raises:
            TruncatedError: the file ends too early.
            EqInfoError: as `blocks`.
        """
        self._ended = True
        yield from self.blocks()
        yield from self._reader.checked(self._pipeline.drain())

    def close(self) -> None:
        """Stop the threads."""
        self._pipeline.close()

    @property
    def complete(self) -> bool:
        """Whether the next part has come: a header, block or trailer, or a compact member.

        Also if enough has come to see that it is none of these.
        """
        return not self.stopped and len(self._source) >= self._next_bytes()

    @property
    def at_trailer(self) -> bool:
        """Whether the trailer of a member is next, and has come."""
        return self.complete and self._header is not None and self._source.peek(len(END)) == END

    def rest(self) -> bytes:
        """Return the bytes that have come and have not been read."""
        return self._source.peek(len(self._source))

    def _parts(self) -> Iterator[Part]:
        while self.complete or (self._ended and not self.stopped):
            part = next(self._members, None)
            if part is None:
                return
            if isinstance(part, Header):
                self._header, self._blocks = part, 0
            elif isinstance(part, Block):
                self._blocks += 1
            else:
                self._header = None
                self.stopped = self._one_member
            yield part

    def _next_bytes(self) -> int:
        """Return how many bytes reading the next part takes, as far as that can be told yet."""
        begin = self._source.peek(_BEGIN_BYTES)
        if self._header is None:
            compact = begin.startswith(COMPACT_MAGIC)
            return compact_bytes(begin) if compact else header_bytes(begin)
        if begin.startswith(END):
            return trailer_bytes(self._blocks)
        return block_bytes(begin, self._header)
