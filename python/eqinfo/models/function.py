"""A function from contexts to logits as a model: `FunctionModel`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.integers import check_integers
from eqinfo.frequency import prediction_rows
from eqinfo.models.checked_calls import calling_model
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.protocol import FRESH

LogitsFunction = Callable[[NDArray[np.int32], NDArray[np.int32]], Any]
"""``logits(contexts, lengths)``: int32 (n, L) and int32 (n,) to float32 (n, V), NumPy or DLPack.

Row i of the answer is for what follows the first ``lengths[i]`` symbols of ``contexts[i]``, which
is filled up with zeros. The length is 0 where a window begins.
"""


@dataclass
class FunctionState:
    """The contexts of all lanes; that of lane i is ``contexts[i, :lengths[i]]``."""

    contexts: NDArray[np.int32]
    lengths: NDArray[np.int32]


class FunctionModel:
    """Calls a function with whole contexts at every step.

    Args:
        logits: called as ``logits(contexts, lengths)`` with int32 arrays of shapes (n, L) and (n,):
            ``contexts[i]`` begins with ``lengths[i]`` symbols, and zeros follow. Returns float32
            logits of shape (n, vocab_size), as a NumPy or DLPack array. Its answer for a context
            must be the same whatever the other rows are and however many there are, or decoding
            fails.
        vocab_size: number of symbols in the alphabet.
        context_length: the longest context; of a longer one, the last ``context_length`` symbols
            are passed.
        name: identifies the function in the fingerprint. By default, its answers for fixed contexts
            do (`numeric_fingerprint`).

    Raises:
        TypeError: ``logits`` cannot be called.
        ValueError: ``context_length`` is below 1.
    """

    def __init__(
        self,
        logits: LogitsFunction,
        vocab_size: int = 256,
        context_length: int = 1024,
        name: str | None = None,
    ) -> None:
        if not callable(logits):
            raise TypeError(f"expected a function, found {type(logits).__name__}")
        vocab_size, context_length = check_integers(
            vocab_size=vocab_size, context_length=context_length
        )
        if context_length < 1:
            raise ValueError(f"expected a context_length of 1 or more, found {context_length}")
        self.logits = logits
        self._vocab_size = vocab_size
        self.context_length = context_length
        self.name = name
        self._fingerprint: str | None = None

    def __repr__(self) -> str:
        """Return a short description."""
        name = self.name or getattr(self.logits, "__qualname__", type(self.logits).__name__)
        return (
            f"FunctionModel({name}, vocab_size={self.vocab_size}, "
            f"context_length={self.context_length})"
        )

    @property
    def vocab_size(self) -> int:
        """Number of symbols in the alphabet."""
        return self._vocab_size

    @property
    def fingerprint(self) -> str:
        """The name, or else the numeric fingerprint; computing that calls the function."""
        if self._fingerprint is None:
            self._fingerprint = f"function:{self.name or numeric_fingerprint(self)}"
        return self._fingerprint

    def start(self, batch: int) -> FunctionState:
        """Return a state of ``batch`` empty contexts."""
        return FunctionState(
            np.zeros((batch, min(self.context_length, 64)), np.int32), np.zeros(batch, np.int32)
        )

    def step(
        self, state: FunctionState, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Append the symbols and call the function; see `Model.step`."""
        seen = symbols != FRESH
        self._append(state, symbols[seen], lanes[seen])
        lengths = state.lengths[lanes]
        width = max(1, int(lengths.max(initial=0)))
        return self.logits_at(state.contexts[lanes, :width], lengths)

    def logits_at(self, contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[Any]:
        """Call the function and check its answer; see `ContextModel.logits_at`.

        Raises:
            ModelError: the function raised an exception or answered with a wrong shape, dtype or
                device.
        """
        with calling_model():
            rows = self.logits(contexts, lengths)
        return prediction_rows(rows, len(lengths), self.vocab_size)

    def reset(self, state: FunctionState, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``."""
        state.contexts[lanes] = 0
        state.lengths[lanes] = 0

    def _append(
        self, state: FunctionState, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> None:
        room = state.contexts.shape[1]
        full = lanes[state.lengths[lanes] == room]
        if len(full) and room < self.context_length:
            wider = np.zeros((len(state.contexts), min(2 * room, self.context_length)), np.int32)
            wider[:, :room] = state.contexts
            state.contexts = wider
        elif len(full):
            state.contexts[full, :-1] = state.contexts[full, 1:]
            state.lengths[full] -= 1
        state.contexts[lanes, state.lengths[lanes]] = symbols
        state.lengths[lanes] += 1
