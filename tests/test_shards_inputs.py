"""What input files hold, by their names and their content: every command reads them alike."""

from __future__ import annotations

import io
import lzma
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eqinfo import shards
from eqinfo.cli import main
from eqinfo.common.inputs import InputKind, identify, open_input, refuse_foreign
from eqinfo.container import api as container
from eqinfo.errors import FormatError
from eqinfo.shards import ShardParameters
from eqinfo.shards.corpus import read_corpus
from eqinfo.shards.inputs import Selection, find_files
from shards_cases import CODEBOOK, compress, documents, expected_tokens, json_lines, run, write

TEXTS = documents(12)
LINES = json_lines(TEXTS)
SUFFIXES = {"": None, ".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}


@pytest.fixture(autouse=True)
def _packages() -> None:
    pytest.importorskip("zstandard")
    pytest.importorskip("pyarrow")


def tokens_of(inputs: list[Path], folder: Path, **parameters: Any) -> list[list[int]]:
    shards.tokenize(inputs, folder, CODEBOOK, ShardParameters(**parameters))
    return [tokens.tolist() for tokens in shards.open(folder)]


def read_text(path: Path) -> bytes:
    """The content of a file that is one document, as `fit` reads it."""
    (document,) = read_corpus([path]).documents
    return document


def parquet(texts: list[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), file)
    return file.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("stem", ["B.JSONL", "b.Ndjson", "b.json"])
@pytest.mark.parametrize("upper", [False, True])
def test_suffixes_of_any_case(suffix: str, stem: str, upper: bool, tmp_path: Path) -> None:
    path = tmp_path / (stem + (suffix.upper() if upper else suffix))
    path.write_bytes(compress(LINES, suffix))
    assert identify(path) == InputKind("jsonl", SUFFIXES[suffix])
    assert tokens_of([path], tmp_path / "out") == expected_tokens(TEXTS)
    assert read_corpus([path]).documents == [text.encode() for text in TEXTS]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_compression_by_content(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "without-a-suffix"
    path.write_bytes(compress(LINES, suffix))
    assert read_text(path) == LINES
    assert tokens_of([path], tmp_path / "text") == expected_tokens([LINES])
    found = tokens_of([path], tmp_path / "lines", input_format="jsonl")
    assert found == expected_tokens(TEXTS)


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix])
@pytest.mark.parametrize("other", SUFFIXES)
def test_names_that_lie(suffix: str, other: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.txt{suffix.upper()}"
    path.write_bytes(compress(LINES, other))
    if suffix == other:
        assert read_text(path) == LINES
        return
    message = rf"a\.txt\S+: expected {SUFFIXES[suffix]} data, as the name says, found "
    message += f"{SUFFIXES[other]} data" if other else r"b'{\"id"
    with pytest.raises(FormatError, match=message):
        read_text(path)
    with pytest.raises(FormatError, match=message):
        tokens_of([path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt.gz", b"", "expected gzip data, as the name says, found an empty file"),
        ("a.txt.gz", compress(compress(LINES, ".xz"), ".gz"), "found xz data inside gzip data"),
        ("a.gz", compress(compress(LINES, ".gz"), ".gz"), "found gzip data inside gzip data"),
        ("a.txt", container.compress("text"), "found a file of `eqinfo compress`"),
        ("a.txt.gz", compress(container.compress("text"), ".gz"), "found a file of `eqinfo comp"),
        ("a.txt", b"PK\x03\x04\x14\0", "found a zip file; unpack it first"),
        ("a.lz4", b"\x04\x22\x4d\x18d@\xa7", "found LZ4 data"),
        ("a.lzma", lzma.compress(b"text", lzma.FORMAT_ALONE), "found binary data"),
        ("a.txt.br", b"\x8b\x01\x80text\x03", "found Brotli data, as the name says"),
        ("a.tar.gz", compress(b"name" + bytes(508), ".gz"), "found binary data"),
        ("a.txt", "text".encode("utf-16"), "found UTF-16; convert it to UTF-8"),
        ("a.jsonl", LINES.decode().encode("utf-16-le"), "found binary data"),
        ("a.tar", b"a".ljust(257, b"x") + b"ustar\x0000", "found a tar archive; unpack it first"),
        ("a.arrow", b"\xff\xff\xff\xff\x10\1", "found an Arrow stream; convert it to Parquet"),
        ("a.feather", b"FEA1\0\0\0\0", "found Feather data; convert them to Parquet"),
        ("a.xlsx", b"PK\x03\x04\x14\0", r"or export it \(.xlsx, .docx\) as CSV or text"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1", "found a file of Microsoft Office; export it"),
        ("a.npy", b"\x93NUMPY\x01\0", "found binary data"),
    ],
)
def test_what_is_not_understood(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"{name}: .*{message}"):
        read_text(path)
    with pytest.raises(FormatError, match=f"{name}: .*{message}"):
        tokens_of([path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parquet_by_content(tmp_path: Path) -> None:
    data = parquet(TEXTS)
    for name in ("a", "a.txt", "a.PARQUET"):
        (tmp_path / name).write_bytes(data)
        assert identify(tmp_path / name) == InputKind("parquet", None)
        assert tokens_of([tmp_path / name], tmp_path / f"{name}-out") == expected_tokens(TEXTS)
        assert read_corpus([tmp_path / name]).documents == [text.encode() for text in TEXTS]
    (tmp_path / "a.jsonl").write_bytes(data)
    with pytest.raises(FormatError, match="jsonl: expected text, found Parquet"):
        identify(tmp_path / "a.jsonl")
    assert identify(tmp_path / "a.txt", "text") == InputKind("text", None)
    assert identify(write(tmp_path / "text", b"PAR1 and PAR2")) == InputKind("text", None)


def test_text_with_a_few_control_characters(tmp_path: Path) -> None:
    text = b"One line after another, each of them of bytes. \xff\0\r\n" * 50
    path = write(tmp_path / "a.txt", text)
    assert read_text(path) == text
    assert tokens_of([path], tmp_path / "out") == expected_tokens([text])
    for content in (text[-9:] + text, random.Random(0).randbytes(300), bytes(range(1, 256))):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"a.txt: expected text, found binary data"):
            read_text(path)


def test_binary_data_where_text_is_expected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", b"a\0b")
    with pytest.raises(FormatError, match=r"found binary data \(.*--input-format text"):
        identify(path)
    assert tokens_of([path], tmp_path / "out", input_format="text") == expected_tokens([b"a\0b"])


@pytest.mark.parametrize(
    "content",
    ["text".encode("utf-16"), b"%PDF-", b"\x89EQI\1", b"PK\3\4", b"x" * 257 + b"ustar", bytes(20)],
)
def test_text_of_any_bytes(content: bytes, tmp_path: Path) -> None:
    """Told that it is text, no command asks what it may be instead."""
    for name in ("a", "a.gz"):
        path = write(tmp_path / name, content)
        wanted = expected_tokens([content])
        assert tokens_of([path], tmp_path / f"{name}-out", input_format="text") == wanted
        parameters = ShardParameters(input_format="text")
        assert read_corpus([path], parameters).documents == [content]
    encode = ["encode", str(tmp_path / "a")]
    for options in ([], ["-o", str(tmp_path / "tokens")], ["--format", "text"]):
        done = CliRunner().invoke(main, [*encode, *options])
        assert done.exit_code == (1 if content[0] else 0)
        assert (done.stdout_bytes == b"") == (bool(content[0]) or "-o" in options)
    tokens = str(tmp_path / "all")
    done = CliRunner().invoke(main, [*encode, "--input-format", "text", "-o", tokens])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(main, ["decode", tokens]).stdout_bytes == content


def test_formats_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "README.md", b"about")
    write(folder / "a.jsonl", json_lines(TEXTS[:5]))
    write(folder / "b.jsonl.gz", json_lines(TEXTS[5:7]))
    write(folder / "c.parquet", parquet(TEXTS[7:]))
    wanted = expected_tokens(["about", *TEXTS])
    assert tokens_of([folder], tmp_path / "out") == wanted
    data = shards.open(tmp_path / "out")
    assert data.manifest["parameters"]["input_format"] is None
    # Each in a shard of its own, and resumed.
    for _ in range(2):
        assert tokens_of([folder], tmp_path / "small", shard_bytes=100) == wanted
    assert len(shards.open(tmp_path / "small").shards) > 4
    (folder / "c.parquet").unlink()
    with pytest.raises(FormatError, match=r"README.md: line .*expected JSON"):
        tokens_of([folder], tmp_path / "lines", input_format="jsonl")


@pytest.mark.parametrize("suffix", [".bz2", ".xz", ".gz", ".zst"])
def test_what_follows_a_stream_is_read(suffix: str, tmp_path: Path) -> None:
    """The standard library takes damage after the first bz2 or xz stream for the end."""
    first, second = compress(b"first ", suffix), bytearray(compress(b"second", suffix))
    (tmp_path / "a").write_bytes(first + second)
    assert read_text(tmp_path / "a") == b"first second"
    second[2] ^= 0x55
    for rest in (second, b"text", first[:-2]):
        (tmp_path / "a").write_bytes(first + rest)
        with pytest.raises(FormatError, match=r"a: expected a whole \w+ file, found damage after"):
            read_text(tmp_path / "a")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_encode_takes_no_compressed_text(suffix: str, tmp_path: Path) -> None:
    """It keeps bytes, so that it cannot decompress; and nobody wants tokens of compressed text."""
    text = b"Text, once more."
    for name, data in (("-", compress(text, suffix)), (str(tmp_path / "a"), b"")):
        (tmp_path / "a").write_bytes(compress(text, suffix))
        command = [sys.executable, "-m", "eqinfo", "encode", name, "--format", "text"]
        done = subprocess.run(command, input=data, capture_output=True, timeout=60)
        if not suffix:
            assert done.stdout.split() == [b"%d" % token for token in CODEBOOK.encode(text)]
            continue
        shown = "standard input" if name == "-" else name
        kind = SUFFIXES[suffix]
        message = f"eqinfo: {shown}: expected text, found {kind} data; decompress them first; "
        message += "to encode these bytes as they are, give --input-format text\n"
        assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", message)


def test_padding_between_xz_streams(tmp_path: Path) -> None:
    path = tmp_path / "a.xz"
    streams = [lzma.compress(b"a"), bytes(4), lzma.compress(b"b"), bytes(20_000)]
    path.write_bytes(b"".join(streams))
    assert read_text(path) == b"ab"
    path.write_bytes(b"".join([*streams, lzma.compress(b"c")]))
    assert read_text(path) == b"abc"


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix])
def test_reads_of_any_size(suffix: str, tmp_path: Path) -> None:
    content = LINES * 40
    path = write(tmp_path / f"a{suffix}", content)
    for size in (1, 1000, 1 << 20):
        with open_input(path) as (stream, stored, compression):
            read = stream.read(size)
            assert stream.tell() == size or len(read) == len(content)
            assert read + stream.read() == content
            assert stored.tell() == path.stat().st_size
            assert compression == SUFFIXES[suffix]


def test_pipes_of_compressed_text(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(compress(LINES, ".bz2")))
    writer.start()
    assert read_text(pipe) == LINES
    writer.join()


def test_commands_read_the_same_files(tmp_path: Path) -> None:
    """Of two corpora, equal but for compression, one codebook is made."""
    text = write(tmp_path / "in.txt", "\n".join(documents(40)).encode())
    books = []
    for suffix in SUFFIXES:
        path = tmp_path / f"IN.TXT{suffix.upper()}"
        path.write_bytes(compress(text.read_bytes(), suffix))
        command = ["fit", str(path), "-o", str(tmp_path / "book"), "--window-bits", "9"]
        done = subprocess.run([sys.executable, "-m", "eqinfo", *command], capture_output=True)
        assert done.returncode == 0, done.stderr
        books.append((tmp_path / "book").read_bytes())
    assert len(set(books)) == 1


def test_command_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(container.compress("text"))
    commands = (
        ["tokenize", str(path), "-o", str(tmp_path / "out")],
        ["fit", str(path), "-o", str(tmp_path / "book")],
    )
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "eqinfo", *command], capture_output=True, timeout=120
        )
        assert done.returncode == 1
        assert f"eqinfo: {path}: expected text, found a file of `eqinfo".encode() in done.stderr
        assert b"Traceback" not in done.stderr


def test_include_and_exclude(tmp_path: Path) -> None:
    names = ["README.md", "a.jsonl", "old/a.jsonl", "old/deep/b.txt", "x[1].txt"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True, parents=True)
        write(tmp_path / "in" / name, b"text")

    def found(include: list[str], exclude: list[str], *inputs: Path) -> list[str]:
        selection = Selection(include, exclude)
        paths = find_files(inputs or [tmp_path / "in"], tmp_path / "out", selection)
        return [str(Path(path).relative_to(tmp_path / "in")) for path in paths]

    assert found([], []) == names
    assert found([], ["README*"]) == names[1:]
    assert found(["*.jsonl"], []) == ["a.jsonl", "old/a.jsonl"]
    assert found(["*.jsonl", "*.md"], ["old"]) == ["README.md", "a.jsonl"]
    assert found(["old/*"], ["deep"]) == ["old/a.jsonl"]
    assert found(["old/*.txt"], []) == ["old/deep/b.txt"]
    assert found(["x[[]1].txt"], []) == ["x[1].txt"]
    files = [tmp_path / "in" / name for name in names[:2]]
    assert found(["*.jsonl"], [], *files) == ["a.jsonl"]
    with pytest.raises(ValueError, match="file, found none; include and exclude left out 5"):
        found(["*.JSONL"], [])
    with pytest.raises(ValueError, match="file, found none; include and exclude left out 2"):
        found([], ["*"], *files)


def test_include_and_exclude_on_the_command_line(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "README.md", b"about")
    write(folder / "a.jsonl", LINES)
    write(folder / "b.jsonl", b"no JSON")
    options = [
        "--include",
        "*.jsonl",
        "--include",
        "*.md",
        "--exclude",
        "b.*",
        "--exclude",
        "README*",
    ]
    done = run(folder, "-o", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    assert [t.tolist() for t in shards.open(tmp_path / "out")] == expected_tokens(TEXTS)


def test_only_the_beginning_of_a_file_tells_what_it_is() -> None:
    """A later piece may begin like a compressed file, wherever text is cut."""
    gzip = bytes.fromhex("1f8b08")
    assert list(refuse_foreign([b"text", gzip, b"PK"], "a.txt")) == [b"text", gzip, b"PK"]
    with pytest.raises(FormatError, match=r"a.txt: expected text, found gzip data"):
        list(refuse_foreign([gzip, b"text"], "a.txt"))
