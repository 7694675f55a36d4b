"""Command line: files and pipes, exit codes, and no traceback for a user's mistake."""

from __future__ import annotations

import lzma
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest

import eqinfo
from eqinfo.cli import main
from eqinfo.common import tensor_file
from native_cases import random_native_model
from token_cases import encoded

EQINFO = [sys.executable, "-m", "eqinfo"]
TEXT = b"One window after another, each of them sixteen bits. \xff\x00\r\n" * 50


def run(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*EQINFO, *arguments], input=data, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def codebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    corpus = folder / "corpus.txt"
    corpus.write_bytes(TEXT)
    path = folder / "small.safetensors"
    done = run("fit", str(corpus), "-o", str(path), "--window-bits", "12")
    assert done.returncode == 0
    assert b"4,096 strings" in done.stderr
    return path


def test_pipes() -> None:
    tokens = run("encode", data=TEXT)
    assert tokens.returncode == 0
    assert tokens.stdout == encoded(TEXT)
    assert run("decode", data=tokens.stdout).stdout == TEXT
    assert run("decode", data=run("encode").stdout).stdout == b""
    raw = run("encode", "--raw", data=TEXT)
    assert np.frombuffer(raw.stdout, "<u2").tolist() == eqinfo.encode(TEXT).tolist()
    assert run("decode", "--raw", data=raw.stdout).stdout == TEXT
    assert run("encode", "--raw").stdout == b""


def test_files(tmp_path: Path, codebook: Path) -> None:
    (tmp_path / "in").write_bytes(TEXT)
    for options in ([], ["-m", str(codebook)], ["--raw"], ["--format", "text"]):
        source, tokens, output = (str(tmp_path / name) for name in ("in", "t", "out"))
        assert run("encode", source, "-o", tokens, *options).returncode == 0
        assert run("decode", tokens, "-o", output, *options).returncode == 0
        assert (tmp_path / "out").read_bytes() == TEXT
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out", "t"]
    words = (tmp_path / "t").read_text().split()
    assert words == [str(token) for token in eqinfo.encode(TEXT)]


def test_parse_and_threads() -> None:
    text = TEXT * (3_000_000 // len(TEXT))
    for parse in ("greedy", "shortest"):
        done = run("encode", "--raw", "--parse", parse, "--threads", "2", data=text)
        wanted = eqinfo.encode(text, parse=parse)
        assert np.array_equal(np.frombuffer(done.stdout, "<u2"), wanted)


def test_inspect_shows_windows_that_make_up_the_text(codebook: Path) -> None:
    done = run("inspect", "--text", "windows, side by side", "-m", str(codebook))
    assert done.stdout.decode().replace("|", "").strip() == "windows, side by side"
    assert re.search(
        rb"21 bytes, \d+ windows of 12 bits: .* bytes per window, .* bits per byte", done.stderr
    )
    coloured = run("inspect", "--text", "windows", "--colour").stdout
    assert b"\x1b[38;5;16m\x1b[48;5;" in coloured
    assert re.sub(rb"\x1b\[[0-9;]*m", b"", coloured).strip() == b"windows"
    table = run("inspect", "--table", data=b"a\n\xff").stdout.decode()
    assert "bits spare" in table
    assert "\\n" in table
    assert "\\xff" in table


@pytest.mark.parametrize(
    ("arguments", "data", "code", "message"),
    [
        (["decode", "--raw"], b"abc", 1, b"multiple of 2 bytes of tokens, found 3"),
        (["decode", "--format", "text"], b"1\n2 x\n", 1, b"line 2: expected tokens as"),
        (["decode", "--format", "text"], b"1\n65536\n", 1, b"token 1: expected 0 to 65535"),
        (
            ["encode", "-m", "gpt2"],
            b"",
            2,
            b"'gpt2' is neither a file nor the name of a bundled codebook (en, en-dense, en-4k, "
            b"en-dense-4k, world, world-18) or of a model (en, world, smollm2-135m)",
        ),
        (["encode", "missing.txt"], b"", 2, b"does not exist"),
        (["encode", "--parse", "best"], b"", 2, b"'best' is not one of 'greedy', 'shortest'"),
        (["encode", "--threads", "257"], b"", 2, b"257 is not in the range 1<=x<=256"),
        (["encode", "-o", "no/such/folder"], b"x", 1, b"No such folder for the output"),
        (["fit", __file__, "-o", "no/such/folder"], b"", 1, b"No such folder for the output"),
        (["fit"], b"", 2, b"Missing argument"),
        (["fit", "x", "-o", "y", "--window-bits", "8"], b"", 2, b""),
        (["nonsense"], b"", 2, b"No such command"),
    ],
)
def test_mistakes(arguments: list[str], data: bytes, code: int, message: bytes) -> None:
    done = run(*arguments, data=data)
    assert done.returncode == code
    assert message in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"not xz", "xz data, as the name says"), (lzma.compress(TEXT)[:-9], "a whole xz file")],
)
def test_broken_corpora_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.xz"
    path.write_bytes(content)
    done = run("fit", str(path), "-o", str(tmp_path / "out"))
    assert done.returncode == 1
    assert f"{path}: expected {message}".encode() in done.stderr
    assert not (tmp_path / "out").exists()


def test_broken_codebooks(tmp_path: Path, codebook: Path) -> None:
    content = codebook.read_bytes()
    for name, broken in (("cut", content[:-9]), ("altered", content[:-9] + b"!" + content[-8:])):
        path = tmp_path / name
        path.write_bytes(broken)
        done = run("encode", "-m", str(path), data=b"x")
        assert done.returncode == 1
        assert str(path).encode() in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals and pipes as on POSIX")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_interruption_leaves_no_half_written_file(name: str, code: int, tmp_path: Path) -> None:
    number = getattr(signal, name)
    target = tmp_path / "tokens"
    target.write_bytes(b"the old file")
    command = [*EQINFO, "encode", "-o", str(target)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that starts the tests in the background makes them ignore the signal.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as process:
        assert process.stdin is not None
        process.stdin.write(os.urandom(3 << 20))
        process.stdin.flush()
        deadline = time.monotonic() + 60
        # Wait until some of the output has been written.
        while not any(p.stat().st_size for p in tmp_path.glob(".tokens*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(60) == code
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert [p.name for p in tmp_path.iterdir()] == ["tokens"]
    assert target.read_bytes() == b"the old file"


@pytest.mark.skipif(os.name != "posix", reason="signals and pipes as on POSIX")
def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"head -c 3000000 /dev/urandom | {' '.join(EQINFO)} encode | head -c 10 >/dev/null"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr


def test_version_and_help() -> None:
    assert eqinfo.__version__.encode() in run("--version").stdout
    assert b"inspect" in run("--help").stdout


def test_inspect_takes_models_and_window_sizes(tmp_path: Path, codebook: Path) -> None:
    model = tmp_path / "model.safetensors"
    random_native_model().save(model)
    done = run("inspect", "--text", "windows", "-m", str(model))
    assert done.stdout.replace(b"|", b"").strip() == b"windows"
    assert b" windows of 16 bits" in done.stderr
    done = run("inspect", "--text", "It was the best of times", "--window-bits", "32")
    assert done.stdout == b"It was the best of t|imes|\n"
    assert b"2 windows of 32 bits" in done.stderr
    for name in ("en", "world"):  # codebooks of 16 bits have these names, too
        codec = eqinfo.WindowCodec(eqinfo.models.load(name), 16)
        windows = [window.text for window in codec.windows(b"It was the best of times")]
        done = run(
            "inspect", "--text", "It was the best of times", "--window-bits", "16", "-m", name
        )
        assert done.stdout.rstrip(b"\n").split(b"|")[:-1] == windows
    assert b"of 12 bits" in run("inspect", "--text", "It", "--window-bits", "12").stderr
    for name in ("en-4k", str(codebook)):
        refused = run("inspect", "--text", "a", "--window-bits", "16", "-m", name)
        assert refused.returncode == 2
        assert b"--window-bits has no effect with a codebook" in refused.stderr


def test_inspect_shows_what_codebooks_models_and_columns_say(
    codebook: Path, tmp_path: Path
) -> None:
    """Their bytes are no text: a model would be millions of windows."""
    model, column = tmp_path / "own.model", tmp_path / "names.column"
    random_native_model().save(model)
    eqinfo.StringColumn(["a"]).save(column)
    fingerprint = eqinfo.Codebook.load(codebook).fingerprint
    for path, first, entry in (
        (codebook, "eqinfo-codebook, version 2", f"fingerprint {fingerprint}"),
        (model, "eqinfo-native-model, version 1", "architecture hashed-rows-gated-average"),
        (column, "eqinfo-string-column, version 1", "kind str"),
    ):
        lines = run("inspect", str(path)).stdout.decode().splitlines()
        assert lines[0] == f"{path}: {first}"
        assert entry in [" ".join(line.split()) for line in lines]
    refused = run("inspect", str(model), "--table")
    assert b"--table has no effect with a file of the format eqinfo-native-model" in refused.stderr
    assert refused.returncode == 2
    hostile = tmp_path / "hostile"
    metadata = {"format": "eqinfo-\x1b", "version": "1", "name": "\x1b[2J"}
    hostile.write_bytes(tensor_file.to_bytes({"a": np.zeros(1, np.uint8)}, metadata))
    assert b"\x1b" not in run("inspect", str(hostile)).stdout


def test_inspect_shows_what_a_folder_of_shards_says(tmp_path: Path) -> None:
    text, shards = tmp_path / "text", tmp_path / "shards"
    text.write_bytes(b"some words")
    assert run("tokenize", str(text), "-o", str(shards), "-m", "en-4k").returncode == 0
    lines = run("inspect", str(shards)).stdout.decode().splitlines()
    assert lines[0] == f"{shards}: eqinfo-shards, version 1"
    entries = [" ".join(line.split()) for line in lines]
    assert {"bytes 10", "codebook.name en-4k", "inputs 1", "shards 1"} <= set(entries)
    refused = run("inspect", str(tmp_path))
    assert b"expected shards with a manifest.json, found a folder without one" in refused.stderr


def test_inspect_shows_whole_characters() -> None:
    shown = run("inspect", "--text", "漢😀", "-m", "en-4k").stdout.decode()
    assert shown == "漢|·|·|😀|·|·|·|\n"


def test_inspect_writes_a_page() -> None:
    page = run("inspect", "--text", "<b> 漢", "--html").stdout.decode()
    assert page.startswith("<!doctype html>")
    assert "漢" in page
    assert "<b>" not in page
    assert run("inspect", "--text", "a", "--html", "--table").returncode == 2


@pytest.mark.parametrize("command", ["encode", "decode", "tokenize"])
def test_commands_for_codebooks_refuse_models(command: str, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    random_native_model().save(model)
    (tmp_path / "text").write_bytes(TEXT)
    output = ["-o", str(tmp_path / "out")] if command == "tokenize" else []
    done = run(command, str(tmp_path / "text"), *output, "-m", str(model))
    assert done.returncode == 2
    assert f"'{model}': expected a codebook, found a model; `eqinfo {command}`".encode() in (
        done.stderr.replace(b"\n", b" ")
    )
    assert not (tmp_path / "out").exists()


def test_model_means_the_same_in_every_command() -> None:
    options = {
        name: next((o for o in command.params if "--model" in o.opts), None)
        for name, command in main.commands.items()
    }
    found = {name: option for name, option in options.items() if option is not None}
    assert set(found) == {
        "encode", "decode", "inspect", "tokenize", "compress", "decompress", "verify"
    }  # fmt: skip
    for option in found.values():
        assert isinstance(option, click.Option)
        assert option.opts == ["-m", "--model"]
        assert option.metavar == "NAME|FILE"
        assert option.help is not None
        assert option.help.startswith(
            "What the text is coded with, a codebook or a model: a bundled name or a file. "
        )


def test_the_list_of_commands_is_not_cut_short() -> None:
    listing = run("--help").stdout.decode().partition("Commands:")[2]
    assert "..." not in listing
    for name, command in main.commands.items():
        assert re.search(rf"^  {name} +[A-Z].*\.$", listing, re.MULTILINE), name
        for option in command.params:
            assert isinstance(option, click.Argument) or option.help, (name, option.name)


@pytest.mark.parametrize(("text", "warns"), [("人人都有" * 99, True), ("all of them " * 99, False)])
def test_tokenize_warns_of_text_that_the_codebook_does_not_fit(
    text: str, warns: bool, tmp_path: Path
) -> None:
    source = tmp_path / "a.txt"
    source.write_text(text, "utf-8")
    done = run("tokenize", str(source), "-o", str(tmp_path / "shards"), "--model", "en-4k")
    assert done.returncode == 0
    message = b"eqinfo: warning: expected at least 1.2 bytes per token, found 1."
    assert (message in done.stderr) == warns
