"""`compress`, `decompress` and `open`: bytes and files in the container of docs/format.md."""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias, overload

from eqinfo.common.files import atomic_output
from eqinfo.common.named import named, require_binary
from eqinfo.common.text import to_bytes
from eqinfo.container.buffer import bytes_of
from eqinfo.container.dictionary import Dictionary, FileDictionary, dictionary_from
from eqinfo.container.index import Index
from eqinfo.container.output import OutputBuffer, expected_bytes
from eqinfo.container.readable import SeekableFile, StreamingFile
from eqinfo.container.reader import ContainerReader
from eqinfo.container.settings import (
    CompressOptions,
    FileModel,
    candidates,
    check_output,
    check_threads,
)
from eqinfo.container.source import MemorySource, Source
from eqinfo.container.writable import WritableFile, WritableText

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

File: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes] | BinaryIO
"""A path or a binary file object."""

_MODES = ("r", "rb", "rt", "w", "wb", "wt", "a", "ab", "at", "x", "xb", "xt")


def compress(
    data: str | Buffer, model: FileModel | None = None, **options: Unpack[CompressOptions]
) -> bytes:
    """Compress bytes into a container with checksums.

    Args:
        data: any C-contiguous buffer (bytes, an array, a memory map, ...), whose bytes are
            compressed; a str is encoded as UTF-8.
        model: what the codec uses: a model, a codebook, or the name of a bundled one. The default
            is the model "en" or "world", whichever makes a sample of the first block smaller
            (windows: "en"), or the codebook "en-dense" if the codec takes a codebook.
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
    with _writable(out, ExitStack(), model, options, "") as file:
        file.write(to_bytes(data) if isinstance(data, str) else data)
    return out.getvalue()


def decompress(
    data: Buffer,
    model: FileModel | None = None,
    *,
    dictionary: FileDictionary | None = None,
    max_output: int | None = None,
    num_threads: int = 1,
) -> bytes:
    """Return the data of a container.

    Concatenated containers decompress to their concatenated data. Memory grows with the decoded
    data, up to ``max_output`` bytes plus 64 MiB (80 MiB for solid files of large blocks; up to
    210 MiB more, and what threads take, for a dictionary; and what a model takes that is not
    native).

    Args:
        data: the container, in any C-contiguous buffer.
        model: the model or codebook that compressed it; not needed if that is bundled.
        dictionary: the dictionary that it was compressed with, if there was one.
        max_output: the largest number of bytes to return; None for no limit. With a limit, threads
            work on no more blocks at a time than the memory allows.
        num_threads: 1 to 256. The data does not depend on it.

    Raises:
        BufferError: data that are not C-contiguous.
        ChecksumError: the container has been altered.
        ForeignFileError: not a container.
        FormatError: anything else that no writer writes.
        ModelMismatchError: the container was written with another model or dictionary.
        NumericMismatchError: it is the right model, but it gives different numbers on this machine.
        NewerVersionError: a later version of the format.
        OutputLimitError: more than ``max_output`` bytes of data.
        TrailingDataError: other data follows the container.
        TruncatedError: the container ends too early.
        TypeError: data that are not a buffer, or options that are not integers.
        ValueError: ``num_threads`` or ``max_output`` out of range.
    """
    check_threads(num_threads)
    check_output(max_output)
    known = dictionary_from(dictionary)
    with bytes_of(data) as view:
        source = MemorySource(view)
        size = expected_bytes(view, max_output)
        if size is not None:
            output = OutputBuffer(size)
            for _ in ContainerReader(
                source, model, num_threads, max_output, output.room, known
            ).blocks():
                pass
            return output.finish()
        out = io.BytesIO()
        reader = ContainerReader(source, model, num_threads, max_output, dictionary=known)
        for block in reader.blocks():
            out.write(block)
        return out.getvalue()


@overload
def open(
    file: File,
    mode: Literal["r", "rb"] = ...,
    model: FileModel | None = ...,
    *,
    dictionary: FileDictionary | None = ...,
    num_threads: int = ...,
) -> io.BufferedReader: ...


@overload
def open(
    file: File,
    mode: Literal["w", "wb", "a", "ab", "x", "xb"],
    model: FileModel | None = ...,
    **options: Unpack[CompressOptions],
) -> WritableFile: ...


@overload
def open(
    file: File,
    mode: Literal["rt", "wt", "at", "xt"],
    model: FileModel | None = ...,
    *,
    encoding: str | None = ...,
    errors: str | None = ...,
    newline: str | None = ...,
    **options: Unpack[CompressOptions],
) -> io.TextIOWrapper: ...


def open(
    file: File,
    mode: str = "rb",
    model: FileModel | None = None,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[CompressOptions],
) -> io.BufferedReader | WritableFile | io.TextIOWrapper:
    """Open a compressed file as a file object that reads or writes its data.

    For reading, the result is a binary file object with `read`, `seek`, lines and so on, which
    `io.TextIOWrapper`, pandas and pyarrow accept. A file that is not seekable, such as a pipe, can
    only be read from beginning to end.

    For writing, a file given by its path appears when it is closed, complete or not at all: if a
    ``with`` block ends in an exception, the path is left as it was. A file object gets the
    compressed bytes as soon as there are any.

    Args:
        file: a path, or a binary file object, which is not closed. It is read or written from its
            current position on.
        mode: as for `gzip.open`: "r" reads, "w" writes, "a" adds the data to those of a file that
            may exist, "x" writes a file that must not exist; "b", the default, or "t" for text.
        model: as for `compress` and `decompress`.
        encoding: the encoding of text, by default UTF-8.
        errors: as for `io.TextIOWrapper`.
        newline: as for `io.TextIOWrapper`.
        options: ``dictionary`` and ``num_threads`` for reading; see `CompressOptions` for writing.

    Raises:
        EqInfoError: as `decompress`. Opening checks headers and index; reading checks the rest.
        FileExistsError: the mode is "x", and the path exists.
        OSError: the file cannot be opened.
        TypeError: neither a path nor a binary file object, or options that the mode does not have.
        ValueError: another mode, options for text in a binary mode, or as `compress`.
    """
    if mode not in _MODES:
        raise ValueError(f"expected a mode among {', '.join(_MODES)}, found {mode!r}")
    text = mode.endswith("t")
    if not text and (encoding, errors, newline) != (None, None, None):
        raise ValueError(
            f"expected encoding, errors and newline for a text mode such as '{mode[0]}t', "
            f"found the mode {mode!r}"
        )
    reading = mode.startswith("r")
    if not isinstance(file, str | bytes | os.PathLike):
        require_binary(file, "read" if reading else "write")
    if not reading:
        output = _opened_for_writing(file, mode[0], model, options)
        return WritableText(output, encoding or "utf-8", errors, newline) if text else output
    unknown = sorted(set(options) - {"dictionary", "num_threads"})
    if unknown:
        raise TypeError(
            "expected only the options dictionary and num_threads for reading, found "
            f"{', '.join(unknown)}; the file itself says how it was written"
        )
    dictionary = dictionary_from(options.get("dictionary"))
    data = _readable(file, model, dictionary, check_threads(options.get("num_threads", 1)))
    return io.TextIOWrapper(data, encoding or "utf-8", errors, newline) if text else data


def _opened_for_writing(
    file: File, mode: str, model: FileModel | None, options: CompressOptions
) -> WritableFile:
    output = ExitStack()
    try:
        if not isinstance(file, str | bytes | os.PathLike):
            return _writable(file, output, model, options, getattr(file, "name", ""), mode)
        path = os.fsdecode(file)
        if mode == "x" and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "expected no file, found one", path)
        buffered = output.enter_context(atomic_output(path))
        position = _copy_existing(path, buffered) if mode == "a" else 0
        # Without a buffer: a forked child that ends would write a copy of what is in it.
        target = getattr(buffered, "raw", buffered)
        return _writable(target, output, model, options, os.fspath(file), mode, position)
    except BaseException as error:
        output.__exit__(type(error), error, error.__traceback__)
        raise


def _copy_existing(path: str, output: BinaryIO) -> int:
    """Copy the members of a file that may exist; return how many bytes of data they have."""
    with suppress(FileNotFoundError), named(path), builtins.open(path, "rb") as old:
        if os.fstat(old.fileno()).st_size:
            index = Index(old, path)  # raises if it is not a complete container
            old.seek(0)
            shutil.copyfileobj(old, output, 1 << 20)
            output.flush()
            return index.raw_bytes
    return 0


def _writable(
    file: BinaryIO,
    output: ExitStack,
    model: FileModel | None,
    options: CompressOptions,
    name: str | bytes | int,
    mode: str = "w",
    position: int = 0,
) -> WritableFile:
    choices = candidates(model, options)
    num_threads = check_threads(options.get("num_threads", 1))
    return WritableFile(file, output, choices, num_threads, name, f"{mode}b", position)


def _readable(
    file: File, model: FileModel | None, dictionary: Dictionary | None, num_threads: int
) -> io.BufferedReader:
    raw: SeekableFile | StreamingFile
    with ExitStack() as opened:
        name: str | bytes | int
        if isinstance(file, str | bytes | os.PathLike):
            name = os.fspath(file)
            binary: BinaryIO = opened.enter_context(builtins.open(file, "rb"))
        else:
            name, binary = getattr(file, "name", ""), file
        shown = os.fsdecode(name) if isinstance(name, str | bytes) and name else "data"
        if hasattr(binary, "seekable") and binary.seekable():
            raw = SeekableFile(binary, shown, model, num_threads, dictionary)
        else:
            source = Source(binary, shown)
            reader = ContainerReader(source, model, num_threads, None, dictionary=dictionary)
            raw = StreamingFile(reader)
        raw.name = name
        raw.own(opened.pop_all())
    return io.BufferedReader(raw)
