"""Input files: what they hold, told by their names and their first bytes, and their content.

Every command that reads a corpus reads it here. A name and a content that contradict each other,
and content that is neither text nor understood, are errors: read as text, they would silently
become tokens.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath
from typing import BinaryIO, Literal, NamedTuple

from eqinfo.common.decompression import DAMAGED, Compression, decompressed
from eqinfo.common.locations import is_url, open_binary
from eqinfo.errors import FormatError

InputFormat = Literal["text", "jsonl", "parquet", "csv"]

_FORMATS: dict[str, InputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
}
_COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".bz2": "bz2",
    ".xz": "xz",
    ".zst": "zstd",
    ".zstd": "zstd",
}
_FOREIGN_SUFFIXES = {".br": "Brotli"}  # which has no magic number
_ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE_FRAME = b"\x2a\x4d\x18"  # after a byte of 0x50 to 0x5f
# After BZh and a digit: the beginning of a block, or the end of a stream without blocks. Text could
# begin with BZh1.
_BZ2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_TAR = slice(257, 262)  # of its magic number
_PARQUET = b"PAR1"  # at the beginning and at the end
_FOREIGN = {
    b"\x89EQI": "a file of `eqinfo compress`; decompress it first",
    b"\x89q": "a file of `eqinfo compress`; decompress it first",
    b"\x89EQT": "a token file of `eqinfo encode`; decode it first",
    b"\x04\x22\x4d\x18": "LZ4 data; decompress them first",
    b"\xff\x06\x00\x00sNaPpY": "Snappy data; decompress them first",
    b"\x1f\x9d": "data of compress (.Z); decompress them first",
    b"LZIP\x01": "lzip data; decompress them first",
    b"PK\x03\x04": "a zip file; unpack it first, or export it (.xlsx, .docx) as CSV or text",
    b"7z\xbc\xaf\x27\x1c": "a 7z file; unpack it first",
    b"Rar!\x1a\x07": "a RAR file; unpack it first",
    b"%PDF-": "a PDF; extract its text first",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"Obj\x01": "Avro data; convert them to JSON lines or Parquet",
    b"ARROW1\x00\x00": "Arrow data; convert them to Parquet",
    b"FEA1": "Feather data; convert them to Parquet",
    b"\xff\xff\xff\xff": "an Arrow stream; convert it to Parquet",
    b"\xd0\xcf\x11\xe0": "a file of Microsoft Office; export it as CSV or text",
    b"\xff\xfe": "UTF-16; convert it to UTF-8",
    b"\xfe\xff": "UTF-16; convert it to UTF-8",
}
_TEXT_ADVICE = "; if it is text nevertheless, give input_format='text' (--input-format text)"
# Control characters that texts do not use, though damaged ones contain a few. In compressed data,
# one byte in ten is one.
_CONTROLS = bytes({*range(32), 127} - set(b"\b\t\n\v\f\r\x1b"))
_CONTROLS_EVERY = 30
_HEAD_BYTES = 1 << 13
_MAGIC_BYTES = 16


@dataclass(frozen=True)
class InputKind:
    """What a file holds.

    Attributes:
        format: how its content is divided into documents.
        compression: how the file is compressed; None for plain files and for Parquet.
    """

    format: InputFormat
    compression: Compression | None


class InputStream(NamedTuple):
    """An open input file.

    Attributes:
        content: its content, decompressed.
        stored: the file as it is stored; its position tells how far reading has come. The same as
            ``content`` if it is not compressed.
        compression: how it is compressed.
    """

    content: BinaryIO
    stored: BinaryIO
    compression: Compression | None


def identify(path: str | os.PathLike[str], expected: InputFormat | None = None) -> InputKind:
    """Return what a file holds, by its name, whatever its case, and its first bytes.

    Args:
        path: the file.
        expected: the format, if it is known. None: that of the name; a name that says nothing is
            that of a text, or of a Parquet file if the content is one. A text that is ``expected``
            may hold any bytes, once it is decompressed.

    Raises:
        FormatError: the content is compressed or binary and not understood, or it contradicts the
            name or ``expected``; the message names the file.
        UnsupportedError: decompressing needs a package that is not installed.
        OSError: the file cannot be read.
    """
    form = expected or _FORMATS.get(suffix_of(path))
    if form == "parquet":  # its reader checks the content
        return InputKind(form, None)
    with open_input(path) as stream:
        if form is None and _is_parquet(stream):
            return InputKind("parquet", None)
        _read_head(path, stream, any_bytes=expected == "text", advice="" if form else _TEXT_ADVICE)
        return InputKind(form or "text", stream.compression)


@contextmanager
def open_input(path: str | os.PathLike[str]) -> Iterator[InputStream]:
    """Open a file, and decompress it as it is read.

    Raises:
        FormatError: the name says that the file is compressed, and it is not, or in another way; or
            the file is truncated or altered. That is found where reading reaches the damage; the
            message gives the offset in the content.
        UnsupportedError: decompressing needs a package that is not installed.
        OSError: the file cannot be read.
    """
    with open_binary(path) as file:
        # A pipe cannot go back to its beginning.
        stored: BinaryIO = file if file.seekable() else io.BytesIO(file.read())
        compression = _compression_of(path, stored.read(_MAGIC_BYTES))
        stored.seek(0)
        content = stored if compression is None else decompressed(stored, compression)
        try:
            yield InputStream(content, stored, compression)
        except DAMAGED as error:
            raise FormatError(
                f"{path}: expected a whole {compression} file, found damage after offset "
                f"{content.tell()} of its content: {error}"
            ) from None


def refuse_foreign(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Look at the first chunk of a file that is kept byte by byte; return all of its chunks.

    Args:
        chunks: the content of the file.
        name: the file, for messages.

    Raises:
        FormatError: it begins like a compressed file, an archive or a binary format with a magic
            number: its bytes are hardly the ones that are meant.
    """
    rest = iter(chunks)
    first = next(rest, b"")
    compression = _compression_of_bytes(first)
    found = f"{compression} data; decompress them first" if compression else _foreign(first)
    if first.startswith(_PARQUET):
        found = "Parquet; use `eqinfo tokenize`"
    if found is not None:
        raise FormatError(
            f"{name}: expected text, found {found}; to encode these bytes as they are, give "
            "--input-format text"
        )
    return chain([first], rest) if first else rest


def _suffix(name: str | os.PathLike[str]) -> str:
    return PurePath(_without_query(name)).suffix.lower()


def _without_query(name: str | os.PathLike[str]) -> str:
    """Return a path, or a URL without what follows the question mark."""
    path = os.fspath(name)
    return path.partition("?")[0] if is_url(path) else path


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a name in lower case, without that of a compression."""
    name = PurePath(_without_query(path))
    return _suffix(name.with_suffix("") if _suffix(name) in _COMPRESSIONS else name)


def _compression_of(path: str | os.PathLike[str], head: bytes) -> Compression | None:
    named_as = _COMPRESSIONS.get(_suffix(path))
    found = _compression_of_bytes(head)
    if named_as not in (None, found):
        shown = f"{found} data" if found else repr(head) if head else "an empty file"
        raise FormatError(f"{path}: expected {named_as} data, as the name says, found {shown}")
    return found


def _compression_of_bytes(head: bytes) -> Compression | None:
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    # Text could begin with BZh1, too.
    if head.startswith(b"BZh") and head[3:4].isdigit() and head[4:10] in _BZ2_BLOCKS:
        return "bz2"
    skippable = head[1:4] == _ZSTD_SKIPPABLE_FRAME and head[0] >> 4 == 5
    return "zstd" if skippable or head.startswith(_ZSTD_FRAME) else None


def _foreign(head: bytes) -> str | None:
    """Return what a content is, and what to do, if it has the magic number of something else."""
    if head[_TAR] == b"ustar":
        return "a tar archive; unpack it first"
    return next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), None)


def _looks_binary(head: bytes) -> bool:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" in head[:_MAGIC_BYTES] or controls * _CONTROLS_EVERY > len(head)


def _is_parquet(stream: InputStream) -> bool:
    if stream.compression is not None:
        return False
    head = stream.stored.read(len(_PARQUET))
    end = stream.stored.seek(0, os.SEEK_END)
    stream.stored.seek(max(0, end - len(_PARQUET)))
    tail = stream.stored.read()
    stream.stored.seek(0)
    return head == tail == _PARQUET and end > 2 * len(_PARQUET)


def _read_head(
    path: str | os.PathLike[str], stream: InputStream, any_bytes: bool = False, advice: str = ""
) -> bytes:
    """Read and return the first bytes of the content.

    Args:
        path: for messages.
        stream: the file, at its beginning.
        any_bytes: whether all content is a text that is not compressed in a way unknown or twice.
        advice: what to do if it looks binary.

    Raises:
        FormatError: they are not those of a text.
    """
    is_parquet = _is_parquet(stream)
    head = stream.content.read(_HEAD_BYTES)
    inner = _compression_of_bytes(head)
    found = None
    if _suffix(path) in _FOREIGN_SUFFIXES:
        found = f"{_FOREIGN_SUFFIXES[_suffix(path)]} data, as the name says"
    elif inner is not None and stream.compression is not None:
        found = f"{inner} data inside {stream.compression} data; decompress the file once"
    elif not any_bytes:
        found = "Parquet" if is_parquet else _foreign(head)
        if found is None and _looks_binary(head):
            found = f"binary data ({head[:_MAGIC_BYTES]!r}...){advice}"
    if found is not None:
        raise FormatError(f"{path}: expected text, found {found}")
    return head
