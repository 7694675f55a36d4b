"""The native model: a small byte-level neural M1 that runs in integers, the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.text import Text, to_bytes
from eqinfo.errors import FormatError
from eqinfo.frequency import MAX_PRECISION
from eqinfo.models import native_file

BUNDLED_MODELS = ("en",)


class NativeModel:
    """Predicts bytes by hashed contexts, a gated average of them over time, and one hidden layer.

    Weights have 4 and 8 bits, sums 32; logits are integers in 1024ths of an octave, so the
    frequencies do not depend on machine, batch, threads or instruction set (docs/models.md). It
    keeps no state of its own: threads may share it.

    Args:
        tensors: what `native_file.TENSORS` lists, with the shapes of csrc/native_model.h.
        metadata: kept in the file; "name" and what made the weights.
        history: whether the model also looks for what followed the same bytes earlier in the text
            (the last 64 KiB). It predicts long texts better and takes 130 KiB a lane, half a KiB
            without. The answers differ, and so does the fingerprint.

    Raises:
        ValueError: tensors of other names, dtypes, shapes or ranges.
    """

    def __init__(
        self,
        tensors: native_file.Tensors,
        metadata: Mapping[str, str] | None = None,
        *,
        history: bool = True,
    ) -> None:
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
        self.predictor = _core.NativeModel(self._weights, history)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NativeModel:
        """Read a file that `save` wrote.

        Raises:
            FormatError: truncated, not such a file, or with weights out of range.
            ChecksumError: altered.
            UnsupportedError: another version or architecture.
        """
        return cls.from_bytes(native_file.read(path), path)

    @classmethod
    def from_bytes(cls, data: bytes, path: str | os.PathLike[str] = "model") -> NativeModel:
        """Return the model of a file's content; ``path`` is for messages. Raises as `load`."""
        tensors, metadata = native_file.from_bytes(data, path)
        try:
            return cls(tensors, metadata)
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights and metadata, atomically."""
        native_file.write(path, self.tensors, self.metadata)

    def without_history(self) -> NativeModel:
        """Return the same model without ``history``: what windows begin with."""
        if not self.history:
            return self
        model = object.__new__(NativeModel)
        model._share(self._weights, self.tensors, self.metadata)
        model._fingerprint = self._fingerprint
        model._use(False)
        return model

    @property
    def vocab_size(self) -> int:
        """256: bytes."""
        return 256

    @property
    def fingerprint(self) -> str:
        """Identifies weights and arithmetic."""
        return f"native:{self._fingerprint}:{'history' if self.history else 'window'}"

    @property
    def context_bytes(self) -> int:
        """Memory of one lane, in bytes."""
        return self.predictor.context_bytes

    def logits(self, text: Text) -> NDArray[np.int32]:
        """Return what the model answers behind every prefix, by its plain definition.

        Returns:
            shape (n + 1, 256) for n bytes, the empty prefix first: log2 of the odds, in 1024ths.
        """
        return self.predictor.define(np.frombuffer(to_bytes(text), np.uint8))

    def start(self, batch: int) -> _core.ModelLanes:
        """Return empty contexts."""
        return _core.ModelLanes(self.predictor, batch)

    def step(
        self, state: _core.ModelLanes, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        """Return frequencies of 24 bits; coders ask for theirs by ``frequencies``."""
        return self.frequencies(state, symbols, lanes, MAX_PRECISION)

    def frequencies(
        self,
        state: _core.ModelLanes,
        symbols: NDArray[np.int32],
        lanes: NDArray[np.int64],
        precision: int,
    ) -> NDArray[np.uint32]:
        """Do a `step` and return frequencies of ``precision`` bits."""
        return state.predict(lanes, symbols, precision)

    def reset(self, state: _core.ModelLanes, lanes: NDArray[np.int64]) -> None:
        """Empty some contexts."""
        state.reset(lanes)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the tensors."""
        return _restore, (self.tensors, self.metadata, self.history)


def _restore(
    tensors: dict[str, NDArray[Any]], metadata: dict[str, str], history: bool
) -> NativeModel:
    return NativeModel(tensors, metadata, history=history)


@cache
def load(name: str) -> NativeModel:
    """Return a bundled model; the same object every time.

    Raises:
        ValueError: no such model.
    """
    if name not in BUNDLED_MODELS:
        raise ValueError(f"expected a bundled model ({', '.join(BUNDLED_MODELS)}), found {name!r}")
    with as_file(files("eqinfo") / "data" / f"{name}.model.safetensors") as path:
        return NativeModel.load(path)
