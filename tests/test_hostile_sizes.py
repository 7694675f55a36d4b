"""Sizes and counts that files only claim: little memory, little time, and an error."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import eqinfo
from eqinfo.cli import main
from eqinfo.codebook import file as codebook_file
from eqinfo.common import tensor_file
from eqinfo.errors import FormatError

LOADERS: dict[str, Callable[[Any], Any]] = {
    "codebook": eqinfo.Codebook.load,
    "column": eqinfo.StringColumn.load,
    "model": eqinfo.models.NativeModel.load,
}


def tensors(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless file")
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/urandom"])
@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_endless_files(load: Callable[[Any], Any], path: str) -> None:
    with pytest.raises(FormatError, match=rf"{path}: expected (a safetensors file|at most)"):
        load(path)


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_sparse_files(load: Callable[[Any], Any], tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(FormatError, match=r"sparse: expected (a safetensors file|at most)"):
        load(path)


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_long_headers(load: Callable[[Any], Any], tmp_path: Path) -> None:
    """Each of a million empty tensors took 2 kB."""
    path = tmp_path / "file"
    empty = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    path.write_bytes(tensors({f"t{number}": empty for number in range(30_000)}))
    with pytest.raises(FormatError, match=r"file: .* a header of at most 1048576 bytes, found"):
        load(path)
    assert tensor_file.format_of(path) is None


def test_what_is_written_is_read_again() -> None:
    with pytest.raises(ValueError, match=r"expected metadata .* at most 1048576 bytes, found"):
        tensor_file.to_bytes({}, {"note": "x" * (1 << 20)})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1",
        struct.pack("<Q", 1 << 63),
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        tensors({"__metadata__": []}),  # type: ignore[dict-item]
        tensors({"__metadata__": {"format": 3}}),
        struct.pack("<Q", 2) + b"[]",
    ],
)
def test_files_without_a_format(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert tensor_file.format_of(path) is None


def chain(bits: int) -> bytes:
    """A codebook in which every string but those of a byte extends the one before."""
    length = (1 << bits) - 256
    depth = np.concatenate([np.arange(length + 1), np.ones(255)]).astype(np.uint32)
    symbol = np.concatenate([np.zeros(length + 1), np.arange(1, 256)]).astype(np.uint8)
    end = np.ones(len(depth), np.bool_)
    identity = codebook_file.identity(depth, symbol, end, "none")
    return codebook_file.to_bytes(depth, symbol, end, {"method": "arrays", **identity})


def test_the_longest_strings_a_codebook_can_have() -> None:
    """Its strings would take 2 GiB; only those that are asked for are made."""
    codebook = eqinfo.Codebook.from_bytes(chain(16))
    assert codebook.max_length == 65_280
    text = bytes(65_280) + b"\xff" + bytes(10)
    ids = codebook.encode(text)
    assert len(ids) == 3
    assert codebook.decode_bytes(ids) == text
    column = eqinfo.StringColumn([text] * 1000, codebook=codebook)
    assert len(column.to_bytes()) < 400_000
    assert column[999] == text


def test_text_tokens_may_stand_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read in pieces, between any two of its characters."""
    text = "One long line of tokens, and several short ones." * 4
    tokens = eqinfo.encode(text).tolist()
    for separator in (" ", "\n", "\t \n", "  "):
        line = separator.join(map(str, tokens))
        for size in (1, 2, 3, 7, 1000):
            monkeypatch.setattr("eqinfo.cli.tokens.CHUNK_BYTES", size)
            for end in ("", "\n", " "):
                result = CliRunner().invoke(main, ["decode", "--format", "text"], line + end)
                assert result.output == text


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("1 2\n3 x4 5", "line 2: expected tokens as decimal numbers, found b'x4'"),
        ("1\n\n\n12345678", "line 4: expected tokens as decimal numbers, found b'12345678'"),
        ("0" * 100_000, "line 1: expected tokens as decimal numbers, found b'0"),
        ("1 -2", "found b'-2'"),
    ],
)
def test_text_that_is_no_tokens(tokens: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (1 << 20, 50):
        monkeypatch.setattr("eqinfo.cli.tokens.CHUNK_BYTES", size)
        result = CliRunner().invoke(main, ["decode", "--format", "text"], tokens)
        assert result.exit_code == 1
        assert message in result.stderr
