"""The interface of a model (M1): what an object must offer so that codecs can use it.

Any object with the attributes and methods of `Model` will do; it need not inherit from anything.
This one predicts that every symbol is followed by the next::

    class Counter:
        vocab_size = 256
        fingerprint = "counter, version 1"

        def start(self, batch):
            return np.full(batch, -1)  # the last symbol on each lane

        def step(self, state, symbols, lanes):
            seen = symbols != FRESH
            state[lanes[seen]] = symbols[seen]
            logits = np.zeros((len(lanes), 256), np.float32)
            logits[np.arange(len(lanes)), (state[lanes] + 1) % 256] = 10
            return logits

        def reset(self, state, lanes):
            state[lanes] = -1

A function from contexts to logits needs less code; see `FunctionModel`.

Any such model works, but tokens decode later only if it repeats its answers bit for bit: the answer
for a lane must depend on the symbols of that lane's context alone. Decoding may use other lanes,
another number of lanes, and another order than encoding did. See docs/models.md for what makes
floating-point models differ.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FRESH = -1
"""Passed to `Model.step` in place of a symbol for a lane whose context is empty."""


class Model(Protocol):
    """Predicts the next symbol on many lanes; a lane is one context.

    Attributes:
        vocab_size: number of symbols in the alphabet, 2 to 2^18; symbols are 0 to vocab_size - 1.
            A model over bytes has 256.
        fingerprint: a string that differs between models whose answers differ. It is stored in
            files, and identifies the weights and the way they are computed with.
    """

    @property
    def vocab_size(self) -> int: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def start(self, batch: int) -> Any:
        """Return a new state with ``batch`` lanes, numbered from 0, all with empty contexts.

        The state is whatever the model likes; codecs only pass it back.
        """
        ...

    def step(self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]) -> Any:
        """Append one symbol to the context of each of some lanes, and predict what follows.

        Args:
            state: a state that `start` returned; changed in place.
            symbols: shape (n,); symbols[i] is appended to the context of lanes[i]. `FRESH` appends
                nothing; it occurs only on lanes whose context is empty.
            lanes: shape (n,), distinct lanes in any order.

        Returns:
            an array of shape (n, vocab_size) on the CPU, NumPy or any other that supports DLPack;
            row i predicts the next symbol on lanes[i]. Either float32 logits (natural logarithms of
            the probabilities, up to a constant per row), without NaN or +infinity; or uint32
            frequencies of at least 1 whose sum is 2^precision, with the precision of the codec.
        """
        ...

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``, shape (n,); other lanes keep theirs."""
        ...


@runtime_checkable
class ContextModel(Protocol):
    """A model that can also predict what follows whole contexts, without steps.

    With this method, windows that begin alike share predictions (`eqinfo.window.engine`), which
    makes `WindowCodec` faster. Each row of the answer must depend on its own context alone: not on
    the other rows of the call, nor on how many there are.

    Attributes:
        vocab_size: as in `Model`.
        context_length: the longest context that `logits_at` takes. Of a longer context, only the
            last ``context_length`` symbols are passed.
    """

    @property
    def vocab_size(self) -> int: ...  # noqa: D102

    @property
    def context_length(self) -> int: ...  # noqa: D102

    def logits_at(self, contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> Any:
        """Predict what follows each context.

        Args:
            contexts: shape (n, L) with L >= 1; each row begins with its context and is filled up
                with zeros.
            lengths: shape (n,), the number of symbols in each context; 0 for an empty one.

        Returns:
            predictions of shape (n, vocab_size), as `Model.step` returns them.
        """
        ...


@runtime_checkable
class TextModel(Protocol):
    """A model over symbols other than bytes that can convert text to them and back.

    With these methods, codecs take text and not only symbols. `detokenize` must reverse `tokenize`.
    It must also map concatenated symbols to the concatenation of their bytes, so that each window
    decodes on its own.
    """

    def tokenize(self, data: bytes) -> NDArray[np.int32]:
        """Return the symbols that stand for ``data``, which may be any bytes.

        Raises:
            ValueError: no sequence of symbols stands for these bytes.
        """
        ...

    def detokenize(self, symbols: NDArray[np.int32]) -> bytes:
        """Return the bytes that the symbols stand for.

        Raises:
            FormatError: a symbol stands for no bytes.
        """
        ...
