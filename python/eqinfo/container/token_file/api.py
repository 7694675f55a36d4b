"""`save_tokens` and `load_tokens`: tokens in a file that says which codec they belong to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.batch import TokenBatch
from eqinfo.common.files import atomic_output
from eqinfo.common.named import named, require_binary
from eqinfo.common.tokens import AnyTokens, as_unsigned
from eqinfo.container.source import Source
from eqinfo.container.token_file.codec import TokenCodec, codec_of, header_of
from eqinfo.container.token_file.stream import TokenReader, TokenWriter

if TYPE_CHECKING:
    from eqinfo.container.api import File

TokenArray: TypeAlias = NDArray[np.unsignedinteger[Any]]


def save_tokens(file: File, tokens: AnyTokens, codec: TokenCodec) -> None:
    """Write the tokens of one document to a file that says which codec they belong to.

    The file has a header with the codec's fingerprint, and a checksum. A path is written completely
    or not at all.

    Args:
        file: a path, or a binary file object, which is not closed.
        tokens: what ``codec.encode`` returned, shape (n,).
        codec: the codec that encoded. For the tokens of `eqinfo.encode`, that is
            ``eqinfo.window_codec`` with the same model and options, or the `Codebook`.

    Raises:
        OSError: the file cannot be written.
        TypeError: not a codec, several documents, or tokens of another unsigned dtype than those of
            the codec.
        ValueError: a token that does not fit token_bits.

    Example:
        >>> import eqinfo, io
        >>> codec, file = eqinfo.window_codec("en-dense"), io.BytesIO()
        >>> eqinfo.save_tokens(file, codec.encode("It was the best of times."), codec)
        >>> _ = file.seek(0)
        >>> tokens, codec = eqinfo.load_tokens(file)
        >>> codec.decode(tokens)
        'It was the best of times.'
    """
    header = header_of(codec)
    given: object = tokens
    if isinstance(given, TokenBatch):
        raise TypeError(
            f"expected the tokens of one document, found a TokenBatch of {len(given)}; save each "
            "in a file of its own, or write shards (eqinfo.shards)"
        )
    count = 1 << header.token_bits
    array = as_unsigned(tokens, header.dtype.newbyteorder("="), count, "token")
    bad = np.flatnonzero(array >> header.token_bits)
    if len(bad):
        raise ValueError(
            f"token {bad[0]}: expected 0 to {count - 1}, found {array[bad[0]]}; check that the "
            "codec is the one that encoded"
        )
    with _open_output(file) as output:
        writer = TokenWriter(output, header)
        writer.write(array)
        writer.finish()


def load_tokens(file: File, codec: TokenCodec | None = None) -> tuple[TokenArray, TokenCodec]:
    """Read the tokens that `save_tokens` or ``eqinfo encode`` wrote, and check all of them.

    Args:
        file: a path, or a binary file object, which is read from its position to its end.
        codec: the codec that encoded, or its codebook. By default the one of a bundled codebook or
            model that the file asks for.

    Returns:
        The tokens, uint16 (uint32 for ids of more than 16 bits), shape (n,); and what decodes them:
        ``codec``, or the `Codebook` if the tokens are the ids of a bundled one, or a new codec.

    Raises:
        ChecksumError: the file has been altered.
        ForeignFileError: not a token file.
        FormatError: anything else that no writer writes.
        ModelMismatchError: another codec encoded, or one that is not bundled and was not given.
        NewerVersionError, UnsupportedError: a file of a later version.
        NumericMismatchError: it is the right model, but it gives different numbers on this machine.
        OSError: the file cannot be read.
        TruncatedError: the file ends too early.
    """
    with _open_input(file) as (binary, name):
        reader = TokenReader(Source(binary, name))
        chunks = list(reader.chunks())
    found = codec_of(reader.header, codec, reader.place)
    dtype = reader.header.dtype.newbyteorder("=")
    return np.concatenate([np.empty(0, dtype), *chunks]), found


@contextmanager
def _open_output(file: File) -> Iterator[BinaryIO]:
    if isinstance(file, str | bytes | os.PathLike):
        with atomic_output(os.fsdecode(file)) as output:
            yield output
    else:
        require_binary(file, "write")
        yield file


@contextmanager
def _open_input(file: File) -> Iterator[tuple[BinaryIO, str]]:
    """Yield a file to read and its name for messages."""
    if isinstance(file, str | bytes | os.PathLike):
        with named(os.fsdecode(file)), open(file, "rb") as binary:
            yield binary, os.fsdecode(file)
    else:
        require_binary(file, "read")
        name = getattr(file, "name", None)
        yield file, os.fsdecode(name) if isinstance(name, str | bytes) and name else "tokens"
