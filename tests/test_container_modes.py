"""Modes, attributes and states of file objects, as in gzip, bz2 and lzma."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqinfo
from container_cases import TEXT

OPTIONS: dict[str, Any] = {"codec": "ranged", "block_bytes": 100}


@pytest.mark.parametrize("suffix", ["", "b"])
def test_binary_modes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "a.eqi"

    def write(mode: str, data: bytes) -> None:
        with eqinfo.open(path, mode + suffix, **OPTIONS) as file:  # type: ignore[call-overload]
            file.write(data)

    def content() -> bytes:
        with eqinfo.open(path, "r" + suffix) as file:  # type: ignore[call-overload]
            return bytes(file.read())

    write("a", b"one ")
    assert content() == b"one "
    write("a", TEXT)
    assert content() == b"one " + TEXT
    write("w", b"two")
    assert content() == b"two"
    with pytest.raises(FileExistsError, match=r"a\.eqi"):
        write("x", b"three")
    assert content() == b"two"
    path.unlink()
    write("x", b"four")
    assert content() == b"four"
    assert [file.name for file in tmp_path.iterdir()] == ["a.eqi"]


def test_text_modes(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    with eqinfo.open(path, "wt", **OPTIONS) as file:
        file.write("naïve\n")
    with eqinfo.open(path, "at", encoding="utf-8", newline="\r\n", **OPTIONS) as file:
        print("second", file=file)
    with eqinfo.open(path, "rt", newline="") as file:
        assert list(file) == ["naïve\n", "second\r\n"]
    with eqinfo.open(path, "rt", encoding="ascii", errors="replace") as file:
        assert file.read() == "na\ufffd\ufffdve\nsecond\n"
    for mode in ("r", "wb"):
        with pytest.raises(ValueError, match="for a text mode"):
            eqinfo.open(path, mode, encoding="utf-8")  # type: ignore[call-overload]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["", "naïve\n"])
def test_byte_order_marks_are_those_of_plain_files(
    tmp_path: Path, encoding: str, text: str
) -> None:
    """One at the beginning, without which the text could not be read, and none behind old text."""
    path, plain = tmp_path / "a.eqi", tmp_path / "a.txt"
    for mode in ("wt", "at", "at"):
        with eqinfo.open(path, mode, encoding=encoding, **OPTIONS) as file:  # type: ignore[call-overload]
            file.write(text)
            assert not file.seekable()
        with plain.open(mode, encoding=encoding) as expected:
            expected.write(text)
        with eqinfo.open(path) as reader:
            assert reader.read() == plain.read_bytes()
        with eqinfo.open(path, "rt", encoding=encoding) as reader:
            assert reader.read() == plain.read_text(encoding)


def test_positions_while_appending(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    with eqinfo.open(path, "ab", **OPTIONS) as file:
        assert file.tell() == 0
        file.write(TEXT)
    with eqinfo.open(path, "ab", **OPTIONS) as file:
        place = file.tell()
        file.write(b"more")
    with eqinfo.open(path) as reader:
        reader.seek(place)
        assert reader.read() == b"more"


def test_an_exception_leaves_the_old_text(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    path.write_bytes(old := eqinfo.compress("old", **OPTIONS))

    def fail(mode: Any) -> None:
        with eqinfo.open(path, mode, **OPTIONS) as file:
            file.write("half")
            raise KeyError

    for mode in ("wt", "at"):
        with pytest.raises(KeyError):
            fail(mode)
        abandoned = eqinfo.open(path, mode, **OPTIONS)  # type: ignore[call-overload]
        abandoned.write("never closed")
        del abandoned
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["a.eqi"]


def test_only_a_container_can_be_added_to(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    path.write_bytes(b"something else, and more than a trailer's length of it")
    with pytest.raises(eqinfo.errors.ForeignFileError):
        eqinfo.open(path, "ab", **OPTIONS)
    assert [file.name for file in tmp_path.iterdir()] == ["a.eqi"]


@pytest.mark.parametrize("mode", ["", "r+", "rw", "rbt", "U", "wr", "b", "tr"])
def test_other_modes(mode: str) -> None:
    with pytest.raises(ValueError, match="expected a mode among"):
        eqinfo.open(io.BytesIO(), mode)  # type: ignore[call-overload]


@pytest.mark.parametrize("mode", ["rb", "wb"])
@pytest.mark.parametrize("file", [None, 3, 1.5, []])
def test_what_is_no_file(file: Any, mode: Any) -> None:
    with pytest.raises(TypeError, match="expected a path or a file object to"):
        eqinfo.open(file, mode)


def test_text_files_are_refused(tmp_path: Path) -> None:
    for make in (io.StringIO, tempfile.TemporaryFile, tempfile.NamedTemporaryFile):
        with make("w+") as file:
            for mode, function in (
                ("r", lambda file: eqinfo.open(file)),
                ("w", lambda file: eqinfo.open(file, "wb")),
                ("r", eqinfo.load_tokens),
                ("w", lambda file: eqinfo.save_tokens(file, [1], eqinfo.Codebook.bundled("en"))),
            ):
                message = f"a binary file object, found the text file .* the mode '{mode}b'"
                with pytest.raises(TypeError, match=message):
                    function(file)


def test_files_that_are_written_are_not_copied(tmp_path: Path) -> None:
    """A copy would remove the unfinished output of the file when it goes."""
    path = tmp_path / "a.eqi"
    with eqinfo.open(path, "wb", **OPTIONS) as file:
        assert repr(file) == f"<eqinfo.WritableFile name={str(path)!r} mode='wb'>"
        file.write(TEXT)
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot pickle 'WritableFile' object"):
                copied(file)
    assert eqinfo.decompress(path.read_bytes()) == TEXT


def test_names_and_modes(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    for given in (path, str(path), os.fsencode(path)):
        with eqinfo.open(given, "wb", **OPTIONS) as file:
            file.write(TEXT)
            assert (file.name, file.mode) == (os.fspath(given), "wb")
        with eqinfo.open(given, "ab", **OPTIONS) as file:
            assert (file.name, file.mode) == (os.fspath(given), "ab")
        with eqinfo.open(given) as reader:
            assert (reader.name, reader.mode) == (os.fspath(given), "rb")
            assert reader.read() == TEXT
    with path.open("rb") as plain, eqinfo.open(plain) as reader:
        assert reader.name == plain.name
    with eqinfo.open(io.BytesIO(), "wb", **OPTIONS) as file:
        assert file.name == ""


WRITING: list[Any] = [
    lambda f: f.write(b""), lambda f: f.writelines([b"x"]), lambda f: f.flush(), lambda f: f.tell(),
    lambda f: f.peek(),
    lambda f: f.seekable(), lambda f: f.writable(), lambda f: f.readable(), lambda f: f.__enter__(),
]  # fmt: skip
READING: list[Any] = [
    lambda f: f.read(), lambda f: f.read(0), lambda f: f.read1(),
    lambda f: f.readinto(bytearray(1)),
    lambda f: f.readline(), lambda f: f.readlines(), lambda f: next(f), lambda f: f.seek(0),
    lambda f: f.tell(), lambda f: f.peek(), lambda f: f.seekable(), lambda f: f.readable(),
    lambda f: f.__enter__(),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(WRITING)))
def test_a_closed_writer_refuses_everything(number: int) -> None:
    file = eqinfo.open(io.BytesIO(), "wb", **OPTIONS)
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        WRITING[number](file)


@pytest.mark.parametrize("number", range(len(READING)))
def test_a_closed_reader_refuses_everything(number: int) -> None:
    file = eqinfo.open(io.BytesIO(eqinfo.compress(TEXT, **OPTIONS)))
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        READING[number](file)
    with pytest.raises(ValueError, match="closed"):
        file.raw.tell()


def test_a_closed_pipe_refuses_everything() -> None:
    class Pipe:
        read = io.BytesIO(eqinfo.compress(TEXT, **OPTIONS)).read

    pipe: Any = Pipe()
    file = eqinfo.open(pipe)
    assert (file.seekable(), file.raw.writable()) == (False, False)
    assert file.read() == TEXT
    file.close()
    calls: list[Any] = [file.seekable, file.readable, file.raw.writable, file.read, file.tell]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_no_file_object_has_a_descriptor(tmp_path: Path) -> None:
    """What reads or writes by a descriptor would take compressed bytes for data."""
    path = tmp_path / "a.eqi"
    array = np.arange(1000.0)
    with eqinfo.open(path, "wb", **OPTIONS) as file:
        np.save(file, array)
        with pytest.raises(OSError, match="fileno"):
            file.fileno()
        with pytest.raises(OSError, match="fileno"):
            subprocess.run([sys.executable, "-c", "print()"], stdout=file)
    with eqinfo.open(path) as reader:
        assert np.array_equal(np.load(reader), array)
        with pytest.raises(OSError, match="fileno"):
            reader.fileno()
        with pytest.raises(OSError, match="fileno"):
            np.fromfile(reader)


def test_what_is_written_cannot_be_read() -> None:
    with eqinfo.open(io.BytesIO(), "wb", **OPTIONS) as file:
        for call in (file.read, file.read1, file.peek, file.readline, lambda: file.seek(0)):
            with pytest.raises(io.UnsupportedOperation):
                call()


class Raw(io.RawIOBase):
    """A raw file that gives any answer from its second write on."""

    def __init__(self, answer: int | None) -> None:
        self.answers = [None, answer]

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int | None:
        if len(self.answers) > 1:
            self.answers.pop(0)
            return len(data)
        return self.answers[0]


@pytest.mark.parametrize(
    ("answer", "error"), [(None, BlockingIOError), (0, OSError), (-1, OSError), (10**9, OSError)]
)
def test_a_raw_file_that_takes_nothing(answer: int | None, error: type[Exception]) -> None:
    raw: Any = Raw(answer)
    file = eqinfo.open(raw, "wb", codec="stored", block_bytes=10)
    with pytest.raises(error, match="expected"):
        file.write(bytes(100))
    assert file.closed


def test_objects_that_do_not_say_how_much_they_wrote() -> None:
    class Silent:
        content = b""

        def write(self, data: Any) -> None:
            self.content += bytes(data)

    out: Any = Silent()
    with eqinfo.open(out, "wb", **OPTIONS) as file:
        file.write(TEXT)
    assert eqinfo.decompress(out.content) == TEXT


FAILING = """
import io, sys
import eqinfo

class Broken(io.RawIOBase):
    def writable(self):
        return True
    def write(self, data):
        raise OSError(28, "No space left on device")

for arguments in [
    (io.BytesIO(b"foreign"),), (io.BytesIO(),), ("missing.eqi",), (Broken(), "wb"),
    (sys.argv[1], "wb", "no such model"), (sys.argv[1], "xt", 5), (io.BytesIO(), "rt"), (5,),
]:
    try:
        eqinfo.open(*arguments).close()
    except (eqinfo.errors.EqInfoError, OSError, ValueError, TypeError):
        continue
    raise AssertionError(arguments)
"""


def test_nothing_is_printed_when_opening_fails(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", FAILING, str(tmp_path / "a.eqi")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_text_is_utf8_whatever_the_locale_says(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    code = (
        "import eqinfo, sys\n"
        "with eqinfo.open(sys.argv[1], 'wt') as file: file.write('na\\xefve')\n"
        "with eqinfo.open(sys.argv[1], 'rt') as file: assert file.read() == 'na\\xefve'"
    )
    plain = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", code, str(path)], env=plain, check=True, timeout=60)
    assert eqinfo.decompress(path.read_bytes()) == "naïve".encode()
