"""The native model: a small neural M1 over bytes that runs in integers, the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.tensor_file import Tensors
from eqinfo.common.text import Text, to_array
from eqinfo.errors import FormatError
from eqinfo.frequency import MAX_PRECISION
from eqinfo.models import native_file

BUNDLED_MODELS = ("en", "world")


class NativeModel:
    """Predicts bytes from embeddings of hashed contexts, their gated averages, and a hidden layer.

    Embeddings have 4 bits per value, weights 8 bits, and sums 32 bits. Logits are integers, in
    1024ths of an octave. So the frequencies do not depend on the machine, batch size, number of
    threads or instruction set (docs/models.md). Threads may share a model: it keeps no state of its
    own.

    Args:
        tensors: the tensors that `native_file.TENSORS` lists, with the shapes that
            csrc/native_model.h gives.
        metadata: stored in the file: a "name", and how the weights were made.
        history: whether the model also looks for what followed the same bytes earlier in the text,
            in the last 64 KiB. That predicts long texts better and takes 130 KiB per lane instead
            of half a KiB. The predictions are different, and so is the fingerprint.

    Attributes:
        tensors: as above.
        metadata: as above.
        history: as above.
        native: the native form of the model.

    Raises:
        TypeError: the name of a model or a file.
        ValueError: a tensor is missing, or its dtype, shape or values are not allowed; the message
            names it.
    """

    def __init__(
        self,
        tensors: Tensors,
        metadata: Mapping[str, str] | None = None,
        *,
        history: bool = True,
    ) -> None:
        if isinstance(tensors, str | os.PathLike):
            raise TypeError(
                f"expected tensors by name, found {type(tensors).__name__}; use "
                "eqinfo.models.load(...) for a bundled name, NativeModel.load(...) for a file"
            )
        self._share(native_file.native_weights(tensors), dict(tensors), dict(metadata or {}))
        self._fingerprint = native_file.fingerprint(tensors)
        self._use(history)

    def _share(
        self, weights: _core.NativeWeights, tensors: dict[str, NDArray[Any]], metadata: Any
    ) -> None:
        self._weights = weights
        self.tensors = tensors
        self.metadata: dict[str, str] = metadata

    def _use(self, history: bool) -> None:
        self.history = history
        self.native = _core.NativeModel(self._weights, history)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NativeModel:
        """Read a file that `save` wrote.

        Raises:
            FormatError: the file is truncated, is not a native model, or has weights out of range.
            ChecksumError: the weights are not those that were written.
            NewerVersionError, UnsupportedError: another version or architecture.
            OSError: the file cannot be read.
        """
        try:
            data = native_file.KIND.read(path)
        except FileNotFoundError as error:
            if path not in BUNDLED_MODELS:
                raise
            raise FileNotFoundError(
                error.errno, f"{error.strerror}; did you mean eqinfo.models.load({path!r})?", path
            ) from None
        return cls.from_bytes(data, path)

    @classmethod
    def from_bytes(cls, data: bytes, path: str | os.PathLike[str] = "model") -> NativeModel:
        """Return the model that a file contains. Errors are those of `load`.

        Args:
            data: the content of the file.
            path: named in error messages.
        """
        tensors, metadata = native_file.from_bytes(data, path)
        try:
            return cls(tensors, metadata)
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights and metadata to a file, atomically."""
        native_file.write(path, self.tensors, self.metadata)

    def without_history(self) -> NativeModel:
        """Return the same model without ``history``, for windows that begin without context."""
        if not self.history:
            return self
        model = object.__new__(NativeModel)
        model._share(self._weights, self.tensors, self.metadata)
        model._fingerprint = self._fingerprint
        model._use(False)
        return model

    def __repr__(self) -> str:
        """Return a short description."""
        return f"NativeModel({self.metadata.get('name', 'unnamed')!r}, history={self.history})"

    @property
    def vocab_size(self) -> int:
        """256, since symbols are bytes."""
        return 256

    @property
    def fingerprint(self) -> str:
        """Identifies the weights, the arithmetic, and whether ``history`` is used."""
        return f"native:{self._fingerprint}:{'history' if self.history else 'window'}"

    @property
    def context_bytes(self) -> int:
        """Memory of one lane, in bytes."""
        return self.native.context_bytes

    def logits(self, text: Text) -> NDArray[np.int32]:
        """Return logits after every prefix of a text, computed by the model's plain definition.

        Args:
            text: a str, which stands for its UTF-8, or any n bytes.

        Returns:
            int32, shape (n + 1, 256), the empty prefix first. Logits are in 1024ths of an octave:
            log2 of the probabilities times 1024, up to a constant per row.
        """
        return self.native.define(to_array(text))

    def start(self, batch: int) -> _core.ModelLanes:
        """Return a state of ``batch`` empty contexts."""
        return _core.ModelLanes(self.native, batch)

    def step(
        self, state: _core.ModelLanes, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        """Append the symbols and return frequencies of 24 bits; see `Model.step`.

        Codecs call `frequencies`, which takes their precision.
        """
        return self.frequencies(state, symbols, lanes, MAX_PRECISION)

    def frequencies(
        self,
        state: _core.ModelLanes,
        symbols: NDArray[np.int32],
        lanes: NDArray[np.int64],
        precision: int,
    ) -> NDArray[np.uint32]:
        """Append the symbols, as `step` does, and return frequencies that sum to 2^precision.

        Returns:
            uint32, shape (n, 256).

        Raises:
            ValueError: the precision is not 12 to 24, a symbol is not a byte, or the arrays do not
                have the same length.
        """
        return state.predict(lanes, symbols, precision)

    def reset(self, state: _core.ModelLanes, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``."""
        state.reset(lanes)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle tensors, metadata and ``history``; the native form is rebuilt from them."""
        return _restore, (self.tensors, self.metadata, self.history)


def _restore(
    tensors: dict[str, NDArray[Any]], metadata: dict[str, str], history: bool
) -> NativeModel:
    return NativeModel(tensors, metadata, history=history)


@cache
def load(name: str) -> NativeModel:
    """Return a bundled model, the same object every time.

    Args:
        name: one of `BUNDLED_MODELS`.

    Raises:
        ValueError: there is no bundled model of this name.
    """
    if name not in BUNDLED_MODELS:
        raise ValueError(
            f"expected a bundled model ({', '.join(BUNDLED_MODELS)}), found {name!r}; use "
            "NativeModel.load(...) for a file"
        )
    with as_file(files("eqinfo") / "data" / f"{name}.model.safetensors") as path:
        return NativeModel.load(path)
