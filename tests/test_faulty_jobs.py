"""Commands, `tokenize` and `train` while writing fails: what was stays, and the next run works."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import eqinfo
from eqinfo import shards
from eqinfo.cli import main
from eqinfo.shards import ShardParameters
from faulty_files import WRITE_FAULTS, faults
from shards_cases import CODEBOOK, contents, documents, json_lines

pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="descriptors have no names here"
)

TEXT = b"What is written here must be all there, or not at all. " * 40
OLD = eqinfo.compress(b"old", codec="stored")

COMMANDS = {
    "compress": ["compress", "--codec", "stored", "-f", "text"],
    "compress -o": ["compress", "--codec", "stored", "-f", "text", "-o", "text.eqi"],
    "decompress": ["decompress", "-f", "input.eqi", "-o", "text.eqi"],
    "encode": ["encode", "-m", "en-4k", "text", "-o", "text.eqi"],
    "decode": ["decode", "tokens.eqt", "-o", "text.eqi"],
    "decode --raw": ["decode", "--raw", "-m", "en-4k", "tokens", "-o", "text.eqi"],
    "fit": ["fit", "--window-bits", "9", "--max-length", "4", "text", "-o", "text.eqi"],
}  # fmt: skip


@pytest.mark.parametrize("fault", ["full", "close", "replace"])
@pytest.mark.parametrize("command", COMMANDS)
def test_commands(
    command: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_bytes(TEXT)
    Path("input.eqi").write_bytes(eqinfo.compress(TEXT, codec="stored"))
    tokens = eqinfo.Codebook.bundled("en-4k").encode(TEXT)
    Path("tokens").write_bytes(tokens.astype("<u2").tobytes())
    eqinfo.save_tokens("tokens.eqt", tokens, eqinfo.Codebook.bundled("en-4k"))
    Path("text.eqi").write_bytes(OLD)
    before = contents(tmp_path)
    for at in count(1):
        # The names in a command are relative, and those of temporary files are not.
        with faults(fault, at, tmp_path) as state:
            result = CliRunner().invoke(main, COMMANDS[command])
        if not state.happened:
            break
        assert result.exit_code == 1, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("eqinfo: ")
        assert "text.eqi" in line
        assert contents(tmp_path) == before
    assert at > 1
    assert result.exit_code == 0
    assert contents(tmp_path).keys() == before.keys()
    assert Path("text.eqi").read_bytes() != OLD


@pytest.mark.parametrize("output_format", ["bin", "parquet"])
@pytest.mark.parametrize("fault", WRITE_FAULTS)
def test_tokenize_resumes_after_every_failure(
    fault: str, output_format: str, tmp_path: Path
) -> None:
    if output_format == "parquet":
        pytest.importorskip("pyarrow")
    source = tmp_path / "in.jsonl"
    source.write_bytes(json_lines(documents(30)))
    parameters = ShardParameters(shard_bytes=8_000, output_format=output_format)  # type: ignore[arg-type]
    shards.tokenize([source], tmp_path / "wanted", CODEBOOK, parameters)
    wanted = contents(tmp_path / "wanted")
    out = tmp_path / "out"
    for at in count(1):
        with faults(fault, at, out) as state:
            try:
                shards.tokenize([source], out, CODEBOOK, parameters)
            except OSError as error:
                assert str(out) in str(error)  # noqa: PT017
                assert not list(out.rglob("*.tmp"))
                assert fault == "fsync" or not (out / "manifest.json").exists()
        if not state.happened:
            break
        shards.tokenize([source], out, CODEBOOK, parameters)
        assert contents(out) == wanted
        for path in [*out.rglob("*")]:
            path.unlink()
        out.rmdir()
    assert contents(out) == wanted
    assert at > 3


@pytest.mark.parametrize("fault", ["full", "close", "replace"])
def test_training_resumes_after_every_failure(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("matplotlib")
    from eqinfo.models.paper import Sizes
    from eqinfo.train import PaperParameters, curve, train_paper

    monkeypatch.setattr(curve, "_picture", lambda points: b"a picture")
    text = np.frombuffer(TEXT, np.uint8)
    sizes = Sizes(width=16, heads=2, head_width=8, layers=1, hidden=8, context=8)
    parameters = PaperParameters(steps=2, interval=1, streams=2, sizes=sizes)
    train_paper(text, text[:300], tmp_path / "wanted", parameters)
    wanted = (tmp_path / "wanted").read_bytes()
    out = tmp_path / "out"
    out.mkdir()
    for at in count(1):
        with faults(fault, at, out) as state:
            try:
                train_paper(text, text[:300], out / "model", parameters)
            except OSError as error:
                assert "model" in str(error)  # noqa: PT017
                assert not (out / "model").exists()
        assert not list(out.glob(".*"))
        if not state.happened:
            break
        train_paper(text, text[:300], out / "model", parameters, resume=True)
        assert (out / "model").read_bytes() == wanted
        for path in out.iterdir():
            path.unlink()
    assert (out / "model").read_bytes() == wanted
    assert at > 5
