"""Shards: errors name the file and the place, and finished shards stay valid."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eqinfo import shards
from eqinfo.common.progress import Progress
from eqinfo.errors import ChecksumError, FormatError, UnsupportedError
from eqinfo.shards import ShardParameters
from eqinfo.shards.inputs import find_files
from shards_cases import (
    CODEBOOK,
    EQINFO,
    contents,
    documents,
    json_lines,
    run,
    write,
)

GOOD = json_lines(documents(100))
SHARD_BYTES = 10_000


def tokenize(source: Path, out: Path, **parameters: Any) -> None:
    shards.tokenize([source], out, CODEBOOK, ShardParameters(shard_bytes=SHARD_BYTES, **parameters))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "a\xff"}', r"expected UTF-8, found byte 0xff at offset 11 of the line"),
        (b'{"text": "a', r"expected JSON, found"),
        (b'{"text": "a"} {}', r"expected JSON, found .*: Extra data"),
        (b"\xc2\xa0", r"expected JSON, found"),
        (b"[" * 100_000, r"expected JSON, found"),
        (b'["text"]', r"expected a JSON object, found '\[\"text\"\]'; .*`jq -c '.\[\]'`"),
        (b"{", r"expected a whole object, found '{'; a line holds one object: `jq -c .`"),
        (b" [\r", r"expected a whole object, found '\['; a line holds one object"),
        (b'{"txt": "a", "id": 1}', r"expected a field 'text', found 'txt', 'id'; name it with"),
        (b'{"%s": "a"}' % (b"k" * 9000), r"expected a field 'text', found 'k{40}'"),
        (b"{}", r"expected a field 'text', found none$"),
        (b'{"text": null}', r"expected text in 'text', found null"),
        (b'{"text": 7}', r"expected text in 'text', found 7"),
        (b'{"text": %s}' % (b"7" * 5000), r"expected text in 'text', found a number out of range"),
        (b'{"text": 1.5}', r"expected text in 'text', found 1\.5"),
        (b'{"text": -%s' % (b"7" * 5000), r"expected JSON, found"),
        (b'{"text": %s%s}' % (b"[" * 900, b"]" * 900), r"expected (text|JSON)"),
        (b'{"text": "\\ud800"}', r"expected text in 'text', found the lone surrogate U\+D800"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_json_lines(line: bytes, message: str, suffix: str, tmp_path: Path) -> None:
    source = write(tmp_path / f"in.jsonl{suffix}", GOOD + line + b"\n" + GOOD)
    place = rf"in.jsonl\S*: line 101 at offset {len(GOOD)}: "
    with pytest.raises(FormatError, match=place + message) as caught:
        tokenize(source, tmp_path / "out")
    assert str(source) in str(caught.value)
    assert len(str(caught.value)) < 500
    check_finished_shards_stay(tmp_path, source, GOOD + GOOD)


def test_valid_json_lines_that_are_unusual(tmp_path: Path) -> None:
    """Long numbers, and byte order marks, also where files that begin with one were joined."""
    mark = "\ufeff".encode()
    lines = [
        mark + b'{"text": "a"}',
        b'{"id": %s, "text": "b"}' % (b"9" * 5000),
        b'{"id": [-%s, 1e999], "text": "c"}' % (b"9" * 5000),
        mark + b' {"text": "\\ufeffd"} \r',
        mark,
        mark + b" \r",
    ]
    source = write(tmp_path / "in.jsonl", b"\n".join(lines))
    tokenize(source, tmp_path / "out")
    assert list(map(shards.open(tmp_path / "out").decode, range(4))) == ["a", "b", "c", "\ufeffd"]
    assert len(shards.open(tmp_path / "out")) == 4


def check_finished_shards_stay(tmp_path: Path, source: Path, good: bytes) -> None:
    """What was written equals the first shards of good input; nothing is half-written."""
    twin = write(source.with_name(f"good{''.join(source.suffixes)}"), good)
    tokenize(twin, tmp_path / "twin")
    wanted = contents(tmp_path / "twin")
    found = {n: c for n, c in contents(tmp_path / "out").items() if not n.startswith(".work")}
    assert found
    assert not any(name.endswith(".tmp") for name in contents(tmp_path / "out"))
    for name, content in found.items():
        assert wanted[name] == content


def cut(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4]


def flipped(data: bytes) -> bytes:
    middle = len(data) * 3 // 4
    return data[:middle] + bytes(b ^ 0x55 for b in data[middle : middle + 9]) + data[middle + 9 :]


@pytest.mark.parametrize("damage", [cut, flipped, lambda data: b"text" + data])
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_damaged_compression(damage: Callable[[bytes], bytes], suffix: str, tmp_path: Path) -> None:
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    source = write(tmp_path / f"in.jsonl{suffix}", GOOD)
    source.write_bytes(damage(source.read_bytes()))
    whole = r"expected a whole \w+ file, found damage after offset \d+ of its content"
    named = r"expected \w+ data, as the name says, found b'text"
    # Zstandard without checksums lets damage through to the JSON.
    found = rf"in.jsonl.*: ({whole}|{named}|line \d+ at offset)"
    with pytest.raises(FormatError, match=found):
        tokenize(source, tmp_path / "out")


@pytest.mark.parametrize("size", range(1, 400, 7))
def test_zstandard_files_cut_anywhere(size: int, tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    data = zstandard.compress(GOOD[:600])
    source = tmp_path / "in.txt.zst"
    source.write_bytes(data + data[: min(size, len(data) - 1)])
    with pytest.raises(FormatError, match="the file ends inside a compressed stream"):
        tokenize(source, tmp_path / "out")


def test_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    texts = documents(100)

    def table(name: str, column: Any) -> Path:
        columns = pa.table({"text": column, "n": range(100)})
        pq.write_table(columns, tmp_path / name, row_group_size=9)
        return tmp_path / name

    good = table("good.parquet", texts)
    null = table("null.parquet", [*texts[:50], None, *texts[51:]])
    number = table("number.parquet", range(100))
    truncated = write(tmp_path / "cut.parquet", cut(good.read_bytes()))
    body = bytearray(good.read_bytes())
    body[2000:2100] = bytes(100)
    altered = write(tmp_path / "altered.parquet", bytes(body))
    for sources, message, parameters in (
        ([null], r"null.parquet: row 50: expected text in 'text', found null", {}),
        ([good, number], r"number.parquet: expected text in column 'text', found int64", {}),
        ([good], r"good.parquet: expected a column 'x', found 'text', 'n'; ", {"text_field": "x"}),
        ([good, truncated], r"cut.parquet: expected a whole Parquet file, found: ", {}),
        ([altered], r"altered.parquet: expected a whole Parquet file, found: ", {}),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=message):
            shards.tokenize(sources, tmp_path / "out", CODEBOOK, ShardParameters(**parameters))
        found = contents(tmp_path / "out")
        assert not any(name.endswith((".tmp", ".bin")) for name in found)
        # What is found before the work begins leaves no job behind.
        if len(sources) > 1 or parameters:
            assert found == {}
        for name in found:
            (tmp_path / "out" / name).unlink()


def test_two_columns_of_the_same_name(tmp_path: Path) -> None:
    """Which of them is meant nobody knows."""
    source = write(tmp_path / "in.csv", b"text,id,text\na,1,b\n")
    message = "in.csv: expected one column 'text', found 2 of this name; rename the others$"
    with pytest.raises(FormatError, match=message):
        tokenize(source, tmp_path / "out")
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = pa.Table.from_arrays([pa.array(["a"])] * 2, names=["text", "text"])
    pq.write_table(columns, tmp_path / "in.parquet")
    with pytest.raises(FormatError, match=r"in.parquet: expected one column 'text', found 2 of"):
        tokenize(tmp_path / "in.parquet", tmp_path / "out2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id;text\n1;a\n", "found 'id;text'; name it with .*; fields are separated by commas, "),
        (b"id,body\n1,a\n", "found 'id', 'body'; name it with text_field .*, or read plain text"),
        (b"body\na\n", "found 'body'; name it with text_field .*, or read plain text"),
        (b"a;b,id\n1,a\n", "found 'a;b', 'id'; name it with text_field .*, or read plain text"),
        (b'text\na\n"b\n', "row 1: expected a closing quotation mark, found the end of the file"),
        (b'text\n"a"b\n', "row 0: expected CSV, found: "),
    ],
)
def test_csv_of_another_kind(content: bytes, message: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", content)
    with pytest.raises(FormatError, match=message):
        tokenize(source, tmp_path / "out")


def test_binary_json_lines_are_not_advised_to_be_text(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", b"\0" * 100)
    with pytest.raises(FormatError, match=r"found binary data \(.*\)$"):
        tokenize(source, tmp_path / "out")


def test_arguments_that_nothing_can_be_done_with(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", GOOD)
    out = tmp_path / "out"
    for inputs, options, kind, message in (
        (str(source), {}, TypeError, "expected several inputs, found one str; put it into a list"),
        (source, {}, TypeError, "expected several inputs, found one PosixPath; put it"),
        (None, {}, TypeError, "expected an iterable of inputs, found NoneType"),
        ([source], {"include": "*.txt"}, TypeError, "expected several patterns, found one str"),
        ([source], {"exclude": "*.txt"}, TypeError, "expected several patterns, found one str"),
        ([source], {"on_error": "ignore"}, ValueError, "on_error among 'stop', 'skip', found 'ig"),
        ([source], {"num_threads": 0}, ValueError, "expected num_threads of 1 to 256, found 0"),
        ([source], {"parameters": {}}, TypeError, "expected ShardParameters, found dict"),
    ):  # fmt: skip
        with pytest.raises(kind, match=message) as caught:
            shards.tokenize(inputs, out, CODEBOOK, **options)  # type: ignore[arg-type]
        assert not isinstance(caught.value, FormatError)
        assert not out.exists()
    for parameters, error, what in (
        ({"input_format": "xml"}, ValueError, "expected input_format among None, 'text', "),
        ({"output_format": "csv"}, ValueError, "expected output_format among 'bin', 'parquet', "),
        ({"separator": b"x"}, TypeError, "expected a str for separator, found bytes"),
        ({"text_field": None}, TypeError, "expected a str for text_field, found NoneType"),
        (
            {"text_field": "\udcff"},
            ValueError,
            "expected text for text_field, found '.udcff', whose",
        ),
        (
            {"separator": "a\ud800"},
            ValueError,
            "expected text for separator, .* character 1 is a lone",
        ),
    ):
        with pytest.raises(error, match=what):
            ShardParameters(**parameters)  # type: ignore[arg-type]


def test_a_header_that_is_no_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(path, b'"tex"t\na\n')
    with pytest.raises(FormatError, match=r"a\.csv: expected CSV, found: ',' expected after"):
        tokenize(path, tmp_path / "out")


def test_input_and_output_apart(tmp_path: Path) -> None:
    write(tmp_path / "in.txt", b"text")
    with pytest.raises(ValueError, match="expected an output folder outside the input"):
        tokenize(tmp_path, tmp_path / "out")
    with pytest.raises(ValueError, match="/dev/zero: expected a file or a pipe, found a device"):
        tokenize(Path("/dev/zero"), tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"^expected standard input \(-\) once, found it several"):
        find_files(["-", "-"])
    with pytest.raises(ValueError, match="expected at least one input file, found none"):
        tokenize(tmp_path / "empty", tmp_path / "out")


def test_input_that_changes_while_it_is_read(tmp_path: Path) -> None:
    sources = [write(tmp_path / name, GOOD) for name in ("a.jsonl", "b.jsonl")]

    def progress(stage: str) -> Progress:
        def grow(done: int, total: int | None) -> None:
            if stage == "tokenize" and total and 0 < done < total / 3:
                write(sources[1], GOOD + GOOD)

        return grow

    parameters = ShardParameters(shard_bytes=SHARD_BYTES)
    with pytest.raises(ChecksumError, match=r"b.jsonl: expected \d+ bytes, as when the job began"):
        shards.tokenize(sources, tmp_path / "out", CODEBOOK, parameters, progress=progress)


def test_a_full_disk(tmp_path: Path) -> None:
    # One shard is larger than the others, and larger than the limit that is set below.
    source = write(tmp_path / "in.jsonl", GOOD + json_lines(["x y " * 20_000]) + GOOD)
    wanted = tmp_path / "wanted"
    tokenize(source, wanted)
    largest = max(path.stat().st_size for path in wanted.glob("*.bin"))
    command = ["tokenize", str(source), "-o", str(tmp_path / "out")]
    command += ["--shard-mib", str(SHARD_BYTES / (1 << 20))]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, resource.RLIM_INFINITY))

    done = subprocess.run([*EQINFO, *command], capture_output=True, preexec_fn=limit, timeout=60)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"File too large: '" in done.stderr
    assert b".bin'" in done.stderr
    found = contents(tmp_path / "out")
    assert any(name.endswith(".bin") for name in found)
    for name, content in found.items():
        assert name.startswith(".work") or content == contents(wanted)[name]
    assert subprocess.run([*EQINFO, *command], capture_output=True, timeout=60).returncode == 0
    assert contents(tmp_path / "out") == contents(wanted)


def test_no_space_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    source = write(tmp_path / "in.jsonl", GOOD)
    interrupted = False
    real = os.fsync

    def sometimes_full(descriptor: int) -> None:
        nonlocal interrupted
        if not interrupted and len(list((tmp_path / "out").glob("*.bin"))) == 2:
            interrupted = True
            full(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sometimes_full)
    with pytest.raises(OSError, match=r"No space left on device: '.*00000\d-000000\.\w+'"):
        tokenize(source, tmp_path / "out")
    tokenize(source, tmp_path / "out")
    tokenize(source, tmp_path / "wanted")
    assert contents(tmp_path / "out") == contents(tmp_path / "wanted")


@pytest.mark.parametrize(
    ("module", "name", "options", "extra"),
    [
        ("zstandard", "in.jsonl.zst", {}, "data"),
        ("pyarrow", "in.parquet", {}, "data"),
        ("pyarrow", "in.jsonl", {"output_format": "parquet"}, "data"),
    ],
)
def test_missing_packages(
    module: str,
    name: str,
    options: dict[str, Any],
    extra: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    magic = b"\x28\xb5\x2f\xfd" if name.endswith(".zst") else b""
    (tmp_path / name).write_bytes(magic + GOOD)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnsupportedError, match=rf"pip install eqinfo\[{extra}\]"):
        tokenize(tmp_path / name, tmp_path / "out", **options)


def test_missing_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write(tmp_path / "in.jsonl", GOOD)
    with pytest.raises(UnsupportedError, match=r"pip install eqinfo\[ray\]"):
        shards.tokenize([source], tmp_path / "out", CODEBOOK, ray=True)


def test_importing_eqinfo_imports_no_optional_package() -> None:
    code = "import sys, eqinfo, eqinfo.cli, eqinfo.shards; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert not {"pyarrow", "zstandard", "ray"} & set(done.stdout.split())


def test_command_line(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", GOOD + b"{}\n")
    unreadable = tmp_path / "dir.txt"
    unreadable.symlink_to("/proc/self/mem")  # opens, and cannot be read
    out = str(tmp_path / "out")
    for arguments, code, message in (
        (
            [source, "-o", out],
            1,
            f"eqinfo: {source}: line 101 at offset {len(GOOD)}: expected a field",
        ),
        ([source, "-o", out, "--no-end"], 1, "line 101 at offset"),  # nothing was finished
        ([source, "-o", f"{out}/no/such"], 1, "No such folder for the output"),
        ([source, "-o", source], 2, "is a file"),
        ([tmp_path / "missing", "-o", out], 2, "does not exist"),
        ([source], 2, "Missing option"),
        ([source, "-o", out, "--separator", ""], 2, "at least one character"),
        ([source, "-o", out, "--separator", "\\x"], 2, "truncated"),
        ([source, "-o", out, "--shard-mib", "0"], 2, "--shard-mib"),
        (
            [source, "-o", out, "-m", "nothing"],
            2,
            "neither a file nor the name of a bundled codebook",
        ),
        ([unreadable, "-o", tmp_path / "out2"], 1, f"Input/output error: '{unreadable}'"),
    ):
        done = run(*arguments)
        assert done.returncode == code, done.stderr
        assert message.encode() in done.stderr
        assert b"Traceback" not in done.stderr
