"""The files of one shard, which are written completely or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np
import xxhash

from eqinfo.common.batch import TextBatch, TokenBatch
from eqinfo.common.files import atomic_output
from eqinfo.errors import FormatError
from eqinfo.shards.bad_input import BadInputError
from eqinfo.shards.documents import READ_BYTES, Texts
from eqinfo.shards.encoder import ShardEncoder, with_ends
from eqinfo.shards.manifest import SKIPPED, FileEntry
from eqinfo.shards.parameters import ShardParameters
from eqinfo.shards.parquet import TokenWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

OFFSET = np.dtype("<i8")
_SMALL_BYTES = 1 << 16


class _Hashed:
    """A writable file that keeps the size and checksum of what was written."""

    closed = False

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._digest = xxhash.xxh3_128()
        self._size = 0

    def write(self, data: Buffer) -> int:
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._digest.update(view)
        self._size += len(view)
        return len(view)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        self._file.flush()

    def entry(self) -> FileEntry:
        return FileEntry(name=self._path.name, bytes=self._size, xxh3_128=self._digest.hexdigest())


class _Output(Protocol):
    def write(self, batch: TokenBatch) -> None: ...
    def write_long(self, pieces: Iterable[np.ndarray[Any, Any]]) -> int: ...
    def close(self) -> None: ...


class _BinOutput:
    """A file of tokens, and a file of offsets: each document's beginning and the last one's end."""

    def __init__(self, tokens: _Hashed, offsets: _Hashed, dtype: np.dtype[Any]) -> None:
        self._tokens = tokens
        self._offsets = offsets
        self._dtype = dtype.newbyteorder("<")
        self._written = 0
        self._offsets.write(np.zeros(1, OFFSET).data)

    def write(self, batch: TokenBatch) -> None:
        self._tokens.write(np.ascontiguousarray(batch.tokens, self._dtype).data)
        self._offsets.write((self._written + batch.offsets[1:]).astype(OFFSET).data)
        self._written += len(batch.tokens)

    def write_long(self, pieces: Iterable[np.ndarray[Any, Any]]) -> int:
        begin = self._written
        for piece in pieces:
            self._tokens.write(np.ascontiguousarray(piece, self._dtype).data)
            self._written += len(piece)
        self._offsets.write(np.array([self._written], OFFSET).data)
        return self._written - begin

    def close(self) -> None:
        pass


class _ParquetOutput:
    """One Parquet file with one row per document; a row is assembled in memory."""

    def __init__(self, file: _Hashed, dtype: np.dtype[Any]) -> None:
        self._writer = TokenWriter(file, dtype)

    def write(self, batch: TokenBatch) -> None:
        self._writer.write(batch)

    def write_long(self, pieces: Iterable[np.ndarray[Any, Any]]) -> int:
        tokens = np.concatenate(list(pieces))
        self._writer.write(TokenBatch(tokens, np.array([0, len(tokens)], np.int64)))
        return len(tokens)

    def close(self) -> None:
        self._writer.close()


class ShardWriter:
    """Encodes documents, writes their tokens, and counts.

    Attributes:
        documents: number of documents so far.
        bytes: bytes of their text.
        tokens: number of their tokens, with ends of documents.
        skipped: how many documents were skipped, by file.
        files: the files of the shard, once it is complete.
    """

    def __init__(
        self,
        output: _Output,
        open_report: Callable[[], _Hashed],
        encoder: ShardEncoder,
        end_of_document: bool,
        num_threads: int,
        name: str,
    ) -> None:
        self._output = output
        self._open_report = open_report
        self._report: _Hashed | None = None
        self._encoder = encoder
        self._end = end_of_document
        self._dtype = encoder.dtype(end_of_document)
        self._num_threads = num_threads
        self._name = name
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.documents = self.bytes = self.tokens = 0
        self.skipped: Counter[str] = Counter()
        self.files: list[FileEntry] = []

    def add(self, texts: Texts) -> None:
        """Add documents, or one long document in pieces."""
        if isinstance(texts, TextBatch) and texts.data.nbytes < _SMALL_BYTES:
            texts = list(texts.iter_bytes())
        if isinstance(texts, list):
            # Small files come one by one; together they are enough work for several threads.
            self._waiting += texts
            # One byte more for each document, so that empty ones do not pile up without a bound.
            self._waiting_bytes += sum(map(len, texts)) + len(texts)
            if self._waiting_bytes >= READ_BYTES:
                self.flush()
            return
        self.flush()
        if isinstance(texts, TextBatch):
            self._add_batch(texts)
        else:
            self._add_long(texts)

    def skip(self, documents: Iterable[BadInputError]) -> None:
        """Report documents that were skipped, and count them."""
        for bad in documents:
            self._report = self._report or self._open_report()
            self._report.write(json.dumps(bad.record()).encode() + b"\n")
            self.skipped[bad.file] += 1

    def flush(self) -> None:
        """Encode and write the documents that wait for a batch to fill up."""
        if self._waiting:
            self._add_batch(TextBatch.concatenate(self._waiting))
            self._waiting, self._waiting_bytes = [], 0

    def _add_batch(self, texts: TextBatch) -> None:
        try:
            batch = self._encoder.encode_batch(texts, self._num_threads)
        except ValueError as error:  # FormatError among them
            raise FormatError(
                f"shard {self._name}, counted from its document {self.documents}: {error}"
            ) from None
        if self._end:
            batch = with_ends(batch, self._encoder.end, self._dtype)
        self._output.write(batch)
        self.documents += len(texts)
        self.bytes += int(texts.offsets[-1] - texts.offsets[0])
        self.tokens += len(batch.tokens)

    def _add_long(self, pieces: Iterator[bytes]) -> None:
        self.tokens += self._output.write_long(self._encoded(pieces))
        self.documents += 1

    def _encoded(self, pieces: Iterator[bytes]) -> Iterator[np.ndarray[Any, Any]]:
        def counted() -> Iterator[bytes]:
            for piece in pieces:
                self.bytes += len(piece)
                yield piece

        for ids in self._encoder.encode_pieces(counted(), self._num_threads):
            yield ids.astype(self._dtype, copy=False)
        if self._end:
            yield np.full(1, self._encoder.end, self._dtype)


@contextmanager
def shard_output(
    folder: Path, name: str, encoder: ShardEncoder, parameters: ShardParameters, num_threads: int
) -> Iterator[ShardWriter]:
    """Yield a writer for a shard, whose files appear when the block ends without an exception.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    with ExitStack() as stack:

        def hashed(suffix: str) -> _Hashed:
            path = folder / (name + suffix)
            return _Hashed(stack.enter_context(atomic_output(path)), path)

        def report() -> _Hashed:
            files.append(hashed(SKIPPED))
            return files[-1]

        dtype = encoder.dtype(parameters.end_of_document)
        output: _Output
        if parameters.output_format == "bin":
            files = [hashed(".bin"), hashed(".idx")]
            output = _BinOutput(files[0], files[1], dtype)
        else:
            files = [hashed(".parquet")]
            output = _ParquetOutput(files[0], dtype)
        writer = ShardWriter(output, report, encoder, parameters.end_of_document, num_threads, name)
        yield writer
        writer.flush()
        output.close()
        writer.files = [file.entry() for file in files]
