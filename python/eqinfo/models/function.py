"""Any function as a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.frequency import prediction_rows
from eqinfo.models.checked_calls import calling_model
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.protocol import FRESH

LogitsFunction = Callable[[NDArray[np.int32], NDArray[np.int32]], Any]
"""``logits(contexts, lengths)``: int32 (B, L) and int32 (B,) to float32 (B, V), NumPy or DLPack."""


@dataclass
class FunctionState:
    """Contexts of all lanes: ``contexts[i, :lengths[i]]`` is what lane i has seen."""

    contexts: NDArray[np.int32]
    lengths: NDArray[np.int32]


class FunctionModel:
    """Calls ``logits(contexts, lengths)`` for every step.

    Args:
        logits: gets int32 ``contexts`` of shape (B, L), left-aligned and filled up with zeros,
            L >= 1, and int32 ``lengths`` of shape (B,), 0 for an empty context; answers float32
            logits (or uint32 frequencies) of shape (B, vocab_size), NumPy or any DLPack array on
            the CPU. It must answer the same for the same context whatever stands in the other rows,
            or decoding fails.
        vocab_size: symbols of the alphabet.
        context_length: a longer context is passed as its last ``context_length`` symbols.
        name: identifies the function in fingerprints; without it, its answers for fixed contexts
            do.
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
        if context_length < 1:
            raise ValueError(f"context_length must be at least 1, found {context_length}")
        self.logits = logits
        self._vocab_size = vocab_size
        self.context_length = context_length
        self.name = name
        self._fingerprint: str | None = None

    @property
    def vocab_size(self) -> int:
        """Symbols of the alphabet."""
        return self._vocab_size

    @property
    def fingerprint(self) -> str:
        """The name, or the numeric fingerprint, which calls the function."""
        if self._fingerprint is None:
            self._fingerprint = f"function:{self.name or numeric_fingerprint(self)}"
        return self._fingerprint

    def start(self, batch: int) -> FunctionState:
        """Return ``batch`` empty contexts."""
        return FunctionState(
            np.zeros((batch, min(self.context_length, 64)), np.int32), np.zeros(batch, np.int32)
        )

    def step(
        self, state: FunctionState, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Append the symbols and call the function."""
        seen = symbols != FRESH
        self._append(state, symbols[seen], lanes[seen])
        lengths = state.lengths[lanes]
        width = max(1, int(lengths.max(initial=0)))
        return self.logits_at(state.contexts[lanes, :width], lengths)

    def logits_at(self, contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[Any]:
        """Call the function for whole contexts and check its answer."""
        with calling_model():
            rows = self.logits(contexts, lengths)
        return prediction_rows(rows, len(lengths), self.vocab_size)

    def reset(self, state: FunctionState, lanes: NDArray[np.int64]) -> None:
        """Empty some contexts."""
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
