"""Several folders of shards as one, and folders without shards."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codebook_cases import from_strings, grown
from eqinfo import Codebook, shards
from eqinfo.errors import ChecksumError, ModelMismatchError
from eqinfo.shards import JoinedShards, ShardParameters
from shards_cases import CODEBOOK, documents, expected_tokens, json_lines, write

TEXTS = [documents(30), [], documents(20, seed=1)]
WANTED = expected_tokens([text for part in TEXTS for text in part])


def tokenize(out: Path, texts: list[str], codebook: Codebook = CODEBOOK, **options: Any) -> Path:
    source = write(out.with_suffix(".jsonl"), json_lines(texts))
    shards.tokenize([source], out, codebook, ShardParameters(shard_bytes=5000, **options))
    return out


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [tokenize(tmp_path / str(i), texts) for i, texts in enumerate(TEXTS)]


def test_documents(folders: list[Path]) -> None:
    data = shards.open(folders)
    assert len(data) == 50
    assert [tokens.tolist() for tokens in data] == WANTED
    assert [data[i].tolist() for i in range(-50, 50)] == WANTED + WANTED
    assert [tokens.tolist() for tokens in data[25:40:3]] == WANTED[25:40:3]
    assert [data.decode(i) for i in (0, 29, 30, -1)] == [
        TEXTS[0][0], TEXTS[0][-1], TEXTS[2][0], TEXTS[2][-1],
    ]  # fmt: skip
    assert data.decode_bytes(30) == TEXTS[2][0].encode()
    assert data.codebook == CODEBOOK
    tokens = np.concatenate([shard.tokens for shard in data.shards])
    assert tokens.tolist() == [token for document in WANTED for token in document]
    for index in (50, -51):
        with pytest.raises(IndexError, match="expected a document of -50 to 49"):
            data[index]
        with pytest.raises(IndexError, match="expected a document of -50 to 49"):
            data.decode(index)
    data.verify()
    path = next(folders[2].glob("*.bin"))
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(ChecksumError, match=path.name):
        shards.open(folders).verify()


def test_pickles_have_no_tokens(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folders[0].parent)
    stored = pickle.dumps(shards.open([folder.name for folder in folders]))
    assert len(stored) < 1000
    monkeypatch.chdir("/")
    loaded = pickle.loads(stored)
    assert isinstance(loaded, JoinedShards)
    assert [tokens.tolist() for tokens in loaded] == WANTED


def test_runs_that_do_not_fit(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least one folder of shards, found none"):
        shards.open([])
    assert len(shards.open([folders[0]])) == 30
    other = tokenize(tmp_path / "other", ["text"], from_strings(grown(1, 10, 256, 0.0)))
    with pytest.raises(ModelMismatchError, match="tokens of the same codebook") as caught:
        shards.open([folders[0], other])
    assert str(folders[0]) in str(caught.value)
    assert str(other) in str(caught.value)
    bare = tokenize(tmp_path / "bare", ["text"], end_of_document=False)
    with pytest.raises(ValueError, match=rf"True in {folders[0]} and False in {bare}"):
        shards.open([folders[0], bare])


def test_folders_without_shards(folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, found in (
        ("empty", "found a folder without one; make shards with `eqinfo tokenize`"),
        ("none", "found no such folder; make shards with `eqinfo tokenize`"),
        ("0.jsonl", "found no such folder"),
    ):
        for given in (tmp_path / folder, [folders[0], tmp_path / folder]):
            with pytest.raises(FileNotFoundError, match=f"{folder}: expected shards .*{found}"):
                shards.open(given)
    bad = write(tmp_path / "bad.jsonl", b"no JSON")
    with pytest.raises(ValueError, match="expected JSON"):
        shards.tokenize([bad], tmp_path / "begun", CODEBOOK)
    with pytest.raises(FileNotFoundError, match="begun: expected a complete job, found one that"):
        shards.open(tmp_path / "begun")
