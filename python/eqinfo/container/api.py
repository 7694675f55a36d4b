"""`compress`, `decompress` and `open`: bytes and files in the container of docs/format.md."""

from __future__ import annotations

import builtins
import io
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias, overload

from eqinfo.codebook.table import Codebook
from eqinfo.common.files import atomic_output
from eqinfo.common.text import to_bytes
from eqinfo.container.buffer import bytes_of
from eqinfo.container.output import OutputBuffer, expected_bytes
from eqinfo.container.readable import SeekableFile, StreamingFile
from eqinfo.container.reader import ContainerReader
from eqinfo.container.settings import CompressOptions, check_threads, settings
from eqinfo.container.source import MemorySource, Source
from eqinfo.container.writable import WritableFile
from eqinfo.models.protocol import Model

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

FileModel: TypeAlias = str | Codebook | Model
"""The name of a bundled model or codebook, a `Codebook`, or a model over the 256 bytes."""


def compress(
    data: str | Buffer, model: FileModel | None = None, **options: Unpack[CompressOptions]
) -> bytes:
    """Compress bytes into a container with checksums.

    Args:
        data: any C-contiguous buffer (bytes, an array, a memory map, ...), whose bytes are
            compressed; a str is encoded as UTF-8.
        model: what the codec uses: a model, a codebook, or the name of a bundled one. The default
            is the model "en", or the codebook "en-dense" if the codec takes a codebook.
        options: see `CompressOptions`.

    Returns:
        The container, as docs/format.md defines it.

    Raises:
        BufferError: data that are not C-contiguous.
        ModelError: the model's predictions cannot be used.
        TypeError: data or a model of the wrong type, or an unknown option.
        ValueError: an option out of range, or a name that is not bundled.
    """
    out = io.BytesIO()
    with _writable(out, ExitStack(), model, options) as file:
        file.write(to_bytes(data) if isinstance(data, str) else data)
    return out.getvalue()


def decompress(
    data: Buffer,
    model: FileModel | None = None,
    *,
    max_output: int | None = None,
    num_threads: int = 1,
) -> bytes:
    """Return the data of a container.

    Concatenated containers decompress to their concatenated data. Memory grows with the decoded
    data, up to ``max_output`` bytes plus 64 MiB (and what a model takes that is not native).

    Args:
        data: the container, in any C-contiguous buffer.
        model: the model or codebook that compressed it; not needed if that is bundled.
        max_output: the largest number of bytes to return; None for no limit. With a limit, threads
            work on no more blocks at a time than the memory allows.
        num_threads: 1 to 256. The data does not depend on it.

    Raises:
        BufferError: data that are not C-contiguous.
        ChecksumError: the container has been altered.
        ForeignFileError: not a container.
        FormatError: anything else that no writer writes.
        ModelMismatchError: the container was written with another model.
        NumericMismatchError: it is the right model, but it gives different numbers on this machine.
        NewerVersionError: a later version of the format.
        OutputLimitError: more than ``max_output`` bytes of data.
        TrailingDataError: other data follows the container.
        TruncatedError: the container ends too early.
        TypeError: data that are not a buffer.
        ValueError: ``num_threads`` out of range.
    """
    check_threads(num_threads)
    with bytes_of(data) as view:
        source = MemorySource(view)
        size = expected_bytes(view, max_output)
        if size is not None:
            output = OutputBuffer(size)
            for _ in ContainerReader(source, model, num_threads, max_output, output.room).blocks():
                pass
            return output.finish()
        out = io.BytesIO()
        for block in ContainerReader(source, model, num_threads, max_output).blocks():
            out.write(block)
        return out.getvalue()


@overload
def open(
    file: str | os.PathLike[str] | BinaryIO,
    mode: Literal["rb"] = ...,
    model: FileModel | None = ...,
    *,
    num_threads: int = ...,
) -> io.BufferedReader: ...


@overload
def open(
    file: str | os.PathLike[str] | BinaryIO,
    mode: Literal["wb"],
    model: FileModel | None = ...,
    **options: Unpack[CompressOptions],
) -> WritableFile: ...


def open(
    file: str | os.PathLike[str] | BinaryIO,
    mode: Literal["rb", "wb"] = "rb",
    model: FileModel | None = None,
    **options: Unpack[CompressOptions],
) -> io.BufferedReader | WritableFile:
    """Open a compressed file as a file object that reads or writes its data.

    For reading, the result is a binary file object with `read`, `seek`, lines and so on, which
    `io.TextIOWrapper`, pandas and pyarrow accept. A file that is not seekable, such as a pipe, can
    only be read from beginning to end.

    For writing, a file given by its path appears when it is closed, complete or not at all: if a
    ``with`` block ends in an exception, the path is left as it was. A file object gets the
    compressed bytes as soon as there are any.

    Args:
        file: a path, or a binary file object, which is not closed.
        mode: "rb" or "wb".
        model: as for `compress` and `decompress`.
        options: ``num_threads`` for reading; see `CompressOptions` for writing.

    Raises:
        EqInfoError: as `decompress`. Opening checks headers and index; reading checks the rest.
        OSError: the file cannot be opened.
        TypeError: options that the mode does not have.
        ValueError: another mode, or as `compress`.
    """
    if mode == "rb":
        unknown = sorted(set(options) - {"num_threads"})
        if unknown:
            raise TypeError(
                f"expected only the option num_threads for reading, found {', '.join(unknown)}; "
                "the file itself says how it was written"
            )
        return _readable(file, model, check_threads(options.get("num_threads", 1)))
    if mode != "wb":
        raise ValueError(f"expected a mode of 'rb' or 'wb', found {mode!r}")
    output = ExitStack()
    if isinstance(file, str | os.PathLike):
        buffered = output.enter_context(atomic_output(file))
        # Without a buffer: a forked child that ends would write a copy of what is in it.
        target = getattr(buffered, "raw", buffered)
    else:
        target = file
    try:
        return _writable(target, output, model, options)
    except BaseException as error:
        output.__exit__(type(error), error, error.__traceback__)
        raise


def _writable(
    file: BinaryIO, output: ExitStack, model: FileModel | None, options: CompressOptions
) -> WritableFile:
    header, codec = settings(model, options)
    return WritableFile(file, output, header, codec, check_threads(options.get("num_threads", 1)))


def _readable(
    file: str | os.PathLike[str] | BinaryIO, model: FileModel | None, num_threads: int
) -> io.BufferedReader:
    raw: SeekableFile | StreamingFile
    with ExitStack() as opened:
        if isinstance(file, str | os.PathLike):
            name = os.fspath(file)
            binary: BinaryIO = opened.enter_context(builtins.open(file, "rb"))
        else:
            name, binary = str(getattr(file, "name", "data")), file
        if binary.seekable():
            raw = SeekableFile(binary, name, model, num_threads)
        else:
            reader = ContainerReader(Source(binary, name), model, num_threads, None)
            raw = StreamingFile(reader)
        raw.own(opened.pop_all())
    return io.BufferedReader(raw)
