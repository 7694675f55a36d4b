"""Shards of every method of the catalogue decode to their text, however they are made."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import eqinfo
from eqinfo import shards
from eqinfo.cli import main, method
from eqinfo.common.progress import Progress
from eqinfo.errors import ChecksumError, FormatError, ModelMismatchError
from eqinfo.experiment import MethodEncoder, MethodShards, methods, open_shards
from eqinfo.models import NativeModel, StaticModel
from eqinfo.shards import ShardParameters
from experiment_cases import DOCUMENTS, TRAINING, ngram
from shards_cases import CODEBOOK, contents, documents, json_lines, write

# One of every kind; test_experiment_methods has the rest. SentencePiece needs more text.
NAMES = [
    "Bytes",
    "BPE[4k]",
    "GZip[8]",
    "AC[8]",
    "StaticAC[16]",
    "EqualInfo[16, 8]",
    "EqualInfo[24, 16] never reset",
    "EqualInfo[20, 8] reset every 3",
    "EqualInfo[16, 8] padded",
    "EqualInfo[16, 16] padded reset every 2",
    "EqualInfo[16, 16] delay",
    "EqualInfo[12, 12] word",
    "Codebook[16, 16] from_model",
    "Codebook[12, 12] fit word",
    "EqualText[8 bytes, 8]",
    "Huffman[8]",
    "ANS[8]",
]
WINDOWS = "EqualInfo[32, 8]"
EQINFO = [sys.executable, "-m", "eqinfo"]


@cache
def encoder(name: str) -> MethodEncoder:
    for package in methods([name], ngram())[0].packages:
        pytest.importorskip(package)
    return MethodEncoder(name, ngram(), TRAINING)


def lines(folder: Path, texts: list[str]) -> Path:
    return write(folder / "texts.jsonl", json_lines(texts))


@pytest.mark.parametrize("name", NAMES)
def test_shards_decode_to_their_text(name: str, tmp_path: Path) -> None:
    made = encoder(name)
    manifest = shards.tokenize([lines(tmp_path, DOCUMENTS)], tmp_path / "out", made)
    entry = manifest["method"]
    assert entry["name"] == name
    assert (entry["model"] is None) == (not methods([name], ngram())[0].uses_model)
    if entry["model"]:
        assert entry["model"]["fingerprint"] == ngram().fingerprint
    opened = open_shards(tmp_path / "out", ngram())
    opened.verify()
    assert isinstance(opened, MethodShards)
    assert [opened.decode(number) for number in range(len(opened))] == DOCUMENTS
    wanted = [*made.tokenization.encode(DOCUMENTS[2]).tolist(), made.tokenization.vocab_size]
    assert opened[2].tolist() == wanted
    assert opened[2].dtype == (np.uint16 if entry["vocab_size"] < 1 << 16 else np.uint32)


def test_shards_without_ends_and_in_parquet(tmp_path: Path) -> None:
    source, made = lines(tmp_path, DOCUMENTS), encoder("EqualInfo[16, 16]")
    shards.tokenize([source], tmp_path / "out", made, ShardParameters(end_of_document=False))
    opened = open_shards(tmp_path / "out", ngram())
    assert opened[0].dtype == np.uint16  # 65,536 ids, and none for the end
    assert [opened.decode(number) for number in range(len(opened))] == DOCUMENTS
    copy = pickle.loads(pickle.dumps(opened))
    assert copy.decode(3) == DOCUMENTS[3]
    pytest.importorskip("pyarrow")
    shards.tokenize([source], tmp_path / "rows", made, ShardParameters(output_format="parquet"))
    import pyarrow.parquet as pq

    (file,) = (tmp_path / "rows").glob("*.parquet")
    rows = pq.read_table(file)["tokens"].to_pylist()
    assert [row[:-1] for row in rows] == [ids.tolist() for ids in opened]


def test_workers_interruptions_and_damage_leave_the_same_bytes(tmp_path: Path) -> None:
    source = lines(tmp_path, documents(60))
    made = MethodEncoder("StaticAC[8]", texts=TRAINING)
    parameters = ShardParameters(shard_bytes=5000)
    shards.tokenize([source], tmp_path / "one", made, parameters)
    wanted = contents(tmp_path / "one")
    assert len(wanted) > 10

    def stop(stage: str) -> Progress:
        def show(done: int, total: int | None) -> None:
            if stage == "tokenize" and total and done > total / 3:
                raise KeyboardInterrupt

        return show

    with pytest.raises(KeyboardInterrupt):
        shards.tokenize([source], tmp_path / "two", made, parameters, progress=stop)
    shards.tokenize([source], tmp_path / "two", made, parameters, num_threads=2)
    assert contents(tmp_path / "two") == wanted
    (tmp_path / "two" / "learned").write_bytes(b"{}")
    with pytest.raises(ChecksumError, match="learned: expected XXH3"):
        open_shards(tmp_path / "two").decode(0)
    other = MethodEncoder("StaticAC[8]", texts=TRAINING[:1])
    with pytest.raises(ModelMismatchError, match=r"begun with method StaticAC\[8\] \("):
        shards.tokenize([source], tmp_path / "two", other, parameters)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_a_kill_ends_the_workers_and_the_job_resumes(tmp_path: Path) -> None:
    source = lines(tmp_path, documents(60))
    command = ["tokenize", str(source), "--method", "windows", "--window-bits", "32"]
    command += ["--token-bits", "8", "--shard-mib", "0.005", "-o"]
    environment = {**os.environ, "PYTHONPATH": str(Path(eqinfo.__file__).parents[1])}
    killed = [*EQINFO, *command, str(tmp_path / "killed"), "--threads", "2"]
    with subprocess.Popen(killed, stderr=subprocess.PIPE, env=environment) as process:
        while process.poll() is None and not list((tmp_path / "killed").glob("*.bin")):
            time.sleep(0.01)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}/fd/0").exists() for child in children):
        assert time.monotonic() < deadline, "workers outlive the job"
        time.sleep(0.05)
    for name in ("killed", "whole"):
        done = CliRunner().invoke(main, [*command, str(tmp_path / name), "--threads", "1"])
        assert done.exit_code == 0, done.output
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert open_shards(tmp_path / "whole").decode(5) == documents(60)[5]


def tokenize(folder: Path, *options: str) -> Result:
    source = folder / "text.txt"
    source.write_text("".join(TRAINING))
    return CliRunner().invoke(main, ["tokenize", str(source), "-o", str(folder / "o"), *options])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--method windows -m world-18", "expected a model (M1) for EqualInfo[16, 16], found a"),
        ("--method windows --window-bits 11", "11 is not in the range 12<=x<=128"),
        ("--method static", "expected text for StaticAC[16] to learn from, 1 bytes or more, found"),
        (
            "--method BPE[9k]",
            "expected a method among windows, ac, static, Bytes, Sent",
        ),
        ("--method bogus -m world-18", "EqualText[8 bytes, 8], Huffman[8]"),
        ("--method ac --reset-every 2", "--reset-every has no effect with --method ac"),
        ("--method GZip[8] --token-bits 8", "--token-bits has no effect with --method 'GZip[8]'"),
        ("--window-bits 32", "--window-bits has no effect with a codebook (no --method)"),
    ],
)
def test_what_a_method_lacks_is_said_before_the_work(
    options: str, message: str, tmp_path: Path
) -> None:
    done = tokenize(tmp_path, *options.split())
    assert done.exit_code == (1 if "learn from" in message else 2)
    assert message in " ".join(done.output.split())
    assert not (tmp_path / "o").exists()


def test_an_encoder_that_another_process_gets_has_the_same_numbers() -> None:
    encoder = MethodEncoder("AC[8]", ngram())
    assert pickle.loads(pickle.dumps(encoder)).fingerprint == encoder.fingerprint
    make, (*given, numerics) = encoder.__reduce__()
    with pytest.raises(ModelMismatchError, match=f"0000, found {numerics}: the weights"):
        make(*given, "0000")


def test_a_method_takes_a_model_over_bytes() -> None:
    with pytest.raises(click.BadParameter, match=r"over the 256 bytes for AC.*found 3 symbols"):
        method._model("file", StaticModel([1, 1, 1]), "AC[8]")


def test_little_text_and_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--method", "SentencePiece[4k]", "--fit-on", str(tmp_path / "text.txt")]
    assert tokenize(tmp_path).exit_code == 0  # writes text.txt
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert "pip install eqinfo[experiment]" in tokenize(tmp_path, *options).output
    monkeypatch.undo()
    pytest.importorskip("sentencepiece")
    assert "131,072 bytes or more, found" in tokenize(tmp_path, *options).output


def test_a_sample_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    sample = tmp_path / "sample.txt"
    sample.write_bytes(b"bad \xff")
    done = tokenize(tmp_path, "--method", "static", "--fit-on", str(sample))
    assert f"{sample}: expected UTF-8, found byte 0xff at offset 4" in done.output


def test_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"good")
    (tmp_path / "b.txt").write_bytes(b"bad \xff")
    sources = [tmp_path / "a.txt", tmp_path / "b.txt"]
    with pytest.raises(FormatError, match="000000-000000, counted from its document 0: document 1"):
        shards.tokenize(sources, tmp_path / "out", encoder("Bytes"))


def test_only_the_m1_that_made_them_decodes_shards(tmp_path: Path) -> None:
    source = lines(tmp_path, DOCUMENTS)
    shards.tokenize([source], tmp_path / "out", encoder(WINDOWS))
    opened = open_shards(tmp_path / "out")
    assert opened[1][-1] == 256  # tokens need no M1
    with pytest.raises(ModelMismatchError, match=r"\(of a file\) to decode EqualInfo.*found none"):
        opened.decode(0)
    en = eqinfo.models.load("en")
    assert isinstance(en, NativeModel)
    with pytest.raises(ModelMismatchError, match=f"found {en.fingerprint}; give the one"):
        open_shards(tmp_path / "out", en).decode(0)
    with pytest.raises(ModelMismatchError, match=r"found tokens of EqualInfo\[32, 8\]; open them"):
        shards.open(tmp_path / "out").decode(0)
    with pytest.raises(ModelMismatchError, match="expected shards of a codebook"):
        shards.open(tmp_path / "out", CODEBOOK)
    shards.tokenize([source], tmp_path / "other", encoder("AC[8]"))
    with pytest.raises(ModelMismatchError, match=r"same method, found .*AC\[8\]"):
        shards.open([tmp_path / "out", tmp_path / "other"])


def test_a_manifest_with_impossible_methods_is_refused(tmp_path: Path) -> None:
    shards.tokenize([lines(tmp_path, DOCUMENTS)], tmp_path / "out", encoder(WINDOWS))
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    method = manifest["method"]
    for wrong in (
        *({**method, "vocab_size": size} for size in (0, 1 << 32)),
        *({**method, "model": model} for model in (1, without(method["model"], "numerics"))),
        {**method, "learned": {"name": "../x"}},
        {**method, "window_tokens": "2"},
        *(without(method, key) for key in method if key != "window_tokens"),
    ):
        path.write_text(json.dumps({**manifest, "method": wrong}))
        with pytest.raises(FormatError, match="expected a method with its fingerprint"):
            open_shards(tmp_path / "out")


def without(entry: dict[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in entry.items() if name != key}


def test_a_model_that_gives_other_numbers_decodes_nothing(tmp_path: Path) -> None:
    shards.tokenize([lines(tmp_path, DOCUMENTS)], tmp_path / "out", encoder(WINDOWS))
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["method"]["model"]["numerics"] = "0" * 32
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelMismatchError, match=r"numeric fingerprint 0{32}, found"):
        open_shards(tmp_path / "out", ngram()).decode(0)


def test_shards_of_a_codebook_take_no_model(tmp_path: Path) -> None:
    shards.tokenize([lines(tmp_path, DOCUMENTS)], tmp_path / "out", CODEBOOK)
    with pytest.raises(ModelMismatchError, match=r"expected the codebook \w+, found a model$"):
        open_shards(tmp_path / "out", ngram())
