"""String columns compared with OnPair, FSST, Zstandard per row and Arrow.

Prints compression ratio, speed and random access. Every contestant takes the same rows as an Arrow
array and returns one, on one thread, in turns; all results are compared with the rows. Sizes count
everything that is needed to read a row: offsets, dictionaries, symbol tables, and the codebook
unless it is bundled. Vortex chooses among FSST, OnPair and others by itself; the table shows its
choice. DuckDB is told to use DICT_FSST. Its size is that of its file and its rows are read through
SQL, so single rows and lists of rows are not timed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common import (
    Cell,
    Report,
    add_json_option,
    input_file,
    peer,
    positive,
    python_documentation,
    shown,
    time_in_turns,
)
from eqinfo import StringColumn

TAKEN = 10_000  # strings in the random sample
SINGLE = 2_000  # of them, those that are taken one by one
BUILDS = 3  # at most: fitting takes long


@dataclass(frozen=True)
class ColumnKind:
    """How a column is made and read; None where the package has no such call."""

    build: Callable[[], Any]
    size: Callable[[Any], int]
    decode: Callable[[Any], Any]
    row: Callable[[Any, int], str] | None
    take: Callable[[Any, Any], list[str]] | None
    equal: Callable[[Any, str], int] | None
    name: Callable[[Any], str] | None = None


def eqinfo_column(rows: Any, fit: int | None) -> ColumnKind:
    """Use a codebook of ``fit`` window_bits fitted to the column, or en-dense if None."""

    def build() -> StringColumn:
        return StringColumn(rows) if fit is None else StringColumn.fit(rows, fit)

    def size(column: StringColumn) -> int:
        return column.nbytes + (0 if fit is None else len(column.codebook.to_bytes()))

    return ColumnKind(
        build=build,
        size=size,
        decode=StringColumn.to_arrow,
        row=StringColumn.__getitem__,
        take=StringColumn.take,
        equal=lambda column, value: int((column == value).sum()),
    )


def vortex_column(rows: Any) -> ColumnKind | None:
    vortex = peer("vortex")
    if vortex is None:
        return None
    expressions = peer("vortex.expr")

    def equal(array: Any, value: str) -> int:
        found = array.apply(expressions.eq(expressions.root(), value)).to_arrow_array()
        return int(pc.sum(found).as_py())

    return ColumnKind(
        build=lambda: vortex.compress(vortex.array(rows)),
        size=lambda array: array.nbytes,
        decode=lambda array: array.to_arrow_array(),
        row=lambda array, row: array.scalar_at(row).as_py(),
        take=lambda array, wanted: (
            array.take(vortex.array(pa.array(wanted))).to_arrow_array().to_pylist()
        ),
        equal=equal,
        name=lambda array: array.id,
    )


def zstd_rows(rows: Any, dictionary_bytes: int) -> ColumnKind | None:
    zstandard = peer("zstandard")
    if zstandard is None:
        return None

    def build() -> Any:
        texts = [text.encode() for text in rows.to_pylist()]
        dictionary = None
        if dictionary_bytes:
            dictionary = zstandard.train_dictionary(
                dictionary_bytes, texts[:: 1 + len(texts) // 20_000]
            )
        parameters = zstandard.ZstdCompressionParameters.from_level(
            3, write_checksum=False, write_content_size=True
        )
        compress = zstandard.ZstdCompressor(
            compression_params=parameters, dict_data=dictionary
        ).compress
        frames = [compress(text) for text in texts]
        known = len(dictionary.as_bytes()) if dictionary else 0
        return frames, zstandard.ZstdDecompressor(dict_data=dictionary).decompress, known

    def take(built: Any, wanted: Any) -> Any:
        frames, decompress, _ = built
        return [decompress(frames[row]).decode() for row in wanted]

    return ColumnKind(
        build=build,
        size=lambda built: sum(map(len, built[0])) + 4 * len(rows) + built[2],
        decode=lambda built: pa.array([built[1](frame).decode() for frame in built[0]]),
        row=lambda built, row: built[1](built[0][row]).decode(),
        take=take,
        equal=None,
    )


def arrow_column(rows: Any, dictionary: bool) -> ColumnKind:
    def build() -> Any:
        return rows.dictionary_encode() if dictionary else pa.concat_arrays([rows, rows[:0]])

    def decode(array: Any) -> Any:
        return array.cast(pa.string()) if dictionary else pa.concat_arrays([array, array[:0]])

    return ColumnKind(
        build=build,
        size=lambda array: array.nbytes,
        decode=decode,
        row=lambda array, row: array[row].as_py(),
        take=lambda array, wanted: array.take(pa.array(wanted)).to_pylist(),
        equal=lambda array, value: int(pc.sum(pc.equal(array, value)).as_py()),
    )


def duckdb_column(rows: Any, scratch: Path) -> ColumnKind | None:
    duckdb = peer("duckdb")
    if duckdb is None:
        return None
    table = pa.table({"text": rows})

    def build() -> Any:
        path = scratch / "column.db"
        path.unlink(missing_ok=True)
        connection = duckdb.connect()
        connection.execute("SET threads = 1")
        options = "STORAGE_VERSION 'latest', BLOCK_SIZE 16384"
        connection.execute(f"ATTACH '{path}' AS file ({options})")
        connection.execute("USE file")
        connection.execute("PRAGMA force_compression = 'dict_fsst'")
        connection.register("given", table)
        connection.execute("CREATE TABLE strings AS SELECT * FROM given")
        connection.execute("CHECKPOINT")
        return connection

    def equal(connection: Any, value: str) -> int:
        query = "SELECT count(*) FROM strings WHERE text = ?"
        return int(connection.execute(query, [value]).fetchall()[0][0])

    return ColumnKind(
        build=build,
        size=lambda _: (scratch / "column.db").stat().st_size,
        decode=lambda connection: connection.sql("FROM strings").to_arrow_table(),
        row=None,
        take=None,
        equal=equal,
        name=lambda connection: ", ".join(
            kind
            for (kind,) in connection.execute(
                "SELECT DISTINCT compression FROM pragma_storage_info('strings') "
                "WHERE segment_type = 'VARCHAR'"
            ).fetchall()
        ),
    )


def contestants(rows: Any, scratch: Path) -> dict[str, ColumnKind]:
    """Return the contestants whose packages are installed."""
    all_of_them = {
        "eqinfo, en-dense": eqinfo_column(rows, None),
        "eqinfo, fitted, 12 bits": eqinfo_column(rows, 12),
        "eqinfo, fitted, 16 bits": eqinfo_column(rows, 16),
        "vortex": vortex_column(rows),
        "duckdb": duckdb_column(rows, scratch),
        "zstd -3 per row": zstd_rows(rows, 0),
        "zstd -3 per row, dictionary of 64 KiB": zstd_rows(rows, 1 << 16),
        "pyarrow": arrow_column(rows, dictionary=False),
        "pyarrow, dictionary": arrow_column(rows, dictionary=True),
    }
    return {name: contestant for name, contestant in all_of_them.items() if contestant}


def measure(title: str, rows: Any, repeats: int, report: Report, scratch: Path) -> None:
    """Print one table; all times are compared with those of its first line."""
    texts = rows.to_pylist()
    size = sum(len(text.encode()) for text in texts)
    random = np.random.default_rng(1)
    wanted = random.integers(0, len(texts), TAKEN)
    value = texts[len(texts) // 3]
    everyone = contestants(rows, scratch)
    builds = time_in_turns({n: c.build for n, c in everyone.items()}, min(repeats, BUILDS))
    build = {name: timing.best for name, timing in builds.items()}
    built = {}
    for name, contestant in everyone.items():
        built[name] = contestant.build()
        decoded = contestant.decode(built[name])
        if isinstance(decoded, pa.Table):
            decoded = decoded.column(0)
        some = [texts[row] for row in wanted]
        expected: dict[str, object] = {"decode": texts}
        found: dict[str, object] = {"decode": decoded.cast(pa.string()).to_pylist()}
        if contestant.row:
            expected["row"] = some[:SINGLE]
            found["row"] = [contestant.row(built[name], row) for row in wanted[:SINGLE].tolist()]
        if contestant.take:
            expected["take"] = some
            found["take"] = contestant.take(built[name], wanted)
        if contestant.equal:
            expected["equal"] = texts.count(value)
            found["equal"] = contestant.equal(built[name], value)
        for what, right in expected.items():
            if found[what] != right:
                sys.exit(f"{name}: {what} gave another result than the rows")

    def timed(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
        return {name: timing.best for name, timing in time_in_turns(calls, repeats).items()}

    def one_by_one(contestant: ColumnKind, column: Any) -> Callable[[], object]:
        row = contestant.row
        assert row is not None
        some = wanted[:SINGLE].tolist()
        return lambda: [row(column, index) for index in some]

    decode = timed({n: (lambda c=c, b=built[n]: c.decode(b)) for n, c in everyone.items()})
    single = timed({n: one_by_one(c, built[n]) for n, c in everyone.items() if c.row})
    take = timed(
        {n: (lambda c=c, b=built[n]: c.take(b, wanted)) for n, c in everyone.items() if c.take}
    )
    equal = timed(
        {n: (lambda c=c, b=built[n]: c.equal(b, value)) for n, c in everyone.items() if c.equal}
    )

    def beside(times: dict[str, float], name: str, cell: Callable[[float], float]) -> Cell:
        if name not in times:
            return ""
        first = next(iter(times.values()))
        ratio = times[name] / first
        beside_first = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
        return f"{shown(cell(times[name]))} ({beside_first})"

    table: list[list[Cell]] = []
    for name, contestant in everyone.items():
        label = f"{name}: {contestant.name(built[name])}" if contestant.name else name
        table.append(
            [
                label,
                f"{size / contestant.size(built[name]):.2f}",
                beside(build, name, lambda s: size / s / 1e6),
                beside(decode, name, lambda s: size / s / 1e6),
                beside(single, name, lambda s: s / SINGLE * 1e6),
                beside(take, name, lambda s: s / TAKEN * 1e6),
                beside(equal, name, lambda s: len(texts) / s / 1e6),
            ]
        )
    report.table(
        f"{title}: {len(texts):,} rows, {size:,} bytes; in brackets, time / first line's",
        [
            "column",
            "ratio",
            "build MB/s",
            "to Arrow MB/s",
            "one row, us",
            f"{TAKEN:,} rows, us per row",
            "equality, M rows/s",
        ],
        table,
    )


def short_rows(text: str) -> list[str]:
    """Cut text at spaces into rows of 20 to 60 characters."""
    return re.findall(r"\S.{19,59}(?=\s)", text)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=input_file, nargs="+", metavar="FILE", help="UTF-8 text")
    parser.add_argument(
        "--bytes",
        type=positive,
        default=20_000_000,
        help="use at most this many bytes of the texts",
    )
    parser.add_argument("--repeats", type=positive, default=5)
    add_json_option(parser)
    options = parser.parse_args(arguments)
    if options.text:
        data = b"".join(path.read_bytes() for path in options.text)
    else:
        data = python_documentation()[1]
    text = data[: options.bytes].decode(errors="ignore")
    if not short_rows(text):
        parser.error("expected text with lines of 20 characters or more before a space, found none")
    report = Report(options.json)
    with tempfile.TemporaryDirectory() as scratch:
        long = [text[i : i + 1000] for i in range(0, len(text), 1000)]
        for title, rows in (("Rows of 1,000", long), ("Rows of 20 to 60", short_rows(text))):
            measure(title, pa.array(rows), options.repeats, report, Path(scratch))
    report.save()


if __name__ == "__main__":
    main()
