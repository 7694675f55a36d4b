"""Shards of any method of the catalogue: `MethodEncoder` makes them, `open_shards` reads them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import xxhash

from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TextBatch, TokenArray, TokenBatch
from eqinfo.common.text import to_text
from eqinfo.container.identity import CodecModel, load_file
from eqinfo.errors import FormatError, ModelMismatchError
from eqinfo.experiment.tokenizations.base import Method, Texts, Tokenization, text_bytes
from eqinfo.experiment.tokenizations.catalogue import methods
from eqinfo.models.fingerprint import check_numeric_fingerprint, numeric_fingerprint
from eqinfo.models.native_model import BUNDLED_MODELS, load
from eqinfo.models.protocol import Model
from eqinfo.shards.dataset import TokenShards
from eqinfo.shards.encoder import ShardEncoder, id_dtype
from eqinfo.shards.manifest import LEARNED, MANIFEST, encoder_entry, read_manifest

__all__ = ["MethodEncoder", "MethodShards", "open_shards"]


class MethodEncoder(ShardEncoder):
    """Encodes documents by a method of the catalogue; `eqinfo.shards.tokenize` takes it.

    The id after the last one of the method ends documents. A document is held in memory as a whole.

    Examples:
        >>> from eqinfo.experiment import MethodEncoder
        >>> MethodEncoder("EqualInfo[32, 8] reset every 3").entry()["vocab_size"]
        256

    Args:
        name: of the method, as `eqinfo.experiment.methods` takes it.
        model: M1, over bytes; None for the bundled native model "en". Pickled with the encoder.
        texts: for the method to learn from, if it does.
        learned: what an encoder of this name had ``learned``, instead of texts.

    Attributes:
        tokenization: of the method.

    Raises:
        ValueError: an unknown name, or fewer texts than the method learns from.
        UnsupportedError: a package that the method needs is not installed.
    """

    kind = "method"
    in_processes = True

    def __init__(
        self,
        name: str,
        model: Model | None = None,
        texts: Texts = (),
        *,
        learned: bytes | None = None,
    ) -> None:
        self._model = load("en") if model is None else model
        (method,) = methods([name], self._model)
        self._uses_model = method.uses_model
        if learned is not None and method.restore is not None:
            self.tokenization = method.restore(learned)
        else:
            _require_texts(method, texts)
            self.tokenization = method.train(texts)
        self._name = name
        self.learned = self.tokenization.learned()
        self._numerics = numeric_fingerprint(self._model) if self._uses_model else ""

    @property
    def fingerprint(self) -> str:
        """Identifies the method, what it has learned, and M1 with its numbers on this machine."""
        model = (self._model.fingerprint, self._numerics) if self._uses_model else ()
        parts = repr((self._name, *model)).encode() + self.learned
        return hashlib.blake2b(parts, digest_size=16).hexdigest()

    @property
    def end(self) -> int:
        """The id that ends documents: the number of ids of the method."""
        return self.tokenization.vocab_size

    def dtype(self, with_end: bool) -> np.dtype[Any]:
        """Return uint16 if it holds all ids, or else uint32."""
        return id_dtype(self.tokenization.vocab_size + with_end)

    def entry(self) -> dict[str, Any]:
        """Return name, fingerprint and ids of the method, M1, and the file of what is learned."""
        model = {
            "name": _bundled_name(self._model),
            "fingerprint": self._model.fingerprint,
            "numerics": self._numerics,
        }
        learned = {
            "name": LEARNED,
            "bytes": len(self.learned),
            "xxh3_128": xxhash.xxh3_128_hexdigest(self.learned),
        }
        return {
            "name": self._name,
            "fingerprint": self.fingerprint,
            "vocab_size": self.tokenization.vocab_size,
            "window_tokens": self.tokenization.window_tokens,
            "model": model if self._uses_model else None,
            "learned": learned if self.learned else None,
        }

    def encode_batch(self, texts: TextBatch, num_threads: int) -> TokenBatch:
        """Return the ids of every document; raises FormatError for bytes that are not UTF-8."""
        documents = self.tokenization.encode_batch(list(_texts(texts)))
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(ids) for ids in documents], out=offsets[1:])
        dtype = self.dtype(False)
        return TokenBatch(np.concatenate([np.empty(0, dtype), *documents]).astype(dtype), offsets)

    def encode_pieces(self, pieces: Iterator[bytes], num_threads: int) -> Iterator[TokenArray]:
        """Yield the ids of one document, all at once."""
        yield self.encode_batch(TextBatch.concatenate([b"".join(pieces)]), num_threads).tokens

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle name, model and what is learned; the process that unpickles checks the model."""
        return _restored, (self._name, self._model, self.learned, self._numerics)


def _restored(name: str, model: Model, learned: bytes, numerics: str) -> MethodEncoder:
    encoder = MethodEncoder(name, model, learned=learned)
    if numerics:
        check_numeric_fingerprint(model, numerics)
    return encoder


def _require_texts(method: Method, texts: Texts) -> None:
    least, found = max(1, method.least_bytes), text_bytes(texts)
    if method.restore is not None and not method.uses_model and found < least:
        raise ValueError(
            f"expected text for {method.name} to learn from, {least:,} bytes or more, found "
            f"{found:,}: give {'more' if found else 'some'} (--fit-on FILE, texts=)"
        )


def _texts(texts: TextBatch) -> Iterable[str]:
    number = 0
    try:
        for document in texts.iter_bytes():
            yield to_text(document)
            number += 1
    except FormatError as error:
        raise FormatError(f"document {number}: {error}") from None


def _bundled_name(model: Model) -> str | None:
    for name in BUNDLED_MODELS:
        if load(name).fingerprint == model.fingerprint:
            return name
    return None


class MethodShards(TokenShards):
    """Shards that `MethodEncoder` has made; see `TokenShards`.

    Args:
        folder: as of `TokenShards`.
        model: M1, which only decoding needs. None: the bundled one that the manifest names, if any.
    """

    def __init__(self, folder: str | os.PathLike[str], model: Model | None = None) -> None:
        super().__init__(folder)
        self._model = model
        self.method: dict[str, Any] = encoder_entry(self.manifest)[1]

    @cached_property
    def tokenization(self) -> Tokenization:
        """The method that gave the tokens.

        Raises:
            ModelMismatchError: M1 is another one, gives other numbers on this machine, or was not
                given and is not bundled.
            ValueError, UnsupportedError: as `MethodEncoder`.
        """
        learned = None
        if self.method["learned"] is not None:
            self._verify(self.method["learned"])
            learned = (self.folder / LEARNED).read_bytes()
        return MethodEncoder(self.method["name"], self._m1(learned), learned=learned).tokenization

    def _m1(self, learned: bytes | None) -> Model | None:
        written = self.method["model"]
        if written is None or learned is not None:
            return None
        model = self._model
        if model is None and written["name"] in BUNDLED_MODELS:
            model = load(written["name"])
        found = "none" if model is None else model.fingerprint
        if model is None or found != written["fingerprint"]:
            raise ModelMismatchError(
                f"{self.folder / MANIFEST}: expected the M1 {written['fingerprint']} "
                f"({written['name'] or 'of a file'}) to decode {self.method['name']}, found "
                f"{found}; give the one that made the shards (--model FILE, model=)"
            )
        check_numeric_fingerprint(model, written["numerics"])
        return model

    def decode_bytes(self, index: int) -> bytes:
        """Return the bytes of a document; raises as `tokenization`, and FormatError."""
        return self.decode(index).encode()

    def decode(self, index: int) -> str:
        """Return the text of a document; raises as `tokenization`, and FormatError."""
        ids = self[index].astype(np.int64)
        if self.manifest["parameters"]["end_of_document"]:
            ids = ids[:-1]
        return self.tokenization.decode(ids)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path and M1."""
        return type(self), (self._absolute, self._model)


def open_shards(
    folder: str | os.PathLike[str], model: CodecModel | str | os.PathLike[str] | None = None
) -> TokenShards | MethodShards:
    """Open a complete folder of ``.bin`` shards of a codebook, or of a method of the catalogue.

    Args:
        folder: that holds ``manifest.json``.
        model: the codebook, or M1 of the method, or the file of one of them. None: the bundled one
            that the manifest names, if any. Only decoding needs it.

    Raises:
        FormatError, UnsupportedError, OSError: as `eqinfo.shards.open`.
        ModelMismatchError: another codebook gave the tokens, or a codebook is given for tokens of a
            method, or M1 for those of a codebook.
    """
    if isinstance(model, str | os.PathLike):
        model = load_file(model)
    kind, entry = encoder_entry(read_manifest(folder))
    if kind == "codebook":
        if model is not None and not isinstance(model, Codebook):
            raise ModelMismatchError(
                f"{folder}: expected the codebook {entry['fingerprint']}, found a model"
            )
        return TokenShards(folder, model)
    if isinstance(model, Codebook):
        raise ModelMismatchError(f"{folder}: expected an M1 for {entry['name']}, found a codebook")
    return MethodShards(folder, model)
