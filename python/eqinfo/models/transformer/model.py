"""A language model of Llama's kind in integers: the same answers everywhere."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import eqinfo._core as _core
from eqinfo.common.tensor_file import Tensors
from eqinfo.errors import FormatError
from eqinfo.frequency import MAX_PRECISION
from eqinfo.models.protocol import FRESH
from eqinfo.models.transformer import file as transformer_file
from eqinfo.models.transformer.vocabulary import text_tokenizer
from eqinfo.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_CONTEXT = 2048


class TransformerModel:
    """Predicts the symbols of a language model's vocabulary, in integers from the weights on.

    Weights have 8 bits, inputs of matrices 8 or 15, keys and values 8. Logits are integers, in
    1024ths of an octave. So the frequencies do not depend on the machine, the batch, the lanes or
    the instruction set (docs/transformer.md). Threads may share a model.

    When a context has ``context_length`` positions, the next symbol makes it begin again with
    ``begin`` and the last ``context_length // 2`` symbols, that one included.

    Codecs take text: `Vocabulary` describes how text becomes symbols without loss. That needs the
    package ``tokenizers``; decoding does not.

    Args:
        tensors: those that docs/transformer.md lists. They are used in place: do not change them.
        metadata: stored in the file: a "name", where the weights come from and their licence.
        context_length: the most positions of a context, the one of ``begin`` included; a lane takes
            memory for those in use. Default: what the tensors allow or 2,048, whichever is less.

    Attributes:
        tensors: as above.
        metadata: as above.
        context_length: as above.
        native: the native form of the model.

    Raises:
        ValueError: a tensor is missing, or its dtype, shape or values are not allowed, or
            ``context_length`` is out of range; the message names it.
    """

    def __init__(
        self,
        tensors: Tensors,
        metadata: Mapping[str, str] | None = None,
        *,
        context_length: int | None = None,
    ) -> None:
        self.tensors: dict[str, NDArray[Any]] = dict(tensors)
        self.metadata: dict[str, str] = dict(metadata or {})
        if context_length is None:
            positions = len(self.tensors.get("rotation.cosine", ()))
            context_length = min(DEFAULT_CONTEXT, positions)
        self.context_length = context_length
        self.native = _core.Transformer(self.tensors, context_length)
        self._pieces = transformer_file.pieces_of(self.tensors, self.vocab_size)
        self._tokenizer = transformer_file.tokenizer_of(self.tensors)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, context_length: int | None = None
    ) -> TransformerModel:
        """Read a file that `save` wrote.

        Raises:
            FormatError: the file is truncated, is not a transformer, or has values out of range.
            ChecksumError: the tensors are not those that were written.
            NewerVersionError: the file has another version.
            OSError: the file cannot be read.
            ValueError: ``context_length`` is out of range.
        """
        file = transformer_file.read(path)
        try:
            return cls(file.tensors, file.metadata, context_length=context_length)
        except ValueError as error:
            if context_length is None:
                raise FormatError(f"{os.fspath(path)}: {error}") from None
            cls.load(path)  # raises if the file is at fault, and not the argument
            raise

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write tensors and metadata to a file, atomically."""
        transformer_file.write(path, self.tensors, self.metadata)

    def __repr__(self) -> str:
        """Return a short description."""
        return (
            f"TransformerModel({self.metadata.get('name', 'unnamed')!r}, "
            f"vocab_size={self.vocab_size}, context_length={self.context_length})"
        )

    @property
    def vocab_size(self) -> int:
        """The number of symbols."""
        return self.native.alphabet

    @cached_property
    def fingerprint(self) -> str:
        """Identifies the tensors, the arithmetic and ``context_length``."""
        return f"transformer:{self._hash}:{self.context_length}"

    @cached_property
    def _hash(self) -> str:
        return transformer_file.fingerprint(self.tensors)

    def with_context_length(self, context_length: int) -> Self:
        """Return a model with the same tensors, in the same memory, and other contexts.

        Raises:
            ValueError: ``context_length`` is out of range.
        """
        self._hash  # noqa: B018 - computed once for both
        other = copy.copy(self)
        other.__dict__.pop("fingerprint", None)
        other.context_length = context_length
        other.native = _core.Transformer(self.tensors, context_length)
        return other

    @property
    def context_bytes(self) -> int:
        """Memory of one lane whose context is full, in bytes."""
        return self.native.context_bytes

    def logits(self, symbols: ArrayLike) -> NDArray[np.int32]:
        """Return logits after every prefix of n symbols, computed as matrix products over time.

        Args:
            symbols: integers of shape (n,).

        Returns:
            int32, shape (n + 1, vocab_size), the empty prefix first. Logits are in 1024ths of an
            octave: log2 of the probabilities times 1024, up to a constant per row.

        Raises:
            ValueError: a symbol is out of range; the message says where.
        """
        return self.native.extend(np.concatenate([[FRESH], symbols]).astype(np.int32))

    def tokenize(self, data: bytes) -> NDArray[np.int32]:
        """Return symbols that stand for ``data``; see `TextModel.tokenize`.

        Raises:
            FormatError: the model's tokenizer is not one of the package ``tokenizers``.
            UnsupportedError: that package is not installed.
            ValueError: the vocabulary lacks an id for a single byte that is needed.
        """
        return self._vocabulary.tokenize(data)

    def detokenize(self, symbols: NDArray[np.int32]) -> bytes:
        """Return the bytes that the symbols stand for.

        Raises:
            FormatError: a symbol stands for no text.
        """
        return Vocabulary(self._pieces, lambda text: []).detokenize(symbols)

    def start(self, batch: int) -> _core.ModelLanes:
        """Return a state of ``batch`` empty contexts."""
        return _core.ModelLanes(self.native, batch)

    def step(
        self, state: _core.ModelLanes, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        """Append the symbols and return frequencies of 24 bits; see `Model.step`."""
        return state.predict(lanes, symbols, MAX_PRECISION)

    def reset(self, state: _core.ModelLanes, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``."""
        state.reset(lanes)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._pieces, text_tokenizer(self._tokenizer))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what the constructor takes; the native form is rebuilt from it."""
        return _restore, (self.tensors, self.metadata, self.context_length)


def _restore(
    tensors: dict[str, NDArray[Any]], metadata: dict[str, str], context_length: int
) -> TransformerModel:
    return TransformerModel(tensors, metadata, context_length=context_length)
