"""Reading shards back."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from codebook_cases import from_strings, grown
from eqinfo import Codebook, shards
from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.common.batch import TokenBatch
from eqinfo.errors import (
    ChecksumError,
    FormatError,
    ModelMismatchError,
    NewerVersionError,
    UnsupportedError,
)
from eqinfo.shards import ShardParameters
from eqinfo.shards import write as shard_files
from eqinfo.shards.encoder import CodebookEncoder
from eqinfo.shards.write import ShardWriter
from shards_cases import CODEBOOK, documents, expected_tokens, json_lines, write

TEXTS = documents(60)


def other_codebook() -> Codebook:
    return from_strings(grown(1, 10, 256, 0.0))


def test_documents_of_files_of_several_formats_keep_their_order(tmp_path: Path) -> None:
    """They are in one shard, and come one by one, in batches, and in pieces."""
    files = {"a.txt": [TEXTS[3]], "b.jsonl": TEXTS[4:9], "c.txt": ["a long text, " * 10_000],
             "d.txt": [TEXTS[10]], "e.jsonl": TEXTS[11:13], "f.txt": [TEXTS[13]]}  # fmt: skip
    paths = [
        write(tmp_path / name, json_lines(texts) if "json" in name else texts[0].encode())
        for name, texts in files.items()
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eqinfo.shards.read.LONG_BYTES", 1 << 16)
        shards.tokenize(paths, tmp_path / "out", CODEBOOK)
    data = shards.open(tmp_path / "out")
    assert len(data.shards) == 1
    assert [data.decode(i) for i in range(len(data))] == [*chain.from_iterable(files.values())]


@pytest.mark.parametrize("document", [b"", b"a text of twenty-five b."])
def test_small_documents_do_not_pile_up_in_memory(
    document: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    class Output:
        def write(self, batch: TokenBatch) -> None:
            written.append(len(batch))

    monkeypatch.setattr(shard_files, "READ_BYTES", 100)

    def no_report() -> NoReturn:
        raise AssertionError("nothing was skipped")

    encoder = CodebookEncoder(CODEBOOK)
    writer = ShardWriter(Output(), no_report, encoder, True, 1, "0-0")  # type: ignore[arg-type]
    for _ in range(1000):
        writer.add([document])
    assert set(written) == {-(-100 // (len(document) + 1))}
    writer.flush()
    assert sum(written) == writer.documents == 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    shards.tokenize([source], tmp_path / "out", CODEBOOK, ShardParameters(shard_bytes=5000))
    return tmp_path / "out"


def test_documents(folder: Path) -> None:
    wanted = expected_tokens(TEXTS)
    data = shards.open(folder)
    assert len(data.shards) > 3
    assert len(data) == len(TEXTS)
    assert [tokens.tolist() for tokens in data] == wanted
    assert [data[i].tolist() for i in range(len(data))] == wanted
    assert data[-1].tolist() == wanted[-1]
    assert [tokens.tolist() for tokens in data[2:30:3]] == wanted[2:30:3]
    assert [data.decode(i) for i in range(len(data))] == TEXTS
    assert data.decode_bytes(7) == TEXTS[7].encode()
    assert np.concatenate([s.tokens for s in data.shards]).tolist() == [
        t for d in wanted for t in d
    ]
    assert data.codebook == CODEBOOK
    assert data[0].dtype == np.uint16
    with pytest.raises(ValueError, match="read-only"):
        data[0][:] = 0
    for index in (len(TEXTS), -len(TEXTS) - 1):
        with pytest.raises(IndexError, match="expected a document of -60 to 59"):
            data[index]
    for wrong in ("a", [1], np.ones(60, np.bool_), 1.0, None):
        with pytest.raises(TypeError, match="expected an integer for document, found"):
            data[wrong]  # type: ignore[call-overload]
    assert repr(data) == f"TokenShards({str(folder)!r}, {len(data.shards)} shards, 60 documents)"
    assert repr(shards.open([folder])) == "JoinedShards(1 run, 60 documents)"
    data.verify()


def test_documents_are_found_by_their_tokens(folder: Path) -> None:
    wanted = expected_tokens(TEXTS)
    data = shards.open(folder)
    for found in (data, shards.open([folder, folder])):
        for number in (0, 7, 41):
            assert found[number] in found
            first = wanted.index(wanted[number])
            assert found.index(found[number]) == found.index(wanted[number]) == first
            assert found.count(wanted[number]) == wanted.count(wanted[number]) * len(found) / 60
    assert data.index(data[7], 5, -5) == wanted.index(wanted[7], 5, -5)
    assert shards.open([folder, folder]).index(data[7], 60) == 67
    for absent in (wanted[0][:-1], [], [[0]], None, "text", TEXTS):
        assert absent not in data
        assert data.count(absent) == 0
        with pytest.raises(ValueError, match="expected a document of these tokens, found none"):
            data.index(absent)
    with pytest.raises(ValueError, match="of these tokens, found none"):
        data.index(wanted[7], wanted.index(wanted[7]) + 1, 9)


def test_no_documents(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty.jsonl", b"")
    shards.tokenize([empty], tmp_path / "out", CODEBOOK)
    for data in (shards.open(tmp_path / "out"), shards.open([tmp_path / "out"])):
        assert len(data) == 0
        assert [0] not in data
        for index in (0, -1):
            with pytest.raises(IndexError, match=f"documents, found no document {index}$"):
                data[index]


def test_another_codebook(folder: Path) -> None:
    assert shards.open(folder, DEFAULT_CODEBOOK).decode(3) == TEXTS[3]
    assert shards.open(folder, CODEBOOK).decode(3) == TEXTS[3]
    with pytest.raises(ModelMismatchError, match=rf"expected codebook {CODEBOOK.fingerprint} "):
        shards.open(folder, other_codebook())


def test_a_codebook_that_is_not_bundled(tmp_path: Path) -> None:
    codebook = other_codebook()
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    manifest = shards.tokenize([source], tmp_path / "out", codebook)
    assert manifest["codebook"] == {
        "name": None, "fingerprint": codebook.fingerprint, "window_bits": 10
    }  # fmt: skip
    data = shards.open(tmp_path / "out")
    assert data[0].tolist() == [*codebook.encode(TEXTS[0]).tolist(), 0]
    with pytest.raises(ModelMismatchError, match="give the one that made the shards"):
        data.decode(0)
    assert shards.open(tmp_path / "out", codebook).decode(0) == TEXTS[0]
    tokens = np.memmap(tmp_path / "out" / "000000-000000.bin", "<u2", mode="r+")
    begin = len(data[0]) + len(data[1])
    tokens[begin + 1] = 1024
    tokens.flush()
    wrong = rf"000000-000000.bin: document 2, from id {begin}: token 1: "
    with pytest.raises(FormatError, match=wrong):
        shards.open(tmp_path / "out", codebook).decode(2)


def test_ids_of_more_than_16_bits(tmp_path: Path) -> None:
    codebook = Codebook.fit("".join(TEXTS), 17, max_length=4, rounds=0)
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    shards.tokenize([source], tmp_path / "out", codebook)
    data = shards.open(tmp_path / "out", codebook)
    assert data[0].dtype == np.uint32
    assert [data.decode(i) for i in range(len(data))] == TEXTS


def test_damage(folder: Path) -> None:
    tokens, offsets = folder / "000001-000000.bin", folder / "000001-000000.idx"
    for path in (tokens, offsets):
        data = path.read_bytes()
        path.write_bytes(data[:-2])
        with pytest.raises(FormatError, match=rf"{path.name}: expected {len(data)} bytes, found"):
            shards.open(folder)
        path.write_bytes(bytes(2) + data[2:-1] + b"\x7f")
        if path == tokens:
            with pytest.raises(ChecksumError, match=rf"{path.name}: expected XXH3 \w+, found \w+"):
                shards.open(folder).verify()
        else:
            with pytest.raises(FormatError, match=rf"{path.name}: expected offsets within"):
                shards.open(folder)
        path.write_bytes(data)
    shards.open(folder).verify()


def test_missing_files(folder: Path) -> None:
    data = shards.open(folder)
    for path in (folder / "000001-000000.bin", folder / "000001-000000.idx"):
        content = path.read_bytes()
        path.unlink()
        for read in (lambda: shards.open(folder), data.verify):
            with pytest.raises(FileNotFoundError, match=rf"{path.name}: .* found none; run the"):
                read()
        path.write_bytes(content)
    data.verify()


def test_manifests(folder: Path, tmp_path: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    shard, codebook = manifest["shards"][0], manifest["codebook"]
    for content, error, message in (
        (b"{", FormatError, "expected JSON, found"),
        (b"[" * 100_000, FormatError, "expected JSON, found"),
        (b'{"format": %s}' % (b"9" * 5000), FormatError, "expected JSON, found"),
        (b'{"format": %s%s}' % (b"[" * 900, b"]" * 900), FormatError, "expected (format|JSON)"),
        ([], FormatError, "expected a JSON object, found list"),
        ({**manifest, "format": "x"}, FormatError, "expected format 'eqinfo-shards', found 'x'"),
        ({**manifest, "version": 3}, NewerVersionError, "expected version 1 or 2, found 3"),
        ({**manifest, "shards": None}, FormatError, "expected a list of shards, found NoneType"),
        ({**manifest, "shards": [{**shard, "tokens": -1}]}, FormatError, "expected shard 0 with"),
        (
            {**manifest, "shards": [{**shard, "files": [{**shard["files"][0], "name": "../x"}]}]},
            FormatError,
            "expected shard 0 with",
        ),
        *(
            (
                {**manifest, "shards": [{**shard, "files": [{**shard["files"][0], "name": name}]}]},
                FormatError,
                "expected shard 0 with",
            )
            for name in ("", "..", "a\0b", "\ud800", "x.bin", "000009-000000.bin", "manifest.json")
        ),
        (
            {**manifest, "shards": [{**shard, "name": "0" * 300 + "-000000"}]},
            FormatError,
            "shard 0",
        ),
        ({**manifest, "shards": [{**shard, "tokens": 1 << 63}]}, FormatError, "expected shard 0"),
        (
            {**manifest, "codebook": {k: v for k, v in codebook.items() if k != "name"}},
            FormatError,
            "expected a codebook with its fingerprint",
        ),
        (
            {**manifest, "shards": [{**shard, "name": "../000000-000000"}]},
            FormatError,
            "expected shard 0 with",
        ),
        ({**manifest, "shards": [{**shard, "files": []}]}, FormatError, "expected shard 0 with"),
        *(
            ({**manifest, "shards": [{**shard, "files": [file]}]}, FormatError, "expected shard 0")
            for file in shard["files"]
        ),
        *(
            ({**manifest, key: value}, FormatError, f"expected {key} [0-9.]+, as the shards say, ")
            for key in ("documents", "bytes", "tokens", "bytes_per_token")
            for value in (None, manifest[key] + 1, "x", [])
        ),
        ({**manifest, "skipped": 5}, FormatError, "expected skipped None, as the shards say, f"),
        *(
            ({**manifest, "codebook": wrong}, FormatError, "expected a codebook with its fing")
            for wrong in ({}, *({**codebook, "window_bits": bits} for bits in (0, 33, 1 << 40)))
        ),
        ({**manifest, "parameters": 3}, FormatError, "expected parameters, found 3"),
        ({**manifest, "inputs": [{}]}, FormatError, "expected a list of inputs"),
    ):
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        with pytest.raises(error, match=message):
            shards.open(folder)
    with pytest.raises(FileNotFoundError):
        shards.open(tmp_path / "missing")


def test_parquet_shards_are_for_pyarrow(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    shards.tokenize([source], tmp_path / "out", CODEBOOK, ShardParameters(output_format="parquet"))
    with pytest.raises(UnsupportedError, match="found parquet, which pyarrow reads"):
        shards.open(tmp_path / "out")


def test_no_file_stays_open(folder: Path) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    data = shards.open(folder)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert data.shards[0].tokens[:0].flags.writeable is False
    with pytest.raises(ValueError, match="WRITEABLE"):
        data[0].setflags(write=True)
    last = data[-1]
    del data
    gc.collect()
    assert last.tolist() == expected_tokens(TEXTS)[-1]


def test_mappings_end(folder: Path) -> None:
    data = shards.open(folder)
    maps = Path("/proc/self/maps")
    assert maps.read_text().count(str(folder)) == 2 * len(data.shards)
    del data
    gc.collect()
    assert str(folder) not in maps.read_text()


def test_more_shards_than_descriptors(folder: Path) -> None:
    code = (
        "import resource, sys; from eqinfo import shards\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "kept = [shards.open(sys.argv[1]) for _ in range(10)]\n"
        "print(sum(len(data.shards) for data in kept), kept[-1].decode(0) == kept[0].decode(0))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    count, same = done.stdout.split()
    assert int(count) > 40
    assert same == "True"


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))]
)
def test_pickles_hold_the_path(
    copied: Callable[[shards.TokenShards], shards.TokenShards],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder.parent)
    data = shards.open(folder.name)
    assert len(pickle.dumps(data)) < 400
    monkeypatch.chdir("/")
    found = copied(data)
    assert [tokens.tolist() for tokens in found] == expected_tokens(TEXTS)
    assert found.decode(3) == TEXTS[3]


def test_pickles_hold_a_codebook_that_is_not_bundled(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", json_lines(TEXTS))
    shards.tokenize([source], tmp_path / "out", other_codebook())
    data = shards.open(tmp_path / "out", other_codebook())
    found = pickle.loads(pickle.dumps(data))
    assert found.codebook == other_codebook()
    assert found.decode(3) == TEXTS[3]


def test_arrays_become_tensors_without_a_warning(folder: Path) -> None:
    """What docs/shards.md recommends."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = torch.from_numpy(shards.open(folder)[3].astype(np.int64))
    assert tensor.tolist() == expected_tokens(TEXTS)[3]
