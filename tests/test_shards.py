"""Shards: which documents go where, and what the files hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xxhash

from eqinfo import shards
from eqinfo.common.inputs import InputKind
from eqinfo.common.progress import Progress
from eqinfo.shards import ShardParameters
from eqinfo.shards.inputs import InputFile
from eqinfo.shards.parquet import row_group_sizes
from eqinfo.shards.plan import make_units
from shards_cases import (
    CODEBOOK,
    contents,
    documents,
    expected_tokens,
    json_lines,
    run,
    shard_documents,
    write,
)

TEXTS = documents(200)
SHARD_BYTES = 20_000


def by_begin(lines: list[bytes]) -> list[list[int]]:
    """Numbers of the lines that begin in each stretch of SHARD_BYTES."""
    parts: dict[int, list[int]] = {}
    offset = 0
    for number, line in enumerate(lines):
        parts.setdefault(offset // SHARD_BYTES, []).append(number)
        offset += len(line)
    return list(parts.values())


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_json_lines_go_where_they_begin(suffix: str, tmp_path: Path) -> None:
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    lines = json_lines(TEXTS)
    source = write(tmp_path / f"in.jsonl{suffix}", lines)
    # A compressed file counts four times its size; this one must be large enough to be cut.
    assert source.stat().st_size * (4 if suffix else 1) > SHARD_BYTES
    parameters = ShardParameters(shard_bytes=SHARD_BYTES)
    threads = 2 if suffix else 1
    manifest = shards.tokenize(
        [source], tmp_path / "out", CODEBOOK, parameters, num_threads=threads
    )
    tokens = expected_tokens(TEXTS)
    parts = by_begin(lines.splitlines(keepends=True))
    assert len(parts) > 5
    found = shard_documents(tmp_path / "out")
    assert list(found.values()) == [[tokens[i] for i in part] for part in parts]
    assert manifest["documents"] == len(TEXTS)
    assert manifest["bytes"] == sum(len(text.encode()) for text in TEXTS)
    assert manifest["tokens"] == sum(map(len, tokens))
    plain = sum(len(t) - 1 for t in tokens)
    assert manifest["bytes_per_token"] == pytest.approx(manifest["bytes"] / plain, abs=1e-6)


def test_parquet_goes_by_row_groups(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary()]
    for number, kind in enumerate(kinds):
        values = [t.encode() for t in TEXTS] if kind == pa.binary() else TEXTS
        table = pa.table({"n": range(len(TEXTS)), "text": pa.array(values, kind)})
        source = tmp_path / f"{number}.parquet"
        pq.write_table(table, source, row_group_size=30)
        out = tmp_path / f"out{number}"
        shards.tokenize([source], out, CODEBOOK, ShardParameters(shard_bytes=SHARD_BYTES))
        found = shard_documents(out)
        assert [d for shard in found.values() for d in shard] == expected_tokens(TEXTS)
        assert len(found) > 1
        assert all(len(shard) % 30 == 0 for shard in list(found.values())[:-1])


def test_a_text_file_is_a_document_and_small_ones_share_a_shard(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    names = ["B.txt", "a.md", "b/1.txt.gz", "b/2.txt", "c.txt", "z-large.txt"]
    texts = [f"{name}\r\n\n".encode() * 400 for name in names]
    texts[-1] *= 20
    for name, text in zip(names, texts, strict=True):
        write(folder / name, text)
    (folder / ".hidden" / "x.txt").write_text("not me")
    (folder / ".x.txt").write_text("nor me")
    extra = write(tmp_path / "extra.txt", b"")
    manifest = shards.tokenize(
        [extra, folder], tmp_path / "out", CODEBOOK, ShardParameters(shard_bytes=SHARD_BYTES)
    )
    assert [file["path"] for file in manifest["inputs"]] == [
        str(extra),
        *(str(folder / name) for name in names),
    ]
    for file in manifest["inputs"]:
        data = Path(file["path"]).read_bytes()
        assert file["bytes"] == len(data)
        assert file["xxh3_128"] == xxhash.xxh3_128(data).hexdigest()
    found = [d for shard in shard_documents(tmp_path / "out").values() for d in shard]
    assert found == expected_tokens([b"", *texts])
    assert 1 < len(manifest["shards"]) < len(names)


@pytest.mark.parametrize("separator", ["\n", "\r\n", "<|end|>", "\n\n"])
def test_separators(separator: str, tmp_path: Path) -> None:
    # Trailing line feeds make places where separators could overlap.
    texts = [text + "\n" * (i % 3) if separator != "\n" else text for i, text in enumerate(TEXTS)]
    content = separator.join(texts).encode()
    source = write(tmp_path / "in.txt", content)
    wanted = content.split(separator.encode())
    for shard_bytes in (SHARD_BYTES, 1 << 20):
        out = tmp_path / f"out{shard_bytes}"
        parameters = ShardParameters(separator=separator, shard_bytes=shard_bytes)
        shards.tokenize([source], out, CODEBOOK, parameters)
        found = shard_documents(out)
        assert [d for shard in found.values() for d in shard] == expected_tokens(wanted)
        assert (len(found) > 1) == (shard_bytes == SHARD_BYTES)


def test_without_ends(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    parameters = ShardParameters(end_of_document=False)
    manifest = shards.tokenize([source], tmp_path / "out", CODEBOOK, parameters)
    (found,) = shard_documents(tmp_path / "out").values()
    assert found == expected_tokens(TEXTS, end=False)
    assert manifest["tokens"] == sum(map(len, found))


def test_parquet_output(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    parameters = ShardParameters(output_format="parquet", shard_bytes=SHARD_BYTES)
    manifest = shards.tokenize([source], tmp_path / "out", CODEBOOK, parameters)
    tables = [pq.read_table(path) for path in sorted((tmp_path / "out").glob("*.parquet"))]
    assert len(tables) == len(manifest["shards"]) > 1
    assert [d for table in tables for d in table["tokens"].to_pylist()] == expected_tokens(TEXTS)
    assert str(tables[0].schema.field("tokens").type.value_type) == "uint16"
    for shard in manifest["shards"]:
        (file,) = shard["files"]
        data = (tmp_path / "out" / file["name"]).read_bytes()
        assert (file["bytes"], file["xxh3_128"]) == (len(data), xxhash.xxh3_128(data).hexdigest())


def test_input_without_documents(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write(tmp_path / name, b"\n \n")
    manifest = shards.tokenize(
        [tmp_path / "a.jsonl", tmp_path / "b.jsonl"], tmp_path / "out", CODEBOOK
    )
    assert (manifest["documents"], manifest["tokens"], manifest["bytes_per_token"]) == (0, 0, 0)
    assert list(contents(tmp_path / "out")) == ["manifest.json"]
    assert len(shards.open(tmp_path / "out")) == 0


def test_row_groups_that_fill_a_shard_to_the_byte(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    source = str(tmp_path / "in.parquet")
    pq.write_table(pa.table({"text": TEXTS[:40]}), source, row_group_size=10)
    file = InputFile(source, source, Path(source).stat().st_size, 0, "")
    sizes = row_group_sizes(source, "text")
    two = sum(sizes[:2])
    for shard_bytes, begins in ((two, [0, 2]), (two - 1, [0, 1]), (1, [0, 1, 2, 3])):
        parameters = ShardParameters(shard_bytes=shard_bytes)
        units = make_units([file], [InputKind("parquet", None)], parameters)
        assert [unit.ranges[0].begin for unit in units[: len(begins)]] == begins


def test_parquet_without_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    for number, rows in enumerate(([], ["a"], [])):
        table = pa.table({"text": pa.array(rows, pa.string())})
        pq.write_table(table, tmp_path / f"{number}.parquet")
    inputs = sorted(tmp_path.glob("*.parquet"))
    shards.tokenize(inputs, tmp_path / "out", CODEBOOK)
    assert [tokens.tolist() for tokens in shards.open(tmp_path / "out")] == expected_tokens(["a"])


def test_a_document_longer_than_shards(tmp_path: Path) -> None:
    texts = ["a", "long " * 20_000, "b"]
    source = write(tmp_path / "in.jsonl", json_lines(texts))
    shards.tokenize([source], tmp_path / "out", CODEBOOK, ShardParameters(shard_bytes=10_000))
    found = shard_documents(tmp_path / "out")
    assert [d for shard in found.values() for d in shard] == expected_tokens(texts)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    # Parts in which no document begins have records without files.
    empty = [shard for shard in manifest["shards"] if not shard["documents"]]
    assert len(empty) > 3
    assert all(shard["files"] == [] for shard in empty)


def test_command_line(tmp_path: Path) -> None:
    source = write(tmp_path / "in.txt", b"one\\two\ttab\r\ntwo\r\n\xff")
    done = run(source, "-o", tmp_path / "out", "--separator", r"\r\n", "--no-end", "--threads", "2")
    assert done.returncode == 0, done.stderr
    assert b"3 documents, 15 bytes" in done.stderr
    (found,) = shard_documents(tmp_path / "out").values()
    assert found == expected_tokens([b"one\\two\ttab", b"two", b"\xff"], end=False)
    again = run(source, "-o", tmp_path / "out", "--separator", r"\r\n", "--no-end")
    assert again.returncode == 0


def test_tokens_can_be_mapped_by_loaders_of_flat_files(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    shards.tokenize([source], tmp_path / "out", CODEBOOK)
    tokens = np.memmap(tmp_path / "out" / "000000-000000.bin", np.uint16, mode="r")
    assert tokens.tolist() == [token for d in expected_tokens(TEXTS) for token in d]


def test_progress_of_every_stage(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    size = source.stat().st_size
    reports: dict[str, list[tuple[int, int | None]]] = {}

    def progress(stage: str) -> Progress:
        reports[stage] = []
        return lambda done, total: reports[stage].append((done, total))

    parameters = ShardParameters(shard_bytes=SHARD_BYTES)
    shards.tokenize([source], tmp_path / "out", CODEBOOK, parameters, progress=progress)
    assert list(reports) == ["input", "verify", "tokenize"]
    assert reports["verify"] == []
    for stage in ("input", "tokenize"):
        assert reports[stage] == sorted(reports[stage])
        assert reports[stage][-1] == (size, size)
        assert {total for _, total in reports[stage]} == {size}
    shards.tokenize([source], tmp_path / "out", CODEBOOK, parameters, progress=progress)
    done, total = reports["verify"][-1]
    assert done == total == sum(p.stat().st_size for p in (tmp_path / "out").glob("00*"))


def test_the_old_name_of_the_parameters() -> None:
    with pytest.warns(DeprecationWarning, match=r"shards.Parameters is now .*ShardParameters"):
        assert shards.Parameters is ShardParameters
    with pytest.raises(AttributeError, match=r"module 'eqinfo.shards' has no attribute 'Nothing'"):
        shards.Nothing  # noqa: B018
