"""`compress`, `decompress`, `open`: bytes and files in the container of docs/format.md."""

from __future__ import annotations

import builtins
import io
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias, overload

from eqinfo.codebook.table import Codebook
from eqinfo.common.files import atomic_output
from eqinfo.common.text import Text, to_bytes
from eqinfo.container.output import OutputBuffer, expected_bytes
from eqinfo.container.readable import SeekableFile, StreamingFile
from eqinfo.container.reader import ContainerReader
from eqinfo.container.settings import CompressOptions, check_threads, settings
from eqinfo.container.source import MemorySource, Source
from eqinfo.container.writable import WritableFile
from eqinfo.models.protocol import Model

if TYPE_CHECKING:
    from typing_extensions import Unpack

FileModel: TypeAlias = str | Codebook | Model
"""The name of a bundled model or codebook, a `Codebook`, or a model over bytes."""


def compress(
    data: Text, model: FileModel | None = None, **options: Unpack[CompressOptions]
) -> bytes:
    """Compress bytes into a container with checksums.

    Args:
        data: any bytes; a str means its UTF-8.
        model: of the codec; by default the bundled model "en", or the bundled codebook "en-dense"
            where the codec takes codebooks.
        options: see `CompressOptions`.

    Raises:
        ModelError: the model's predictions cannot be used.
        TypeError: data or a model of a wrong type.
        ValueError: an option out of range, or no bundled model of that name.
    """
    out = io.BytesIO()
    with _written(out, ExitStack(), model, options) as file:
        file.write(to_bytes(data))
    return out.getvalue()


def decompress(
    data: bytes | bytearray | memoryview,
    model: FileModel | None = None,
    *,
    max_output: int | None = None,
    num_threads: int = 1,
) -> bytes:
    """Return the data of a container; several, one after the other, give their data joined.

    Memory is taken for the data as it is decoded, at most ``max_output`` bytes and 64 MiB more.

    Args:
        data: the container.
        model: what compressed it, unless that is bundled.
        max_output: bytes of data that are allowed; None allows any number.
        num_threads: 1 to 256.

    Raises:
        ChecksumError: altered.
        ForeignFileError: no container.
        FormatError: anything else that no writer writes.
        ModelMismatchError: written with another model; NumericMismatchError: one that computes
            otherwise here.
        NewerVersionError: of a later version.
        OutputLimitError: more than ``max_output`` bytes.
        TrailingDataError: something else after the end.
        TruncatedError: it ends too early.
    """
    data = bytes(data)
    source = MemorySource(data)
    check_threads(num_threads)
    size = expected_bytes(data, max_output)
    if size is not None:
        joined = OutputBuffer(size)
        for _ in ContainerReader(source, model, num_threads, max_output, joined.room).blocks():
            pass
        return joined.finish()
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
    """Open a compressed file as a file object of its data.

    Reading: a binary file with `read`, `seek`, lines and so on; `io.TextIOWrapper`, pandas and
    pyarrow take it. What cannot be sought in (a pipe) is read from its beginning to its end.
    Writing: what is written by its path appears when it is closed, whole or not at all, and not
    where a ``with`` block ends in an exception; a file object gets the bytes as they come.

    Args:
        file: a path, or a binary file object, which stays open.
        mode: "rb" or "wb".
        model: as for `compress` and `decompress`.
        options: for reading num_threads alone; for writing see `CompressOptions`.

    Raises:
        EqInfoError: as `decompress`, now for what is wrong with the index, and when reading.
        OSError: the file cannot be opened.
        TypeError: options that the mode does not have.
        ValueError: another mode, or as `compress`.
    """
    if mode == "rb":
        unknown = sorted(set(options) - {"num_threads"})
        if unknown:
            raise TypeError(f"reading has no {', '.join(unknown)}: the file says it itself")
        return _read(file, model, check_threads(options.get("num_threads", 1)))
    if mode != "wb":
        raise ValueError(f"expected a mode of 'rb' or 'wb', found {mode!r}")
    output = ExitStack()
    if isinstance(file, str | os.PathLike):
        target = output.enter_context(atomic_output(file))
    else:
        target = file
    try:
        return _written(target, output, model, options)
    except BaseException as error:
        output.__exit__(type(error), error, error.__traceback__)
        raise


def _written(
    file: BinaryIO, output: ExitStack, model: FileModel | None, options: CompressOptions
) -> WritableFile:
    header, codec = settings(model, options)
    return WritableFile(file, output, header, codec, check_threads(options.get("num_threads", 1)))


def _read(
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
