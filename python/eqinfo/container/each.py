"""Many short documents, each in a container of its own."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from eqinfo.common.batch import refused_single, require_iterable
from eqinfo.common.text import to_bytes
from eqinfo.container.api import decompress
from eqinfo.container.buffer import bytes_of, is_row_of_numbers
from eqinfo.container.dictionary import FileDictionary, dictionary_from
from eqinfo.container.pipeline import Pipeline
from eqinfo.container.settings import (
    CompressOptions,
    FileModel,
    candidates,
    check_output,
    check_threads,
)
from eqinfo.container.writer import ContainerWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

_Item = TypeVar("_Item")


def compress_each(
    documents: Iterable[str | Buffer],
    model: FileModel | None = None,
    **options: Unpack[CompressOptions],
) -> Iterator[bytes]:
    """Compress documents, each by itself, on several threads.

    Each result is what `compress` returns for the document and the same options, so any of them can
    be restored without the others. With a ``dictionary``, short documents become much smaller, and
    it is read once for all of them.

    Args:
        documents: data as for `compress`. They are taken as they are needed: with ``num_threads``,
            two for each thread are at work.
        model: as for `compress`.
        options: see `CompressOptions`. Threads work on different documents.

    Returns:
        The containers, in the order of the documents.

    Raises:
        BufferError, ModelError, TypeError: as `compress`, in the place of the document.
        TypeError, ValueError: as `compress`, for options, at once; or a single document.

    Example:
        >>> import eqinfo
        >>> dictionary = eqinfo.Dictionary("user=anna action=login\\nuser=bob action=logout\\n")
        >>> lines = [f"user={name} action=login" for name in ("carl", "dora", "emil")]
        >>> blobs = list(eqinfo.compress_each(lines, dictionary=dictionary))
        >>> list(eqinfo.decompress_each(blobs[1:2], dictionary=dictionary))
        [b'user=dora action=login']
    """
    choices = candidates(model, options)
    _check_several(documents, "document", "compress")

    def compressed(document: str | Buffer) -> bytes:
        out = io.BytesIO()
        writer = ContainerWriter(out, choices, 1)
        with bytes_of(to_bytes(document) if isinstance(document, str) else document) as view:
            writer.write(view)
            writer.finish()
        return out.getvalue()

    return _in_order(Pipeline(compressed, check_threads(options.get("num_threads", 1))), documents)


def decompress_each(
    blobs: Iterable[Buffer],
    model: FileModel | None = None,
    *,
    dictionary: FileDictionary | None = None,
    max_output: int | None = None,
    num_threads: int = 1,
) -> Iterator[bytes]:
    """Decompress containers, such as those of `compress_each`, on several threads.

    Args:
        blobs: containers, which are taken as they are needed.
        model: as for `decompress`.
        dictionary: as for `decompress`; it is read once for all.
        max_output: the largest number of bytes of each document; None for no limit.
        num_threads: 1 to 256. The data do not depend on it.

    Returns:
        The data of each container, in order.

    Raises:
        BufferError, EqInfoError, TypeError: as `decompress`, in the place of the document.
        TypeError, ValueError: as `decompress`, for options, at once; or a single container.
    """
    known = dictionary_from(dictionary)
    check_output(max_output)
    _check_several(blobs, "container", "decompress")

    def decompressed(blob: Buffer) -> bytes:
        return decompress(blob, model, dictionary=known, max_output=max_output)

    return _in_order(Pipeline(decompressed, check_threads(num_threads)), blobs)


def _check_several(documents: object, noun: str, function: str) -> None:
    """Raise TypeError for what is not an iterable of documents.

    The items of a buffer have buffers, too, if they are numbers of NumPy.
    """
    if isinstance(documents, str) or is_row_of_numbers(documents):
        refused_single(documents, noun, function)
    require_iterable(documents, f"{noun}s")


def _in_order(pipeline: Pipeline[_Item, bytes], items: Iterable[_Item]) -> Iterator[bytes]:
    with pipeline:
        yield from pipeline.over((item, 0) for item in items)
