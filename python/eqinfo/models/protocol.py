"""What a model (M1) is to the coders."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FRESH = -1
"""The symbol that a lane passes to `Model.step` when it has seen none since `start` or `reset`."""


class Model(Protocol):
    """Predicts the next symbol on many lanes, each with its own context.

    Attributes:
        vocab_size: symbols of the alphabet, 2 to 2^18; 256 for bytes.
        fingerprint: identifies weights and arithmetic.
    """

    @property
    def vocab_size(self) -> int: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def start(self, batch: int) -> Any:
        """Return a state with ``batch`` lanes, all with empty contexts."""
        ...

    def step(self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]) -> Any:
        """Append one symbol to the context of some lanes and predict their next ones.

        Args:
            state: what `start` returned; changed in place.
            symbols: shape (n,), what each lane has just seen, or `FRESH` on a lane with an empty
                context, which then only predicts.
            lanes: shape (n,), distinct.

        Returns:
            float32 logits or uint32 frequencies (at the precision of the codec), of shape
            (n, vocab_size); NumPy or any DLPack array on the CPU.
        """
        ...

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``."""
        ...


@runtime_checkable
class ContextModel(Protocol):
    """A model that also predicts behind whole contexts, without steps.

    Its answer must depend on the context alone: not on other rows of the same call, nor on how many
    there are. Then windows that begin alike share its answers (`eqinfo.window.engine`).

    Attributes:
        vocab_size: as in `Model`.
        context_length: of a longer context only the last ``context_length`` symbols are passed.
    """

    @property
    def vocab_size(self) -> int: ...  # noqa: D102

    @property
    def context_length(self) -> int: ...  # noqa: D102

    def logits_at(self, contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> Any:
        """Predict what follows each context.

        Args:
            contexts: shape (n, L), L >= 1, left-aligned and filled up with zeros.
            lengths: shape (n,), symbols of each context; 0 for an empty one.

        Returns:
            as `Model.step`.
        """
        ...


@runtime_checkable
class TextModel(Protocol):
    """What a model over other symbols than bytes offers beside `Model`, so that codecs take text.

    `detokenize` must be the reverse of `tokenize`, and give joined ids the joined bytes, so that
    windows decode on their own.
    """

    def tokenize(self, data: bytes) -> NDArray[np.int32]:
        """Return the symbols of any bytes.

        Raises:
            ValueError: bytes that the symbols cannot say.
        """
        ...

    def detokenize(self, symbols: NDArray[np.int32]) -> bytes:
        """Return the bytes of any symbols.

        Raises:
            FormatError: a symbol that means no bytes.
        """
        ...
