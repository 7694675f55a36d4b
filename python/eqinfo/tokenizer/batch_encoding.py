"""The ``transformers.BatchEncoding`` that calls of a tokenizer return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import BatchEncoding

from tokenizers import Encoding


class NativeBatchEncoding(BatchEncoding):
    """A ``BatchEncoding`` whose ``encodings`` are made when they are first needed.

    ``tokens()``, ``char_to_token()``, ``batch[0]`` and similar calls need them. A copy or pickle
    that is made before then has only the data.

    Args:
        data: lists or arrays by name.
        encodings: makes the encodings of the same call. Whatever decides the result is fixed in
            it, so that later changes of the tokenizer make no difference.
        tensor_type: as for ``BatchEncoding``.
        n_sequences: 2 for pairs of texts.
    """

    _make: Callable[..., list[Encoding]] | None = None
    _arguments: tuple[Any, ...] = ()  # of _make
    _made: Any = None

    def __init__(
        self,
        data: dict[str, Any],
        encodings: Callable[[], list[Encoding]],
        tensor_type: Any = None,
        n_sequences: int | None = 1,
    ) -> None:
        super().__init__(data, tensor_type=tensor_type, n_sequences=n_sequences)
        self._make = encodings

    @classmethod
    def of_lists(
        cls, data: dict[str, Any], encodings: Callable[..., list[Encoding]], *arguments: Any
    ) -> NativeBatchEncoding:
        """Return a batch of lists for single texts, in less time than the constructor takes.

        ``encodings(*arguments)`` makes the encodings.
        """
        batch = cls.__new__(cls)
        batch.data = data
        batch._n_sequences = 1
        batch._make = encodings
        batch._arguments = arguments
        return batch

    @property
    def _encodings(self) -> Any:
        if self._made is None and self._make is not None:
            self._made = self._make(*self._arguments)
        return self._made

    @_encodings.setter
    def _encodings(self, encodings: Any) -> None:
        self._made = encodings

    @property
    def is_fast(self) -> bool:
        """Whether ``encodings`` exist or can be made."""
        return self._made is not None or self._make is not None

    def __getstate__(self) -> dict[str, Any]:
        """Return the data, and the encodings if they have been made."""
        return {"data": self.data, "encodings": self._made}
