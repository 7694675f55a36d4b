"""Many documents in flat arrays, with no Python object per document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.arrow import ArrowRows, from_arrow, is_arrow
from eqinfo.common.counts import counted
from eqinfo.common.integers import check_integers
from eqinfo.common.text import Text, to_bytes, to_text
from eqinfo.common.tokens import AnyTokens, as_unsigned, wrong_dtype

TokenArray: TypeAlias = NDArray[np.unsignedinteger[Any]]
Offsets: TypeAlias = NDArray[np.int64]


class TokenDocuments(Sequence[TokenArray]):
    """A sequence of documents of tokens, which are compared as a whole."""

    __slots__ = ()

    # Arrays compare element by element, so what `Sequence` has would compare no documents.

    def __contains__(self, tokens: object) -> bool:
        """Whether a document has just these tokens; all documents before it are compared."""
        return any(_same(document, tokens) for document in self)

    def index(self, tokens: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the number of the first document that has just these tokens, as a list does.

        Raises:
            ValueError: there is none.
        """
        for number in range(*slice(start, stop).indices(len(self))):
            if _same(self[number], tokens):
                return number
        raise ValueError("expected a document of these tokens, found none")

    def count(self, tokens: Any) -> int:
        """Return how many documents have just these tokens."""
        return sum(_same(document, tokens) for document in self)


def _same(document: TokenArray, tokens: Any) -> bool:
    return np.array_equal(document, tokens)


class TokenBatch(TokenDocuments):
    """The tokens of many documents in one array; a sequence of arrays, which are views.

    Attributes:
        tokens: uint16 (uint32 for codebooks of more than 16 bits), shape (n,), the concatenated
            documents.
        offsets: int64, shape (documents + 1,): document i is tokens[offsets[i] : offsets[i + 1]].

    Raises:
        TypeError: tokens that are not unsigned integers of shape (n,), or offsets that are not
            int64 of shape (documents + 1,).
        ValueError: offsets that decrease, or lie outside the tokens.
    """

    __slots__ = ("offsets", "tokens")

    def __init__(self, tokens: TokenArray, offsets: Offsets) -> None:
        tokens = np.asarray(tokens)
        if tokens.dtype.kind != "u" or tokens.ndim != 1:
            raise TypeError(
                f"expected unsigned tokens of shape (n,), found {tokens.dtype} of shape "
                f"{tokens.shape}"
            )
        self.tokens = tokens
        self.offsets = check_offsets(offsets, len(tokens))

    @classmethod
    def concatenate(
        cls, documents: Iterable[AnyTokens], dtype: np.dtype[Any], count: int
    ) -> TokenBatch:
        """Concatenate arrays or lists of tokens below ``count``.

        A `TokenBatch` is returned as it is.

        Raises:
            TypeError, ValueError: as `as_unsigned`, for the first bad document.
        """
        if isinstance(documents, cls):
            if documents.tokens.dtype != dtype:
                raise TypeError(wrong_dtype(documents.tokens.dtype, dtype, "token"))
            return documents
        documents = several_documents(documents)
        arrays = [as_unsigned(document, dtype, count, "token") for document in documents]
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(array) for array in arrays], out=offsets[1:])
        return cls(np.concatenate([np.empty(0, dtype), *arrays]), offsets)

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> TokenArray: ...
    @overload
    def __getitem__(self, index: slice) -> TokenBatch: ...
    def __getitem__(self, index: int | slice) -> TokenArray | TokenBatch:
        """Return the tokens of a document, or consecutive documents; both are views.

        Raises:
            IndexError: no such document; negative indices count from the end.
            ValueError: a slice with a step other than 1.
        """
        if isinstance(index, slice):
            return TokenBatch(self.tokens, _slice_offsets(self.offsets, index))
        begin, end = document_bounds(self.offsets, index)
        return self.tokens[begin:end]

    def __repr__(self) -> str:
        """Return a short description."""
        tokens = int(self.offsets[-1] - self.offsets[0])
        return f"TokenBatch({counted(len(self), 'document')}, {counted(tokens, 'token')})"


class TextBatch(Sequence[str]):
    """The bytes of many documents in one array; a sequence of str.

    Attributes:
        data: uint8, shape (n,), the concatenated documents.
        offsets: int64, shape (documents + 1,): document i is data[offsets[i] : offsets[i + 1]].

    Raises:
        TypeError: data that is not uint8 of shape (n,), or offsets that are not int64 of shape
            (documents + 1,).
        ValueError: offsets that decrease, or lie outside the data.
    """

    __slots__ = ("data", "offsets")

    def __init__(self, data: NDArray[np.uint8], offsets: Offsets) -> None:
        data = np.asarray(data)
        if data.dtype != np.uint8 or data.ndim != 1:
            raise TypeError(
                f"expected uint8 data of shape (n,), found {data.dtype} of shape {data.shape}"
            )
        self.data = data
        self.offsets = check_offsets(offsets, len(data))

    @classmethod
    def concatenate(cls, documents: Iterable[Text]) -> TextBatch:
        """Concatenate the bytes of texts; a str is encoded as UTF-8. Raises as `to_bytes`."""
        parts = [d if type(d) is bytes else to_bytes(d) for d in documents]
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=offsets[1:])
        return cls(np.frombuffer(b"".join(parts), np.uint8), offsets)

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> TextBatch: ...
    def __getitem__(self, index: int | slice) -> str | TextBatch:
        """Return the text of a document, or a view of consecutive documents.

        Raises:
            FormatError: a document that is not UTF-8; use `bytes_at`.
            IndexError: no such document; negative indices count from the end.
            ValueError: a slice with a step other than 1.
        """
        if isinstance(index, slice):
            return TextBatch(self.data, _slice_offsets(self.offsets, index))
        return to_text(self.bytes_at(index))

    def bytes_at(self, index: int) -> bytes:
        """Return the bytes of a document; raises IndexError if there is no such document."""
        begin, end = document_bounds(self.offsets, index)
        return self.data[begin:end].tobytes()

    def iter_bytes(self) -> Iterator[bytes]:
        """Yield the bytes of every document."""
        return map(self.bytes_at, range(len(self)))

    def __repr__(self) -> str:
        """Return a short description."""
        size = int(self.offsets[-1] - self.offsets[0])
        return f"TextBatch({counted(len(self), 'document')}, {counted(size, 'byte')})"


def several_documents(documents: Iterable[Any], noun: str = "token") -> Iterable[Any]:
    """Return documents of integers, or raise TypeError if they are the integers of a single one.

    Args:
        documents: what was given.
        noun: what an integer is called.
    """
    require_iterable(documents, "documents")
    first = None
    if isinstance(documents, np.ndarray):
        first = documents.dtype.type(0) if documents.ndim == 1 else None
    elif isinstance(documents, list | tuple | bytes | bytearray) and documents:
        first = documents[0]
    if isinstance(first, int | np.integer):
        advice = "use decode for a single document, or put it into a list"
        raise TypeError(
            f"expected the {noun}s of several documents, found one {type(documents).__name__} of "
            f"integers; {advice if noun == 'token' else 'put it into a list'}"
        )
    return documents


Documents: TypeAlias = Iterable[Text] | TextBatch | tuple[Any, Offsets] | Any
"""Texts, flat arrays of texts, or Arrow data; see `flat_texts`."""


def flat_texts(texts: object) -> TextBatch | None:
    """Return flat arrays of texts as a `TextBatch`, without copying their bytes.

    Args:
        texts: a `TextBatch`, a pair of bytes-like data and int64 offsets, or strings or binary with
            an Arrow interface (pyarrow arrays and chunked arrays, polars series, ...) in any type
            that `from_arrow` takes.

    Returns:
        None for anything else, such as a list of texts.

    Raises:
        TypeError: a single text, an Arrow array of another type, or offsets of another dtype or
            shape.
        ValueError: a null, or offsets that decrease or lie outside the data.
        UnsupportedError: Arrow data, but pyarrow is not installed.
    """
    if isinstance(texts, TextBatch):
        return texts
    refuse_single(texts, "text", "encode")
    if isinstance(texts, tuple) and len(texts) == 2 and isinstance(texts[1], np.ndarray):
        return TextBatch(np.frombuffer(texts[0], np.uint8), texts[1])
    if is_arrow(texts):
        return _without_nulls(from_arrow(texts))
    require_iterable(texts, "texts")
    return None


def refuse_single(documents: object, noun: str, function: str | None = None) -> None:
    """Raise TypeError if a single text or its bytes are given in the place of several.

    They can be iterated over, but their items are no documents.

    Args:
        documents: what was given.
        noun: what a document is called.
        function: what takes a single one, if something does.
    """
    if isinstance(documents, Text):
        refused_single(documents, noun, function)


def refused_single(documents: object, noun: str, function: str | None = None) -> NoReturn:
    """Raise the error of `refuse_single`."""
    advice = f"use {function} for a single {noun}, or put it into a list"
    raise TypeError(
        f"expected several {noun}s, found one {type(documents).__name__}; "
        f"{'put it into a list' if function is None else advice}"
    )


def require_iterable(documents: object, nouns: str) -> None:
    """Raise TypeError if an object cannot be iterated over."""
    try:
        iter(documents)  # type: ignore[call-overload]  # that is what this finds out
    except TypeError:
        raise TypeError(
            f"expected an iterable of {nouns}, found {type(documents).__name__}"
        ) from None


@contextmanager
def numbered_text(texts: object) -> Iterator[None]:
    """Say in an error which of several texts is the first that `to_bytes` refuses.

    Args:
        texts: those that are read. Nothing is said if they are not a sequence, which alone can be
            read again.
    """
    try:
        yield
    except (TypeError, ValueError):
        if isinstance(texts, Sequence | np.ndarray):
            for number, text in enumerate(texts):
                try:
                    to_bytes(text)
                except (TypeError, ValueError) as error:  # noqa: PERF203 - after an error
                    raise type(error)(f"text {number}: {error}") from None
        raise


def refuse_several(text: object) -> None:
    """Raise TypeError if several texts are given in the place of a single one."""
    if isinstance(text, Iterable) and not isinstance(text, Text):
        raise TypeError(
            f"expected str or bytes, found {type(text).__name__}; use encode_batch for several "
            "texts"
        ) from None


def _without_nulls(rows: ArrowRows) -> TextBatch:
    if rows.valid is not None:
        row = int(np.flatnonzero(~rows.valid)[0])
        raise ValueError(f"expected no nulls, found one in row {row}")
    return TextBatch(rows.data, rows.offsets)


def check_offsets(offsets: Offsets, size: int) -> Offsets:
    """Return ``offsets``, or raise as `TokenBatch`; ``size`` is the length of its data."""
    offsets = np.asarray(offsets)
    if offsets.dtype != np.int64 or offsets.ndim != 1 or len(offsets) == 0:
        raise TypeError(
            f"expected int64 offsets of shape (documents + 1,), found {offsets.dtype} of shape "
            f"{offsets.shape}"
        )
    falls = np.flatnonzero(offsets[1:] < offsets[:-1])
    if len(falls):
        raise ValueError(
            f"expected offsets that do not decrease, found {offsets[falls[0]]} before "
            f"{offsets[falls[0] + 1]} at document {falls[0]}"
        )
    if offsets[0] < 0 or offsets[-1] > size:
        raise ValueError(
            f"expected offsets within 0 to {size}, found {offsets[0]} to {offsets[-1]}"
        )
    return offsets


def document_bounds(offsets: Offsets, index: int) -> tuple[int, int]:
    """Return where document ``index`` begins and ends; negative indices count from the end.

    Raises:
        IndexError: no such document.
    """
    (index,) = check_integers(document=index)
    count = len(offsets) - 1
    if not -count <= index < count:
        some = f"a document of {-count} to {count - 1}" if count else "a batch with documents"
        raise IndexError(f"expected {some}, found {index}")
    index %= count
    return int(offsets[index]), int(offsets[index + 1])


def _slice_offsets(offsets: Offsets, index: slice) -> Offsets:
    begin, end, step = index.indices(len(offsets) - 1)
    if step != 1:
        raise ValueError(f"expected a slice of step 1, found {step}")
    return offsets[begin : max(begin, end) + 1]
