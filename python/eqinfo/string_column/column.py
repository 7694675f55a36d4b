"""Columns of many short strings as ids of a codebook, with random access by row.

A row is the greedy parse of its own string. So equal strings have equal ids, and rows are compared
with a string by their ids, without decoding. ``csrc/string_column.h`` describes the memory layout
and the search for prefixes; `eqinfo.reference.string_column` defines both in plain Python.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codebook.table import Codebook, Ids, bundled_name, codebook_of
from eqinfo.common.arrow import ArrowRows, from_arrow, is_arrow, to_arrow
from eqinfo.common.batch import Offsets, TextBatch, TokenBatch, flat_texts, refuse_single
from eqinfo.common.counts import counted
from eqinfo.common.files import atomic_output
from eqinfo.common.text import Text, to_bytes, to_text
from eqinfo.errors import FormatError
from eqinfo.string_column import file
from eqinfo.string_column.file import Kind

Row: TypeAlias = str | bytes | None
Values: TypeAlias = Iterable[Row] | TextBatch | tuple[Any, Offsets] | Any
"""Strings, flat arrays of strings, or Arrow data; see `StringColumn`."""

DEFAULT_COLUMN_CODEBOOK = "en-dense"
_GROUP_ROWS = 4096  # rows decoded at a time by `StringColumn.__iter__`


class StringColumn:
    """An immutable column of strings or bytes, stored as ids of a codebook.

    ``column[i]`` decodes one row, and ``column[i:j]`` is a view. ``column == value`` and
    ``column.starts_with(prefix)`` return arrays of bool and decode nothing. Threads may share a
    column.

    Examples:
        >>> import eqinfo
        >>> column = eqinfo.StringColumn(["the best of times", "the worst of times", None])
        >>> column[1]
        'the worst of times'
        >>> column.starts_with("the b")
        array([ True, False, False])
        >>> column == "the worst of times"
        array([False,  True, False])

    Args:
        values: an iterable of str or of bytes (not both), with None, NaN or pandas.NA for nulls; or
            Arrow strings or binary of any type (pyarrow, polars, ...), categoricals included; or a
            `TextBatch`, whose rows are str; or a pair of bytes-like data and int64 offsets, where
            row i is data[offsets[i] : offsets[i + 1]].
        codebook: a codebook, or the name of a bundled one.
        num_threads: threads for encoding, 1 to 256; the column does not depend on it.

    Raises:
        TypeError: a value that is neither str, bytes nor null; both str and bytes; or an Arrow
            array of another type.
        ValueError: a lone surrogate in a str, invalid offsets, or a parameter out of range.
        UnsupportedError: Arrow data, but pyarrow is not installed.
    """

    __slots__ = ("_codebook", "_count", "_first", "_flat", "_kind", "_rows", "_valid")
    __array_ufunc__ = None  # array == column raises instead of comparing element by element

    def __init__(
        self,
        values: Values,
        codebook: Codebook | str = DEFAULT_COLUMN_CODEBOOK,
        *,
        num_threads: int = 1,
    ) -> None:
        codebook = codebook_of(codebook)
        texts, valid, kind = _collected(values)
        batch = codebook.encode_batch(texts, num_threads=num_threads)
        self._set(codebook, _flat_rows(batch), valid, kind)

    @classmethod
    def fit(
        cls,
        values: Values,
        window_bits: int = 16,
        *,
        max_length: int = 32,
        num_threads: int = 1,
    ) -> StringColumn:
        """Encode strings with a codebook that is fitted to them.

        The codebook takes a few bytes for each of its 2^window_bits strings. That pays off for long
        columns whose strings differ from the text that the bundled codebooks were made from.

        Args:
            values: as for `StringColumn`.
            window_bits: as for `Codebook.fit`.
            max_length: as for `Codebook.fit`.
            num_threads: threads for fitting and encoding; the column does not depend on it.

        Raises:
            TypeError, ValueError, UnsupportedError: as `StringColumn` and `Codebook.fit`.
        """
        texts, valid, kind = _collected(values)
        documents = texts.iter_bytes() if isinstance(texts, TextBatch) else texts
        codebook = Codebook.fit(
            documents, window_bits, max_length=max_length, num_threads=num_threads
        )
        batch = codebook.encode_batch(texts, num_threads=num_threads)
        return cls._of(codebook, _flat_rows(batch), valid, kind)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> StringColumn:
        """Read what `save` wrote.

        Raises:
            FormatError: truncated, or not a column file.
            ChecksumError: the file has been altered.
            ModelMismatchError: its codebook is a bundled one of another version of the package.
            NewerVersionError: a later version of the format.
            OSError: the file cannot be read.
        """
        return cls.from_bytes(file.KIND.read(path), path)

    @classmethod
    def from_bytes(cls, data: bytes, path: str | os.PathLike[str] = "column") -> StringColumn:
        """Return the column in a file's bytes; ``path`` is for messages. Raises as `load`."""
        parts = file.from_bytes(data, path)
        try:
            return cls._of(*parts)
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None

    def to_bytes(self) -> bytes:
        """Return the bytes of the file that `save` writes."""
        return file.to_bytes(self._codebook, self._own_rows(), self._own_valid(), self._kind)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, atomically; it includes the codebook unless that is bundled.

        Raises:
            OSError: the file cannot be written; an existing one is left as it was.
        """
        data = self.to_bytes()
        with atomic_output(path) as output:
            output.write(data)

    @property
    def codebook(self) -> Codebook:
        """The codebook of the ids."""
        return self._codebook

    @property
    def kind(self) -> Kind:
        """ "str" or "bytes": the type of the rows."""
        return self._kind

    @property
    def ids(self) -> Ids:
        """The ids of all rows, concatenated: the codebook's dtype, shape (n,), read-only."""
        offsets = self._rows.offsets(self._first, self._count)
        return self._flat.ids[offsets[0] : offsets[-1]]

    @property
    def offsets(self) -> Offsets:
        """int64, shape (rows + 1,): row i is ids[offsets[i] : offsets[i + 1]]."""
        offsets = self._rows.offsets(self._first, self._count)
        offsets -= offsets[0]
        return offsets

    @property
    def null_count(self) -> int:
        """Number of nulls."""
        valid = self._own_valid()
        return 0 if valid is None else self._count - int(valid.sum())

    @property
    def nbytes(self) -> int:
        """Bytes of memory for ids, offsets and nulls of these rows, without the codebook."""
        flat = self._own_rows()
        valid = self._own_valid()
        arrays = (*flat, np.empty(0) if valid is None else valid)
        return sum(array.nbytes for array in arrays)

    def is_null(self) -> NDArray[np.bool_]:
        """Return which rows are null: bool, shape (rows,)."""
        valid = self._own_valid()
        return np.zeros(self._count, np.bool_) if valid is None else ~valid

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> StringColumn: ...
    def __getitem__(self, index: int | slice) -> Row | StringColumn:
        """Return a decoded row, or a view of consecutive rows.

        Raises:
            IndexError: no such row; negative indices count from the end.
            TypeError: neither an integer nor a slice; use `take` for several rows.
            ValueError: a slice with a step other than 1; use `take`.
            FormatError: a str row that is not UTF-8.
        """
        if isinstance(index, slice):
            begin, end, step = index.indices(self._count)
            if step != 1:
                raise ValueError(f"expected a slice of step 1, found {step}; use take")
            return self._view(begin, max(begin, end) - begin)
        try:
            row = operator.index(index)
        except TypeError:
            raise TypeError(
                f"expected a row's number or a slice, found {type(index).__name__}"
                + ("" if isinstance(index, str | float) else "; use take for several rows")
            ) from None
        row += self._count if row < 0 else 0
        if not 0 <= row < self._count:
            raise IndexError(
                f"expected a row of {-self._count} to {self._count - 1}, found {index}"
            )
        row += self._first
        if self._valid is not None and not self._valid[row]:
            return None
        data = self._rows.row(row)
        return to_text(data) if self._kind == "str" else data

    def __iter__(self) -> Iterator[Row]:
        """Yield every row; some thousand rows are decoded at a time."""
        for first in range(0, self._count, _GROUP_ROWS):
            yield from self[first : first + _GROUP_ROWS].to_list()

    def to_list(self, *, num_threads: int = 1) -> list[Row]:
        """Return all rows, decoded: str or bytes, and None for nulls."""
        return _row_list(self._decoded(num_threads))

    def take(self, rows: NDArray[np.integer[Any]] | Sequence[int]) -> list[Row]:
        """Return the rows of some indices, decoded together.

        Args:
            rows: integers, shape (n,); negative ones count from the end.

        Raises:
            TypeError: not integers, or of another shape.
            IndexError: no such row; names the first.
            FormatError: a str row that is not UTF-8.
        """
        wanted = np.asarray(rows)
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            mask = "; numpy.flatnonzero makes rows of a mask" if wanted.dtype == np.bool_ else ""
            raise TypeError(
                f"expected integer rows of shape (n,), found {wanted.dtype} of shape "
                f"{wanted.shape}{mask}"
            )
        bad = np.flatnonzero((wanted < -self._count) | (wanted >= self._count))
        if len(bad):
            raise IndexError(
                f"index {bad[0]}: expected a row of {-self._count} to {self._count - 1}, "
                f"found {wanted[bad[0]]}"
            )
        wanted = wanted.astype(np.int64)
        wanted += np.where(wanted < 0, self._count, 0) + self._first
        ids, offsets = self._rows.gather(wanted)
        batch = self._codebook.decode_batch(TokenBatch(ids, offsets))
        valid = None if self._valid is None else self._valid[wanted]
        return _row_list(ArrowRows(batch.data, batch.offsets, valid, self._kind == "str"))

    def to_arrow(self, *, num_threads: int = 1) -> Any:
        """Return a pyarrow array of string or binary, with nulls; large types from 2^31 bytes on.

        Raises:
            UnsupportedError: pyarrow is not installed.
        """
        return to_arrow(self._decoded(num_threads))

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        """Export the rows by the Arrow PyCapsule interface."""
        return self.to_arrow().__arrow_c_array__(requested_schema)

    def __eq__(self, value: object) -> NDArray[np.bool_]:  # type: ignore[override]
        """Return which rows equal a string or bytes: bool, shape (rows,), False for nulls.

        Raises:
            TypeError: neither str nor bytes; use `equals` to compare columns.
            ValueError: a lone surrogate in a str.
        """
        ids = self._codebook.encode(to_bytes(value))  # type: ignore[arg-type]
        return self._where_valid(self._rows.equal(self._first, self._count, ids))

    def __ne__(self, value: object) -> NDArray[np.bool_]:  # type: ignore[override]
        """Return which rows differ from a string: False for nulls. Raises as ``==``."""
        return self._where_valid(~(self == value))

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, value: Text) -> bool:
        """Return whether any row equals a string; raises as ``==``."""
        return bool((self == value).any())

    def starts_with(self, prefix: Text) -> NDArray[np.bool_]:
        """Return which rows begin with a string or bytes: bool, shape (rows,), False for nulls.

        Raises:
            TypeError: neither str nor bytes.
            ValueError: a lone surrogate in a str.
        """
        found = self._rows.starts_with(self._first, self._count, to_bytes(prefix))
        return self._where_valid(found)

    def equals(self, other: object) -> bool:
        """Return whether both are columns with the same kind and rows; a null equals a null."""
        if not isinstance(other, StringColumn):
            return False
        if self._kind != other._kind or self._count != other._count:
            return False
        if self._codebook != other._codebook:
            return self.to_list() == other.to_list()
        return (
            np.array_equal(self.is_null(), other.is_null())
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.ids, other.ids)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle these rows, with the codebook or the name of a bundled one."""
        codebook = bundled_name(self._codebook) or self._codebook
        return _restored, (codebook, self._own_rows(), self._own_valid(), self._kind)

    def __repr__(self) -> str:
        """Return a short description."""
        return (
            f"StringColumn({counted(self._count, 'row')} of {self._kind}, {self.null_count} null, "
            f"{counted(self.nbytes, 'byte')}, codebook {self._codebook.fingerprint!r})"
        )

    @classmethod
    def _of(
        cls,
        codebook: Codebook,
        flat: file.FlatRows,
        valid: NDArray[np.bool_] | None,
        kind: Kind,
    ) -> StringColumn:
        column = cls.__new__(cls)
        column._set(codebook, flat, valid, kind)
        return column

    def _set(
        self,
        codebook: Codebook,
        flat: file.FlatRows,
        valid: NDArray[np.bool_] | None,
        kind: Kind,
    ) -> None:
        for array in (*flat, valid):
            if array is not None:
                array.setflags(write=False)
        self._codebook = codebook
        self._flat = flat
        self._valid = valid
        self._kind = kind
        self._rows = _core.StringColumn(codebook._native, *flat)
        self._first = 0
        self._count = len(flat.steps) - 1

    def _view(self, first: int, count: int) -> StringColumn:
        column = self.__class__.__new__(self.__class__)
        for name in self.__slots__:
            setattr(column, name, getattr(self, name))
        column._first += first
        column._count = count
        return column

    def _own_rows(self) -> file.FlatRows:
        """Return only these rows; if the column is not a view, its own arrays."""
        if self._count == len(self._flat.steps) - 1:
            return self._flat
        return _flat_rows(TokenBatch(self.ids, self.offsets))

    def _own_valid(self) -> NDArray[np.bool_] | None:
        return None if self._valid is None else self._valid[self._first :][: self._count]

    def _where_valid(self, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        valid = self._own_valid()
        if valid is not None:
            found &= valid
        return found

    def _decoded(self, num_threads: int) -> ArrowRows:
        batch = self._codebook.decode_batch(
            TokenBatch(self._flat.ids, self._rows.offsets(self._first, self._count)),
            num_threads=num_threads,
        )
        return ArrowRows(batch.data, batch.offsets, self._own_valid(), self._kind == "str")


def _collected(values: Values) -> tuple[Any, NDArray[np.bool_] | None, Kind]:
    """Return texts for `Codebook.encode_batch`, which rows are valid (None: all), and the kind."""
    if is_arrow(values):
        rows = from_arrow(values)
        kind: Kind = "str" if rows.text else "bytes"
        return TextBatch(rows.data, rows.offsets), rows.valid, kind
    refuse_single(values, "string")
    flat = flat_texts(values)
    if flat is not None:
        return flat, None, "str" if isinstance(values, TextBatch) else "bytes"
    texts = [None if _is_missing(text) else text for text in values]
    types = {str if isinstance(text, str) else bytes for text in texts if text is not None}
    if len(types) > 1:
        row = next(i for i, text in enumerate(texts) if not isinstance(text, str | None))
        if not isinstance(texts[row], bytes | bytearray | memoryview):
            raise TypeError(
                f"expected str, bytes or null, found {type(texts[row]).__name__} in row {row}"
            )
        raise TypeError(f"expected all str or all bytes, found both; the first bytes in row {row}")
    kind = "bytes" if types == {bytes} else "str"
    valid = None
    if any(text is None for text in texts):
        valid = np.array([text is not None for text in texts])
        texts = [b"" if text is None else text for text in texts]
    return texts, valid, kind


def _is_missing(value: object) -> bool:
    """Return whether a value marks a null: None, NaN, or what pandas has for it (NA, NaT)."""
    if value is None or isinstance(value, str | bytes):
        return value is None
    if isinstance(value, float):  # NumPy's float64 is a float
        return math.isnan(value)
    kind = type(value)
    return kind.__module__.startswith("pandas.") and kind.__name__ in ("NAType", "NaTType")


def _flat_rows(batch: TokenBatch) -> file.FlatRows:
    """Return rows whose steps have the narrowest dtype."""
    bases = np.ascontiguousarray(batch.offsets[:: _core.ROWS_PER_BASE])
    steps = batch.offsets - np.repeat(bases, _core.ROWS_PER_BASE)[: len(batch.offsets)]
    largest = int(steps.max())
    if largest >= 1 << 32:
        raise ValueError(
            f"expected fewer than 2^32 ids in {_core.ROWS_PER_BASE} consecutive rows, "
            f"found {largest}"
        )
    return file.FlatRows(
        np.ascontiguousarray(batch.tokens), bases, steps.astype(np.min_scalar_type(largest))
    )


def _row_list(rows: ArrowRows) -> list[Row]:
    valid = None if rows.valid is None else np.ascontiguousarray(rows.valid)
    return _core.string_list(rows.data, rows.offsets, valid, rows.text)


def _restored(
    codebook: Codebook | str,
    flat: file.FlatRows,
    valid: NDArray[np.bool_] | None,
    kind: Kind,
) -> StringColumn:
    if isinstance(codebook, str):
        codebook = Codebook.bundled(codebook)
    return StringColumn._of(codebook, flat, valid, kind)
