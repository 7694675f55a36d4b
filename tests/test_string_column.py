"""String columns: rows make the round trip, and comparing ids compares the strings."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import codebook_cases as cases
import eqinfo._core as _core
from eqinfo import StringColumn
from eqinfo.codebook import Codebook
from eqinfo.common.batch import TextBatch, TokenBatch
from eqinfo.errors import (
    ChecksumError,
    EqInfoError,
    FormatError,
    ModelMismatchError,
    NewerVersionError,
)
from eqinfo.reference import string_column as reference
from eqinfo.reference.codebook import encode
from eqinfo.string_column import file as column_file
from eqinfo.string_column.column import _flat_rows
from eqinfo.string_column.file import FlatRows
from strategies import examples

TABLES = cases.tables()
CODEBOOKS = {name: cases.from_strings(strings) for name, strings in TABLES.items()}
WORDS = cases.TEXT.decode().split()
FEW = ["", "to", "tired", None, "\u201cand", "ti", "t"]


def rows_of(table: str) -> st.SearchStrategy[list[bytes]]:
    """Rows that share beginnings, and end in the middle of a codebook's strings."""
    piece = st.sampled_from(TABLES[table]) | st.sampled_from([b"a", b"ab", b"abc"]) | st.binary()
    row = st.lists(piece, max_size=5).map(b"".join)
    return st.lists(row, max_size=80)


@pytest.mark.parametrize("values", [WORDS, [word.encode() for word in WORDS], FEW, []])
def test_rows_come_back(values: list[str | bytes | None]) -> None:
    column = StringColumn(values)
    assert len(column) == len(values)
    assert list(column) == values
    assert column.to_list() == values
    assert [column[i] for i in range(len(values))] == values
    assert [column[i - len(values)] for i in range(len(values))] == values
    assert column.take(range(len(values))[::-1]) == values[::-1]
    assert column.null_count == values.count(None)
    assert column.is_null().tolist() == [value is None for value in values]


@pytest.mark.parametrize("table", TABLES)
@examples(40)
@given(data=st.data())
def test_comparisons_are_those_of_the_strings(table: str, data: st.DataObject) -> None:
    rows = data.draw(rows_of(table))
    if rows:
        whole = data.draw(st.sampled_from(rows))
        rows += [whole[:end] for end in range(0, len(whole), 1 + len(whole) // 7)]
    column = StringColumn(rows, CODEBOOKS[table])
    assert column.to_list() == rows
    wanted = data.draw(st.binary() | st.sampled_from(rows) if rows else st.binary())
    for value in (wanted, wanted[:-1], wanted[: len(wanted) // 2]):
        assert (column == value).tolist() == [row == value for row in rows]
        assert (column != value).tolist() == [row != value for row in rows]
        assert column.starts_with(value).tolist() == [row.startswith(value) for row in rows]


@pytest.mark.parametrize("table", ["bushy", "sparse", "sparse letters", "sparse prose"])
@examples(20)
@given(data=st.data())
def test_prefix_tests_of_the_reference(table: str, data: st.DataObject) -> None:
    """The reference asserts that its rule agrees with the strings themselves."""
    strings = TABLES[table]
    text = data.draw(st.lists(st.sampled_from(strings), min_size=1, max_size=3).map(b"".join))
    prefix = text[: data.draw(st.integers(0, len(text)))]
    text = prefix + data.draw(st.sampled_from([b"", b"a", b"ab", b"b" * 9, text]))
    column = StringColumn([text], CODEBOOKS[table])
    ids = encode(strings, text)
    assert column.ids.tolist() == ids
    assert reference.starts_with(strings, ids, prefix)
    assert column.starts_with(prefix).tolist() == [True]
    other = data.draw(st.sampled_from([prefix[:-1] + b"a", prefix + b"b", prefix[1:]]))
    assert column.starts_with(other).tolist() == [reference.starts_with(strings, ids, other)]


def test_a_prefix_that_ends_inside_strings_without_shorter_ones() -> None:
    """Three branches: the whole rest inside a string, after "ab", and after "ab" and "abb"."""
    strings = sorted({*TABLES["chain"][:1], *cases.BYTES, b"ab", b"abb", b"ababbab", b"abbabx"})
    fill = [bytes([i, j]) for i in range(200, 256) for j in range(256)]
    strings = sorted([*strings, *fill[: 512 - len(strings)]])
    codebook = cases.from_strings(strings)
    assert len(reference.prefix_branches(strings, b"ababba")) > 2
    rows = [b"ababba", b"ababbab", b"ababbaa", b"ababbabb", b"ababb", b"ababbx", b"abab", b"ab"]
    column = StringColumn(rows, codebook)
    for row in rows:
        for end in range(len(row) + 1):
            expected = [other.startswith(row[:end]) for other in rows]
            assert column.starts_with(row[:end]).tolist() == expected


def test_slices_are_views() -> None:
    column = StringColumn(FEW * 100)
    view = column[150:400]
    assert view.to_list() == (FEW * 100)[150:400]
    assert np.shares_memory(view.ids, column.ids)
    assert view[-1] == (FEW * 100)[399]
    assert view[3:][2] == (FEW * 100)[155]
    assert (view == "ti").tolist() == [value == "ti" for value in (FEW * 100)[150:400]]
    assert view.null_count == (FEW * 100)[150:400].count(None)
    assert view.nbytes < column.nbytes
    assert len(column[5:2]) == 0
    assert column[5:2].to_list() == []
    with pytest.raises(ValueError, match="step 1"):
        column[::2]


def test_rows_that_are_not_there() -> None:
    column = StringColumn(["a", "b"])
    for row in (2, -3):
        with pytest.raises(IndexError, match=f"found {row}"):
            column[row]
        with pytest.raises(IndexError, match=f"index 1: expected a row of .*found {row}"):
            column.take([0, row])
    with pytest.raises(TypeError, match="integer rows"):
        column.take(np.array([0.5]))
    assert column.take([]) == []


def test_nulls_are_neither_equal_nor_unequal() -> None:
    column = StringColumn(["", None, "a"])
    assert (column == "").tolist() == [True, False, False]
    assert (column != "").tolist() == [False, False, True]
    assert column.starts_with("").tolist() == [True, False, True]
    assert "a" in column
    assert "b" not in column


def test_values_of_other_types() -> None:
    with pytest.raises(TypeError, match="the first bytes in row 2"):
        StringColumn(["a", None, b"b"])
    with pytest.raises(TypeError, match="expected str or bytes, found int"):
        StringColumn([1])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="found one str"):
        StringColumn("text")
    with pytest.raises(TypeError, match=r"bool of shape .*; numpy.flatnonzero makes rows of"):
        StringColumn(["a"]).take(np.array([True]))
    # In a long column, a message without the row is of little use.
    for make in (StringColumn, StringColumn.fit, Codebook.bundled("en").encode_batch):
        with pytest.raises(ValueError, match=r"^text 2: .* lone surrogate U\+D800 at index 1;"):
            make(["a", "b", "c\ud800"])  # type: ignore[operator]
        with pytest.raises(TypeError, match=r"^text 1: expected str or bytes, found int"):
            make([b"a", 5])  # type: ignore[operator]
    column = StringColumn(["a"])
    for value in (column, 1, None):
        with pytest.raises(TypeError, match="expected str or bytes"):
            column == value  # noqa: B015
    with pytest.raises(TypeError):
        np.array(["a"]) == column  # noqa: B015
    with pytest.raises(TypeError, match="unhashable"):
        hash(column)


def test_flat_strings() -> None:
    data, offsets = b"onetwothree", np.array([0, 3, 6, 11])
    column = StringColumn((data, offsets))
    assert column.kind == "bytes"
    assert column.to_list() == [b"one", b"two", b"three"]
    text = StringColumn(TextBatch(np.frombuffer(data, np.uint8), offsets))
    assert text.kind == "str"
    assert text.to_list() == ["one", "two", "three"]
    broken = StringColumn(TextBatch(np.frombuffer(b"\xff", np.uint8), np.array([0, 1])))
    with pytest.raises(FormatError, match="expected UTF-8"):
        broken[0]


def test_offsets_take_the_fewest_bytes() -> None:
    short = StringColumn([b"x"] * 1000, CODEBOOKS["bushy"])
    assert short.nbytes == 1000 * 2 + 8 * (1000 // 32 + 1) + 1001
    long = StringColumn([b"\x00" * 20_000, *[b"x"] * 99], CODEBOOKS["pairs"])
    assert long.offsets[1] == 10_000
    assert long.to_list() == [b"\x00" * 20_000, *[b"x"] * 99]
    assert long.nbytes == (10_000 + 99) * 2 + 8 * 4 + 2 * 101
    longer = StringColumn([b"\x00\x01" * 70_000, b"x"], CODEBOOKS["pairs"])
    assert longer.to_list() == [b"\x00\x01" * 70_000, b"x"]


@pytest.mark.parametrize("kind", ["string", "binary", "large_string", "large_binary"])
def test_arrow_both_ways(kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    values = FEW if "string" in kind else [v if v is None else v.encode() for v in FEW]
    array = pa.array(values * 50, getattr(pa, kind)())
    for given_array in (array, array[3:140], pa.chunked_array([array, array[:0], array[1:]])):
        column = StringColumn(given_array)
        assert column.kind == ("str" if "string" in kind else "bytes")
        assert column.to_list() == given_array.to_pylist()
        back = column[1:].to_arrow()
        back.validate(full=True)
        assert back.to_pylist() == given_array.to_pylist()[1:]
        assert back.type == (pa.string() if "string" in kind else pa.binary())
        assert pa.array(column).equals(column.to_arrow())
    assert StringColumn(array[:0]).to_arrow().to_pylist() == []


def test_arrow_views_dictionaries_and_other_types() -> None:
    pa = pytest.importorskip("pyarrow")
    array = pa.array(FEW)
    assert StringColumn(array.cast(pa.string_view())).to_list() == FEW
    hidden = pa.Array.from_buffers(
        pa.string(),
        2,
        [pa.py_buffer(b"\x02"), pa.py_buffer(np.int32([0, 3, 4])), pa.py_buffer(b"abcd")],
    )
    column = StringColumn(hidden)
    assert column.to_list() == [None, "d"]
    assert column.offsets[1] == 0
    with pytest.raises(TypeError, match="found int64"):
        StringColumn(pa.array([1]))
    with pytest.raises(TypeError, match=r"found struct<a: string>; pass one of its columns"):
        StringColumn(pa.table({"a": FEW}))


def arrow_arrays() -> list[Any]:
    """Return ``FEW`` as Arrow arrays of every type that holds strings or binary."""
    pa = pytest.importorskip("pyarrow")
    plain = pa.array(FEW)
    large, view = plain.cast(pa.large_string()), plain.cast(pa.string_view())
    binary, binary_view = plain.cast(pa.binary()), plain.cast(pa.binary()).cast(pa.binary_view())
    places = pa.array([None if value is None else i for i, value in enumerate(FEW)], pa.uint8())
    dictionaries = [
        pa.DictionaryArray.from_arrays(places, values)
        for values in (plain, large, view, binary, binary_view)
    ]
    ends = np.arange(1, len(FEW) + 1, dtype=np.int32)
    runs = [pa.RunEndEncodedArray.from_arrays(ends, values) for values in (plain, view, binary)]
    extensions = []
    if hasattr(pa, "json_"):
        extensions = [pa.ExtensionArray.from_storage(pa.json_(), plain)]
    return [large, view, binary, binary_view, *dictionaries, *runs, *extensions]


def test_every_type_of_arrow_strings() -> None:
    pa = pytest.importorskip("pyarrow")
    for array in arrow_arrays():
        column = StringColumn(array)
        wanted = FEW if column.kind == "str" else [v if v is None else v.encode() for v in FEW]
        assert column.to_list() == wanted, array.type
        assert StringColumn(array[1:4]).to_list() == wanted[1:4], array.type
        assert StringColumn(array[:0]).to_list() == [], array.type
        chunked = pa.chunked_array([array[:2], array[:0], array[2:]])
        assert StringColumn(chunked).to_list() == wanted, array.type
        assert StringColumn(chunked[1:3]).to_list() == wanted[1:3], array.type
        assert StringColumn(pa.chunked_array([], array.type)).to_list() == []
    assert StringColumn(pa.array([b"ab", None], pa.binary(2))).to_list() == [b"ab", None]


def test_arrow_nulls_without_a_type() -> None:
    pa = pytest.importorskip("pyarrow")
    assert StringColumn(pa.nulls(3)).to_list() == [None] * 3
    assert StringColumn(pa.nulls(3).dictionary_encode()).to_list() == [None] * 3
    assert StringColumn(pa.nulls(0)).to_list() == []
    assert StringColumn(pa.nulls(2)).kind == "str"


def test_missing_values_in_lists() -> None:
    column = StringColumn(np.array(["a", np.nan, None, np.float64("nan")], object))
    assert column.to_list() == ["a", None, None, None]
    assert StringColumn([float("nan")]).to_list() == [None]
    with pytest.raises(TypeError, match="expected str, bytes or null, found float in row 1"):
        StringColumn(["a", 1.5])


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    values = ["a", None, "bb", "a"]
    for kind in ("object", "string", "category"):
        assert StringColumn(pandas.Series(values, dtype=kind)).to_list() == values
    assert StringColumn(list(pandas.Series(values, dtype="string"))).to_list() == values
    assert StringColumn(["a", pandas.NA, pandas.NaT]).to_list() == ["a", None, None]


class Foreign:
    """A series of a library of which only the Arrow interface is known, such as polars."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks

    def __len__(self) -> int:
        return len(self._chunks)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._chunks.__arrow_c_stream__(requested_schema)


def test_any_library_with_the_arrow_interface() -> None:
    pa = pytest.importorskip("pyarrow")
    values = ["a", None, "bb", "a", "longer than the twelve bytes of a short view"]
    strings = pa.array(values, pa.string())
    views = strings.cast(pa.string_view())
    codes, known = pa.array([0, None, 1, 0, 2], pa.uint32()), ["a", "bb", values[-1]]
    categories = pa.DictionaryArray.from_arrays(codes, pa.array(known).cast(pa.string_view()))
    for array in (strings, views, categories):
        assert StringColumn(Foreign(pa.chunked_array([array]))).to_list() == values
        assert StringColumn(Foreign(pa.chunked_array([array[1:3]]))).to_list() == values[1:3]
        assert StringColumn(Foreign(pa.chunked_array([array] * 2))).to_list() == values * 2
        assert StringColumn(Foreign(pa.chunked_array([], array.type))).to_list() == []
    assert StringColumn(Foreign(pa.chunked_array([pa.nulls(2)]))).to_list() == [None, None]
    with pytest.raises(TypeError, match="expected an Arrow array of strings or binary, found int"):
        StringColumn(Foreign(pa.chunked_array([[1, 2]])))


def test_polars() -> None:
    pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    values = ["a", None, "bb", "a"]
    enum = polars.Enum(["bb", "a", "other"])
    for kind in (polars.String, polars.Categorical, enum):
        series = polars.Series(values, dtype=kind)
        assert StringColumn(series).to_list() == values, kind
        assert StringColumn(series[1:3]).to_list() == values[1:3], kind
        assert StringColumn(series.append(series)).to_list() == values * 2, kind
    assert StringColumn(polars.Series([b"a", None])).to_list() == [b"a", None]
    assert StringColumn(polars.Series([None, None])).to_list() == [None, None]


def test_fitted_codebooks() -> None:
    column = StringColumn.fit(WORDS * 20, window_bits=10, max_length=12)
    assert column.codebook.window_bits == 10
    assert column.codebook.max_length <= 12
    assert column.to_list() == WORDS * 20
    data, bounds = "".join(WORDS).encode(), np.cumsum([0, *(len(w.encode()) for w in WORDS)])
    assert StringColumn.fit((data, bounds), 10).to_list() == [word.encode() for word in WORDS]


def test_wide_ids() -> None:
    random = np.random.default_rng(3)
    strings = cases.grown(4, 17, 256, 0.0)
    codebook = cases.from_strings(strings)
    rows = [random.integers(0, 256, size, np.uint8).tobytes() for size in range(60)]
    column = StringColumn(rows, codebook)
    assert column.ids.dtype == np.uint32
    assert column.to_list() == rows
    for row in rows[::7]:
        assert (column == row).tolist() == [other == row for other in rows]
        assert column.starts_with(row[:3]).tolist() == [r.startswith(row[:3]) for r in rows]


@pytest.mark.parametrize("codebook", ["en-4k", "bushy"])
def test_files(tmp_path: Path, codebook: str) -> None:
    column = StringColumn(FEW * 30, CODEBOOKS.get(codebook, codebook))
    for part in (column, column[17:99], StringColumn([], column.codebook)):
        part.save(tmp_path / "column")
        read = StringColumn.load(tmp_path / "column")
        assert read.equals(part)
        assert read.codebook == column.codebook
        assert read.to_list() == part.to_list()
    bundled = (tmp_path / "column").stat().st_size < 1000
    assert bundled == (codebook == "en-4k")


def test_altered_files_are_errors(tmp_path: Path) -> None:
    """Every bit of a file matters except the padding of its header, and so does its end."""
    column = StringColumn(["tired", None, "to"], "en-4k")
    path = tmp_path / "column"
    column.save(path)
    data = path.read_bytes()
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        try:
            read = StringColumn.load(path)
        except EqInfoError:
            continue
        assert read.to_list() == column.to_list()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(FormatError):
            StringColumn.load(path)


def test_files_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "column"
    CODEBOOKS["bushy"].save(path)
    with pytest.raises(FormatError, match="found 'eqinfo-codebook'"):
        StringColumn.load(path)
    StringColumn(["a"], "en-4k").save(path)
    path.write_bytes(path.read_bytes().replace(b'"version":"1"', b'"version":"2"'))
    with pytest.raises(NewerVersionError, match="version 1, found '2'"):
        StringColumn.load(path)
    StringColumn(["a"], "en-4k").save(path)
    path.write_bytes(path.read_bytes().replace(b'"kind":"str"', b'"kind":"stR"'))
    with pytest.raises(ChecksumError, match="expected the checksum"):
        StringColumn.load(path)


def test_files_with_ids_that_are_not_there() -> None:
    """Files with the right checksum can still be invalid."""
    codebook = CODEBOOKS["bushy"]
    flat = FlatRows(np.array([1, 1024], np.uint16), np.zeros(1, np.int64), np.uint8([0, 2]))
    data = column_file.to_bytes(codebook, flat, None, "str")
    with pytest.raises(FormatError, match="column: token 1: no such id"):
        StringColumn.from_bytes(data)
    data = column_file.to_bytes(codebook, flat._replace(bases=np.zeros(2, np.int64)), None, "str")
    with pytest.raises(FormatError, match="column: expected bases of shape"):
        StringColumn.from_bytes(data)


def test_files_with_another_kind_or_number_of_valid_bits() -> None:
    codebook = CODEBOOKS["bushy"]
    flat = FlatRows(np.array([1, 2], np.uint16), np.zeros(1, np.int64), np.uint8([0, 1, 2]))
    data = column_file.to_bytes(codebook, flat, None, "list")  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="column: expected the kind 'str' or 'bytes', found 'li"):
        StringColumn.from_bytes(data)
    for count in (0, 9, 100):
        data = column_file.to_bytes(codebook, flat, np.ones(count, np.bool_), "str")
        with pytest.raises(FormatError, match="column: expected 1 bytes of valid bits for 2 rows"):
            StringColumn.from_bytes(data)
    data = column_file.to_bytes(codebook, flat, np.array([True, False]), "bytes")
    assert StringColumn.from_bytes(data).to_list() == [codebook[1], None]


def test_files_whose_bundled_codebook_has_another_content(monkeypatch: pytest.MonkeyPatch) -> None:
    codebook = CODEBOOKS["bushy"]
    monkeypatch.setattr(column_file, "bundled_name", lambda _: "en-4k")
    data = StringColumn(["a"], codebook).to_bytes()
    found = Codebook.bundled("en-4k").fingerprint
    message = f"expected the codebook {codebook.fingerprint}, found {found}, the bundled 'en-4k'$"
    with pytest.raises(ModelMismatchError, match=message):
        StringColumn.from_bytes(data)


def test_rows_of_too_many_ids() -> None:
    ids = np.broadcast_to(np.uint16(1), 1 << 32)  # which takes no memory
    offsets = np.array([0, 1 << 32], np.int64)
    with pytest.raises(ValueError, match=r"^expected fewer than 2\^32 ids in 32 .* 4294967296$"):
        _flat_rows(TokenBatch(ids, offsets))


@pytest.mark.parametrize(
    ("ids", "bases", "steps", "message"),
    [
        ([1, 2], [0], [0, 1, 1], "row 2: offsets fall, or do not end with the number of ids"),
        ([1, 2], [0], [0, 2, 1], "row 2: offsets fall"),
        ([1, 2], [0], [0, 2, 1, 2], "row 2: offsets fall"),
        ([1, 2], [0], [1, 1, 2], "row 0: offsets fall"),
        ([1, 2], [-1], [1, 2, 3], "row 0"),
        ([1, 2], [2**63 - 1], [0, 1, 2], "row 0"),
        ([1, 2], [0], [0, 3, 2], "row 1"),
        ([1, 1024], [0], [0, 1, 2], "token 1: no such id"),
        ([1, 2], [0, 0], [0, 1, 2], "expected bases of shape"),
        ([1, 2], [0], [], "expected at least 1 step, found none"),
    ],
)
def test_malformed_rows(ids: list[int], bases: list[int], steps: list[int], message: str) -> None:
    flat = FlatRows(np.array(ids, np.uint16), np.array(bases, np.int64), np.array(steps, np.uint8))
    with pytest.raises(ValueError, match=message):
        _core.StringColumn(CODEBOOKS["bushy"]._native, *flat)


def test_pickles() -> None:
    column = StringColumn(FEW * 30)
    assert len(pickle.dumps(column)) < 4000, "the bundled codebook goes by its name"
    for part in (column, column[5:20], StringColumn(FEW, CODEBOOKS["bushy"])):
        assert pickle.loads(pickle.dumps(part)).equals(part)


def test_equals() -> None:
    column = StringColumn(["a", None])
    assert column.equals(StringColumn(["a", None], "en-4k"))
    assert not column.equals(StringColumn(["a", ""]))
    assert not column.equals(StringColumn(["a", "b"]))
    assert not column.equals(StringColumn(["a"]))
    assert not column.equals(StringColumn([b"a", None]))


def test_arrays_are_read_only() -> None:
    column = StringColumn(["a", "b"])
    with pytest.raises(ValueError, match="read-only"):
        column.ids[0] = 3


def test_threads_share_a_column() -> None:
    rows = [f"row {i} of many, and of no others" for i in range(40_000)]
    column = StringColumn(rows, num_threads=4)
    assert column.equals(StringColumn(rows))

    def work(k: int) -> bool:
        part = column[k:]
        found = np.flatnonzero(part == rows[k + 7])
        return part.to_list(num_threads=3) == rows[k:] and found.tolist() == [7]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_repr() -> None:
    column = StringColumn(["a", None])
    fingerprint = Codebook.bundled("en-dense").fingerprint
    assert (
        repr(column) == f"StringColumn(2 rows of str, 1 null, 15 bytes, codebook {fingerprint!r})"
    )


@pytest.mark.parametrize("name", ["string_column", "string_column_bundled"])
def test_golden_files(name: str) -> None:
    folder = Path(__file__).parent / "golden" / "v1"
    rows = json.loads((folder / "string_column.json").read_text())
    column = StringColumn.load(folder / f"{name}.safetensors")
    if name == "string_column":
        rows = [row if row is None else row.encode() for row in rows] * 3
    assert column.to_list() == rows
    assert column.equals(StringColumn(rows, column.codebook))
