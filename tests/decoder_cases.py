"""Decoders of whole files, for fuzzing: they accept any bytes and raise only EqInfoError."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

import codebook_cases as cases
import eqinfo
from eqinfo import StringColumn
from eqinfo.codebook import BUNDLED, Codebook
from eqinfo.codebook import file as codebook_file
from eqinfo.codecs import Codec
from eqinfo.container import block, compact, header, trailer
from eqinfo.container.settings import CODECS
from eqinfo.container.token_file import header as token_header
from eqinfo.container.token_file import stream as token_stream
from eqinfo.errors import EqInfoError
from eqinfo.models import NativeModel, native_file
from eqinfo.models.native_model import BUNDLED_MODELS, load
from eqinfo.models.transformer import TransformerModel
from eqinfo.models.transformer import file as transformer_file
from eqinfo.string_column import file as column_file
from native_cases import random_native_model
from transformer_cases import random_tensors

TEXT = cases.TEXT[:200]
_MAX_OUTPUT = 1 << 20
TOKEN_OPTIONS: list[Any] = [{}, {"token_bits": 7}, {"window_bits": 40, "token_bits": 16}]


def decode_codebook(data: bytes) -> None:
    """A codebook that is accepted codes text, and can be written and read again."""
    try:
        codebook = Codebook.from_bytes(data)
    except EqInfoError:
        return
    assert codebook.decode_bytes(codebook.encode(TEXT)) == TEXT
    assert Codebook.from_bytes(codebook.to_bytes()) == codebook


def decode_column(data: bytes) -> None:
    """A column that is accepted decodes, and its rows make a column of the same rows."""
    try:
        column = StringColumn.from_bytes(data)
        rows = column.to_list()
    except EqInfoError:
        return
    assert len(rows) == len(column)
    again = StringColumn(rows, column.codebook)
    assert again.to_list() == rows
    assert column.take(range(len(rows))) == rows
    column == TEXT  # noqa: B015
    column.starts_with(TEXT[:1])
    assert StringColumn.from_bytes(column.to_bytes()).equals(column)


def decode_native_model(data: bytes) -> None:
    """A model that is accepted predicts."""
    try:
        model = NativeModel.from_bytes(data)
    except EqInfoError:
        return
    assert model.logits(b"ab").shape == (3, 256)


@cache
def dictionary() -> eqinfo.Dictionary:
    """Return the dictionary of the files that need one."""
    return eqinfo.Dictionary(TEXT[:200])


def decode_transformer(data: bytes) -> None:
    """A transformer that is accepted predicts."""
    try:
        file = transformer_file.parse(data, "seed")
    except EqInfoError:
        return
    with suppress(ValueError):  # as `TransformerModel.load` reports it
        model = TransformerModel(file.tensors, file.metadata)
        assert model.logits([1, 0, 1]).shape == (4, model.vocab_size)


def decode_container(data: bytes) -> None:
    """A compressed file that is accepted gives the same data as a whole, as a file, in pieces."""
    pushed = push(data)
    try:
        content = eqinfo.decompress(data, dictionary=dictionary(), max_output=_MAX_OUTPUT)
    except EqInfoError:
        return
    assert pushed == content
    with eqinfo.open(io.BytesIO(data), dictionary=dictionary()) as file:
        assert file.read() == content


def decode_tokens(data: bytes) -> None:
    """A token file that is accepted decodes, and is what its tokens are written as."""
    try:
        tokens, codec = eqinfo.load_tokens(io.BytesIO(data))
        codec.decode_bytes(tokens)
    except EqInfoError:
        return
    again = io.BytesIO()
    eqinfo.save_tokens(again, tokens, codec)
    found, _ = eqinfo.load_tokens(io.BytesIO(again.getvalue()))
    assert found.tolist() == tokens.tolist()


class NoDigest:
    """A checksum that is 0, whatever the data."""

    def __init__(self, data: bytes = b"") -> None:
        pass

    def update(self, data: bytes) -> None:
        pass

    def intdigest(self) -> int:
        return 0


def push(data: bytes) -> bytes | None:
    """Decompress in two pieces, member by member; return None if that is refused or not all."""
    content = b""
    while data:
        decompressor = eqinfo.Decompressor(dictionary=dictionary())
        try:
            content += decompressor.decompress(data[:50], _MAX_OUTPUT)
            data = decompressor.unused_data + data[50:] if decompressor.eof else data[50:]
            if not decompressor.eof:
                content += decompressor.decompress(data, _MAX_OUTPUT)
                data = decompressor.unused_data
        except EqInfoError:
            return None
        if not decompressor.eof:
            return None
    return content


DECODERS: dict[str, Callable[[bytes], None]] = {
    "codebook": decode_codebook,
    "container": decode_container,
    "column": decode_column,
    "native_model": decode_native_model,
    "tokens": decode_tokens,
    "transformer": decode_transformer,
}


@contextmanager
def without_checksums() -> Iterator[None]:
    """Accept any checksum, so that altered content reaches the code after the checks."""
    for name in BUNDLED:  # loaded once, while checksums are still compared
        Codebook.bundled(name)
    for name in BUNDLED_MODELS:
        load(name)
    identity = codebook_file.identity

    def anonymous(*arrays: object) -> dict[str, str]:
        return {**identity(*arrays), "fingerprint": "0" * 32}  # type: ignore[arg-type]

    with (
        mock.patch.object(codebook_file, "_checksum", return_value=""),
        mock.patch.object(codebook_file, "identity", anonymous),
        mock.patch.object(column_file, "_checksum", return_value=""),
        mock.patch.object(native_file, "fingerprint", return_value=""),
        mock.patch.object(transformer_file, "fingerprint", return_value=""),
        mock.patch.object(transformer_file, "_checksum", return_value=""),
        mock.patch.object(block, "short_checksum", return_value=0),
        mock.patch.object(block, "checksum", return_value=0),
        mock.patch.object(compact, "short_checksum", return_value=0),
        mock.patch.object(header, "short_checksum", return_value=0),
        mock.patch.object(trailer, "checksum", return_value=0),
        mock.patch.object(token_header, "short_checksum", return_value=0),
        mock.patch.object(token_stream, "xxhash", SimpleNamespace(xxh3_64=NoDigest)),
    ):
        yield


def token_file(codec: Codec) -> bytes:
    """Return a file with the tokens of a short text."""
    file = io.BytesIO()
    eqinfo.save_tokens(file, codec.encode(TEXT[:40]), codec)
    return file.getvalue()


def seeds() -> dict[str, list[bytes]]:
    """Return small files of every kind; without checksums if called in `without_checksums`."""
    words = [*TEXT.decode().split(), None, ""]
    bushy, sparse = (cases.from_strings(cases.tables()[name]) for name in ("bushy", "sparse"))
    model = random_native_model()
    return {
        "codebook": [bushy.to_bytes(), sparse.to_bytes()],
        "column": [
            StringColumn(words, "en-4k").to_bytes(),
            StringColumn([], "en-4k").to_bytes(),
            StringColumn(words, bushy).to_bytes(),
        ],
        "container": [
            eqinfo.compress(TEXT, codec="ranged", block_bytes=90) + eqinfo.compress(b""),
            eqinfo.compress(TEXT, "en-4k", codec="codebook", block_bytes=90),
            eqinfo.compress(TEXT, codec="windows", segment_bytes=40),
            eqinfo.compress(TEXT, codec="arithmetic", segment_bytes=40, block_bytes=90),
            *(eqinfo.compress(TEXT, codec=codec) for codec in CODECS),
            eqinfo.compress(TEXT, dictionary=dictionary()),
            eqinfo.compress(TEXT, codec="adaptive", dictionary=dictionary(), block_bytes=90),
        ],
        "tokens": [token_file(eqinfo.window_codec(**options)) for options in TOKEN_OPTIONS],
        "transformer": [
            transformer_file.to_bytes(random_tensors(tied=False, bias=bias), {"name": "seed"})
            for bias in (False, True)
        ],
        "native_model": [native_file.to_bytes(model.tensors, {"name": "seed"})],
    }
