"""Parquet files: a column of texts is read, and a column of tokens is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from eqinfo.common.batch import TokenBatch, flat_texts
from eqinfo.common.locations import open_binary
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.shards.bad_input import BadInputError
from eqinfo.shards.documents import READ_BYTES, DocumentRun
from eqinfo.shards.text_field import check_column
from eqinfo.shards.units import FileRange

_MAX_ROWS = 1 << 16
TOKENS = "tokens"


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UnsupportedError(
            "Parquet files need pyarrow, which is not installed: pip install eqinfo[data]"
        ) from None
    return pa, pq


@contextmanager
def _open(path: str) -> Iterator[Any]:
    pa, pq = _pyarrow()
    try:
        # Without pre_buffer, a row group is read page by page and not as a whole.
        with (
            open_binary(path) as stored,
            pq.ParquetFile(stored, pre_buffer=False, buffer_size=1 << 20) as file,
        ):
            yield file
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"{path}: expected a whole Parquet file, found: {error}") from None


def row_group_sizes(path: str, column: str) -> list[int]:
    """Return the uncompressed bytes of a text column in each row group.

    Raises:
        FormatError: the file is truncated or not Parquet, or it does not have one such column of
            text.
        UnsupportedError: pyarrow is not installed.
    """
    with _open(path) as file:
        _check_column(file, path, column)
        return [
            _column_bytes(file.metadata.row_group(group), column)
            for group in range(file.metadata.num_row_groups)
        ]


def _check_column(file: Any, path: str, column: str) -> None:
    pa, _ = _pyarrow()
    schema = file.schema_arrow
    try:
        check_column(schema.names, column)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    kind = schema.field(column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    if not any(test(kind) for test in (*text, *binary)):
        raise FormatError(f"{path}: expected text in column {column!r}, found {kind}")


def _column_bytes(group: Any, column: str) -> int:
    chunks = map(group.column, range(group.num_columns))
    return sum(c.total_uncompressed_size for c in chunks if c.path_in_schema == column)


def read(part: FileRange, column: str, skip: bool = False) -> Iterator[DocumentRun]:
    """Yield the texts of row groups; the ``offset`` of a run is the number of its first row.

    Args:
        part: the row groups to read.
        column: name of the text column.
        skip: whether nulls are left out.

    Raises:
        FormatError: the data are truncated or altered, or there is not one such column of text.
        BadInputError: a text is null, and nulls are not skipped.
    """
    with _open(part.path) as file:
        _check_column(file, part.path, column)
        counts = [file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)]
        row = first_row = sum(counts[: part.begin])
        all_rows = max(1, sum(counts[part.begin : part.end]))
        for group in range(part.begin, len(counts) if part.end is None else part.end):
            # Rows that amount to about READ_BYTES.
            size = _column_bytes(file.metadata.row_group(group), column)
            rows = counts[group] * READ_BYTES // max(1, size)
            batches = file.iter_batches(
                batch_size=min(max(1, rows), _MAX_ROWS), row_groups=[group], columns=[column]
            )
            for batch in batches:
                texts = batch.column(0)
                skipped = null_errors(part, texts, column, row)
                if skipped and not skip:
                    raise skipped[0]
                flat = flat_texts(texts.drop_null() if skipped else texts)
                assert flat is not None
                begin, row = row, row + len(texts)
                consumed = part.stored * (row - first_row) // all_rows
                yield DocumentRun(flat, begin, skipped, partial(int, consumed))


def null_errors(
    part: FileRange, texts: Any, column: str, first_row: int
) -> tuple[BadInputError, ...]:
    """Return what is wrong with the nulls of an Arrow array, whose rows begin at ``first_row``."""
    if not texts.null_count:
        return ()
    rows = np.flatnonzero(texts.is_null().to_numpy(zero_copy_only=False)) + first_row
    what = f"expected text in {column!r}, found null"
    return tuple(BadInputError(part.name, what, row=row) for row in rows.tolist())


class TokenWriter:
    """Writes a Parquet file with one column of token lists and one row per document.

    Args:
        file: is written to, and not closed.
        dtype: dtype of the tokens.
    """

    def __init__(self, file: Any, dtype: np.dtype[Any]) -> None:
        self._pa, pq = _pyarrow()
        token = self._pa.from_numpy_dtype(dtype)
        self._schema = self._pa.schema([(TOKENS, self._pa.list_(token))])
        # Few tokens repeat within a page; a dictionary would cost time and save nothing.
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", use_dictionary=False
        )

    def write(self, batch: TokenBatch) -> None:
        """Add documents as one row group.

        Raises:
            UnsupportedError: the documents have 2^31 tokens or more.
        """
        if len(batch.tokens) >= 1 << 31:
            raise UnsupportedError(
                f"expected fewer than 2^31 tokens in a document for Parquet, found "
                f"{len(batch.tokens)}; use the output format bin, which has no such limit"
            )
        tokens = self._pa.array(batch.tokens)
        offsets = self._pa.array(batch.offsets.astype("int32"))
        column = self._pa.ListArray.from_arrays(offsets, tokens)
        self._writer.write_table(self._pa.Table.from_arrays([column], schema=self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()
