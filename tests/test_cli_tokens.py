"""Command line: token files say which codebook they belong to, and refuse what does not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import eqinfo
from eqinfo import ArithmeticCodec, Codebook, CodebookCodec
from eqinfo.cli import main
from eqinfo.cli.io import refuse_terminal
from token_cases import encoded, saved, small_codebook

EQINFO = [sys.executable, "-m", "eqinfo"]
TEXT = b"Tokens on disk say what they are. " * 30
on_posix = pytest.mark.skipif(os.name != "posix", reason="terminals and pipes as on POSIX")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_bytes(TEXT)
    Path("a.eqt").write_bytes(encoded(TEXT))
    Path("a.eqi").write_bytes(eqinfo.compress(TEXT, codec="stored"))
    small_codebook().save("book")
    return tmp_path


def call(*arguments: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(main, arguments, input=data)


def run(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*EQINFO, *arguments], input=data, capture_output=True, timeout=120)


@pytest.mark.parametrize("model", ["en", "en-dense", "en-4k", "en-dense-4k"])
def test_the_file_names_its_codebook(model: str, folder: Path) -> None:
    assert call("encode", "a.txt", "-m", model, "-o", "t").exit_code == 0
    assert (folder / "t").read_bytes() == encoded(TEXT, model)
    assert call("decode", "t").stdout_bytes == TEXT
    assert call("decode", "t", "-m", model).stdout_bytes == TEXT
    other = "en" if model != "en" else "en-dense"
    for arguments in (("t", "-m", other), ("t", "-m", other, "-o", "out"), ("t", "-m", "book")):
        refused = call("decode", *arguments)
        assert refused.exit_code == 1
        assert refused.stdout_bytes == b""
        assert f"codec that encoded the tokens, with the codebook {model} (id " in refused.stderr
        assert not (folder / "out").exists()


def test_a_codebook_of_ones_own(folder: Path) -> None:
    call("encode", "a.txt", "-m", "book", "-o", "t")
    assert call("decode", "t", "-m", "book").stdout_bytes == TEXT
    refused = call("decode", "t")
    assert refused.exit_code == 1
    assert "t, offset 0: needs an unnamed codebook (id " in refused.stderr
    assert (
        ") that is not bundled; pass its file with -m FILE, or the codebook itself"
        in refused.stderr
    )


def test_ids_of_more_than_16_bits(folder: Path) -> None:
    Codebook.fit(TEXT, 17).save("large")
    for options in ((), ("--raw",), ("--format", "text")):
        call("encode", "a.txt", "-m", "large", "-o", "t", *options)
        assert call("decode", "t", "-m", "large", *options).stdout_bytes == TEXT


def test_files_of_other_codecs(folder: Path) -> None:
    for codec in (
        CodebookCodec(Codebook.bundled("en"), 7),
        eqinfo.window_codec("en", window_bits=40),
        ArithmeticCodec(eqinfo.models.load("en"), check_bits=16),
    ):
        Path("t").write_bytes(saved(codec.encode(TEXT), codec))
        assert call("decode", "t").stdout_bytes == TEXT
    unknown = ArithmeticCodec(eqinfo.models.StaticModel.fit(TEXT))
    Path("t").write_bytes(saved(unknown.encode(TEXT), unknown))
    assert "pass the codec that encoded to eqinfo.load_tokens" in call("decode", "t").stderr


DAMAGED = {
    "foreign": (TEXT, "tokens without a header are decoded with --raw"),
    "bare": (eqinfo.encode(TEXT).astype("<u2").tobytes(), "are decoded with --raw"),
    "empty": (b"", "found the end of the file after 0 bytes"),
    "compressed": (eqinfo.compress(TEXT, codec="stored"), "use `eqinfo decompress`"),
    "cut": (encoded(TEXT)[:-1], "it is truncated"),
    "cut among the tokens": (encoded(TEXT)[:200], "it is truncated"),
    "cut in the header": (encoded(TEXT)[:40], "bytes of header, found the end of the file"),
    "altered": (encoded(TEXT)[:99] + b"!" + encoded(TEXT)[100:], "a file with the checksum"),
    "two": (encoded(TEXT) * 2, "a file with the checksum"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_files_that_are_not_whole_are_refused(damage: str, folder: Path) -> None:
    content, message = DAMAGED[damage]
    Path("t").write_bytes(content)
    Path("out").write_bytes(b"old")
    for arguments in (("decode", "t"), ("decode", "t", "-o", "out"), ("decode", "t", "-m", "en")):
        refused = call(*arguments)
        assert refused.exit_code == 1
        assert refused.stdout_bytes == b""
        assert message in refused.stderr
        assert refused.stderr.startswith("eqinfo: t, offset ")
        assert refused.stderr.count("\n") == 1
    assert (folder / "out").read_bytes() == b"old"
    if damage not in ("foreign", "bare", "compressed", "empty"):
        for command in ("verify", "inspect"):
            refused = call(command, "t")
            assert refused.exit_code == 1
            assert message in refused.stderr
            assert refused.stdout_bytes == b""


@on_posix
def test_pipes() -> None:
    """What comes before the damage in a pipe may be written, as by gzip; the exit code says so."""
    line = f"{' '.join(EQINFO)} encode -m en-dense | {' '.join(EQINFO)} decode"
    done = subprocess.run(["sh", "-c", line], input=TEXT, capture_output=True, timeout=120)
    assert (done.stdout, done.stderr) == (TEXT, b"")
    for command in (["decode"], ["verify"], ["inspect"]):
        done = run(*command, data=encoded(TEXT)[:-1])
        assert done.returncode == 1
        assert b"it is truncated" in done.stderr
    assert run("verify", data=encoded(TEXT)).stdout.startswith(b"-: ok, ")
    assert run("inspect", data=encoded(TEXT)).stdout.startswith(b"-: ")


def test_standard_input_at_another_place(folder: Path) -> None:
    Path("t").write_bytes(b"skipped" + encoded(TEXT))
    with open("t", "rb") as file:
        file.seek(7)
        os.lseek(file.fileno(), 7, os.SEEK_SET)
        done = subprocess.run([*EQINFO, "decode"], stdin=file, capture_output=True, timeout=120)
    assert (done.stdout, done.stderr) == (TEXT, b"")


def test_inspect_and_verify(folder: Path) -> None:
    count = len(eqinfo.encode(TEXT))
    assert call("verify", "a.eqt", "a.eqi").stdout.splitlines() == [
        f"a.eqt: ok, {count} tokens",
        f"a.eqi: ok, {len(TEXT):,} bytes of data",
    ]
    shown = call("inspect", "a.eqt").stdout.splitlines()
    assert shown[0] == f"a.eqt: {count} tokens of 16 bits"
    assert shown[1:2] == ["    codec      codebook, version 1"]
    assert shown[2].startswith("    codebook   en, id ")
    codec = ArithmeticCodec(eqinfo.models.load("en"), 8, check_bits=16)
    Path("t").write_bytes(saved(codec.encode(TEXT), codec))
    shown = call("inspect", "t").stdout.splitlines()
    assert "    check      of 16 bits" in shown
    assert "    precision  24 bits, frequency rule 1" in shown
    assert any(line.startswith("    model      en, id ") for line in shown)


def test_other_commands_know_token_files(folder: Path) -> None:
    refused = call("decompress", "a.eqt", "-o", "out")
    assert "expected a compressed file, found a token file; use `eqinfo decode`" in refused.stderr
    for command in (["fit", "a.eqt", "-o", "out"], ["tokenize", "a.eqt", "-o", "out"]):
        refused = call(*command)
        assert refused.exit_code == 1
        assert "found a token file of `eqinfo encode`; decode it first" in refused.stderr
    assert not (folder / "out").exists()


def test_a_limit_on_the_output(folder: Path) -> None:
    assert call("decode", "a.eqt", "--max-output", str(len(TEXT))).stdout_bytes == TEXT
    refused = call("decode", "a.eqt", "-o", "out", "--max-output", str(len(TEXT) - 1))
    assert refused.exit_code == 1
    assert f"a.eqt: expected at most {len(TEXT) - 1} bytes of data, found more" in refused.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64])
def test_tokens_do_not_depend_on_chunks(
    chunk_bytes: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eqinfo.cli.tokens.CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr("eqinfo.container.token_file.stream._CHUNK_BYTES", chunk_bytes)
    assert call("encode", "a.txt").stdout_bytes == encoded(TEXT)
    assert call("decode", "a.eqt").stdout_bytes == TEXT
    raw = call("encode", "a.txt", "--raw").stdout_bytes
    assert np.frombuffer(raw, "<u2").tolist() == eqinfo.encode(TEXT).tolist()


PEAK = """
import os, resource, sys
from eqinfo.cli import main
try:
    main(sys.argv[1:])
finally:
    sys.stdout.flush()
    os.write(2, b"%d" % resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB, as on Linux")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(*arguments: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *arguments], capture_output=True, timeout=300
        )
        return int(done.stderr)

    peaks = {}
    for mib in (4, 40):
        source, tokens, target = (str(tmp_path / name) for name in ("source", "tokens", "target"))
        Path(source).write_bytes(TEXT * ((mib << 20) // len(TEXT)))
        peaks[mib] = max(peak("encode", source, "-o", tokens), peak("decode", tokens, "-o", target))
        assert Path(target).read_bytes() == Path(source).read_bytes()
    assert peaks[40] - peaks[4] < 12 << 10


@on_posix
@pytest.mark.parametrize(
    ("command", "output", "advice"),
    [
        ("compress", "-", "or use --force"),
        ("fit", "-", "name a file with --output"),
        ("encode", "-", "or use --format text"),
        ("encode", "/dev/stdout", "or use --format text"),
        ("encode", "/dev/fd/1", "or use --format text"),
        ("compress", "name", "or use --force"),
    ],
)
def test_terminals_get_no_binary_data(command: str, output: str, advice: str, folder: Path) -> None:
    primary, secondary = os.openpty()
    path = os.ttyname(secondary) if output == "name" else output
    try:
        done = subprocess.run(
            [*EQINFO, command, "a.txt", "-o", path],
            stdin=subprocess.DEVNULL, stdout=secondary, stderr=subprocess.PIPE, timeout=60,
        )  # fmt: skip
    finally:
        os.close(primary)
        os.close(secondary)
    message = " ".join(done.stderr.decode().split())
    assert done.returncode == 2
    assert "not for a terminal; name a file with --output" in message
    assert advice in message


@on_posix
def test_looking_for_a_terminal_leaves_nothing_open() -> None:
    primary, secondary = os.openpty()
    try:
        before = os.listdir("/dev/fd")
        with pytest.raises(click.UsageError, match="are not for a terminal"):
            refuse_terminal(os.ttyname(secondary), "tokens", "")
        assert os.listdir("/dev/fd") == before
    finally:
        os.close(primary)
        os.close(secondary)


def test_fit_writes_to_standard_output(folder: Path) -> None:
    done = call("fit", "a.txt", "--window-bits", "10", "-o", "-")
    assert done.exit_code == 0
    found = Codebook.from_bytes(done.stdout_bytes)
    assert found == Codebook.fit(TEXT, 10)
    assert not (folder / "-").exists()


@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
@pytest.mark.parametrize(
    "command", [["tokenize"], ["report", "--only", "tables"], ["train", "--steps", "1"]]
)
def test_several_files_do_not_go_to_standard_output(
    command: list[str], output: str, folder: Path
) -> None:
    before = sorted(folder.iterdir())
    refused = call(*command, "a.txt", "-o", output)
    assert refused.exit_code == 2
    message = " ".join(refused.stderr.split())
    assert f"expected a name for several files, found {output}" in message
    assert sorted(folder.iterdir()) == before


def test_too_little_to_work_on(folder: Path) -> None:
    Path("five").write_bytes(b"hello")
    Path("none").write_bytes(b"")
    for name in ("five", "none"):
        refused = call("fit", name, "-o", "out")
        assert refused.exit_code == 1
        assert "at least 2,048 bytes for 65,536 strings of up to 32 bytes, found " in refused.stderr
        assert "give more text, or fewer --window-bits" in refused.stderr
    assert not (folder / "out").exists()
    # A missing folder is found before the input is read.
    assert "No such folder" in call("fit", "five", "-o", "no/such/folder").stderr
    for arguments in (["inspect", "none"], ["inspect"], ["inspect", "--text", ""]):
        done = run(*arguments)
        assert done.returncode == 1
        assert b"expected a text to show, found an empty one" in done.stderr
        assert (b"; name a file, or use --text" in done.stderr) == (arguments == ["inspect"])


def test_a_token_file_is_not_taken_for_bare_tokens(folder: Path) -> None:
    """Its header would decode to text, too."""
    refused = call("decode", "a.eqt", "--raw")
    assert refused.exit_code == 1
    assert refused.stdout_bytes == b""
    assert "a.eqt: expected tokens alone, found a token file; leave out --raw" in refused.stderr
    # The first bytes alone do not make one.
    for magic in (b"\x89EQT", b"\x89EQI", b"\x89q"):
        Path("bare").write_bytes(magic + bytes(96 + len(magic) % 4))
        assert call("decode", "bare", "--raw").exit_code == 0


@pytest.mark.parametrize("size", [30, 200_000])
def test_a_compressed_file_is_not_taken_for_bare_tokens(folder: Path, size: int) -> None:
    Path("a.eqi").write_bytes(eqinfo.compress(b"ab" * (size // 2), level="fast"))
    refused = call("decode", "a.eqi", "--raw")
    assert refused.exit_code == 1
    assert refused.stdout_bytes == b""
    assert "found a compressed file; use `eqinfo decompress`" in refused.stderr
