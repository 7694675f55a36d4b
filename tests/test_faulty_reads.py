"""Every read fails once, returns less, or finds the end: the same result, or an error."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import eqinfo
from codebook_cases import from_strings, grown
from eqinfo import shards
from eqinfo.cli import main
from eqinfo.errors import EqInfoError
from eqinfo.models.transformer import TransformerModel
from eqinfo.shards import ShardParameters
from eqinfo.shards.corpus import read_corpus
from faulty_files import faults
from native_cases import random_native_model
from shards_cases import CODEBOOK, contents, documents, json_lines, write

pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="descriptors have no names here"
)

TEXT = b"What is read here must be all there, or the reader says so. " * 60
BOOK = from_strings(grown(1, 10, 256, 0.0))
DATA = eqinfo.compress(TEXT, codec="codebook", block_bytes=1000)


class Unnamed(io.RawIOBase):
    """A pipe: a file that is not seekable."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb", 0)  # noqa: SIM115
        self.name = str(path)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes | None:
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()
        super().close()


class Seekable(Unnamed):
    """A seekable file object of another class."""

    def seekable(self) -> bool:
        return True

    def seek(self, *arguments: int) -> int:
        return self._file.seek(*arguments)

    def tell(self) -> int:
        return self._file.tell()


def read_file(path: Path) -> bytes:
    with eqinfo.open(path) as file:
        return file.read()


def read_object(kind: type[Unnamed]) -> Callable[[Path], bytes]:
    def read(path: Path) -> bytes:
        with kind(path) as raw, eqinfo.open(raw) as file:  # type: ignore[call-overload]
            return bytes(file.read())

    read.__qualname__ = kind.__name__
    return read


def load_model(path: Path) -> str:
    if not path.stat().st_size:
        random_native_model().save(path)
    return eqinfo.models.NativeModel.load(path).fingerprint


def load_checkpoint(path: Path) -> list[int]:
    torch = pytest.importorskip("torch")
    from eqinfo.train.checkpoint import read_checkpoint, write_checkpoint

    if not path.stat().st_size:
        write_checkpoint(path, "test", {"weights": torch.arange(3000)})
    return list(read_checkpoint(path, "test")["weights"].tolist())


def read_manifest(path: Path) -> Any:
    from eqinfo.shards.manifest import read_json

    return read_json(path)


def read_text(path: Path) -> bytes:
    return read_corpus([path]).text


READERS: list[tuple[bytes, Callable[[Path], Any]]] = [
    (DATA, read_file),
    (DATA, read_object(Unnamed)),
    (DATA, read_object(Seekable)),
    (BOOK.to_bytes(), lambda path: eqinfo.Codebook.load(path).fingerprint),
    (eqinfo.StringColumn(["a", "b"], codebook=BOOK).to_bytes(),
     lambda path: eqinfo.StringColumn.load(path).to_list()),
    (b"", load_model),
    (b"", load_checkpoint),
    (b'{"a": [1, 2, 3]}', read_manifest),
    (TEXT * 10, read_text),
    (gzip.compress(TEXT * 10), read_text),
]  # fmt: skip


def show(part: object) -> str:
    return "" if isinstance(part, bytes) else getattr(part, "__qualname__", str(part))


@pytest.mark.parametrize("fault", ["broken", "short", "end"])
@pytest.mark.parametrize(("content", "read"), READERS, ids=show)
def test_readers(content: bytes, read: Callable[[Path], Any], fault: str, tmp_path: Path) -> None:
    path = tmp_path / "file.eqi"
    path.write_bytes(content)
    wanted = read(path)
    for at in count(1):
        with faults(fault, at, tmp_path, reading=True) as state:
            try:
                found = read(path)
            except (OSError, EqInfoError) as error:
                assert fault != "short"
                assert isinstance(error, OSError) == (fault == "broken")  # noqa: PT017
                assert "file.eqi" in str(error)  # noqa: PT017
            else:
                # At its end, a file ends in any case; and what is not needed is not missed.
                assert found == wanted
        if not state.happened:
            break
    assert at > 1


@pytest.mark.parametrize("seekable", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_file_that_would_block_does_not_end(number: int, seekable: bool) -> None:
    class Slow(io.BytesIO):
        calls = 0

        def seekable(self) -> bool:
            return seekable

        def read(self, size: int | None = -1, /) -> bytes:
            self.calls += 1
            return None if self.calls == number else super().read(size)  # type: ignore[return-value]

    with pytest.raises(BlockingIOError, match="would block"), eqinfo.open(Slow(DATA)) as file:
        file.read()


COMMANDS = {
    "compress": ["compress", "--codec", "stored", "in.txt", "-o", "out"],
    "decompress": ["decompress", "in.eqi", "-o", "out"],
    "verify": ["verify", "in.eqi"],
    "inspect": ["inspect", "in.eqi"],
    "inspect text": ["inspect", "-m", "en-4k", "in.txt"],
    "encode": ["encode", "-m", "en-4k", "in.txt", "-o", "out"],
    "decode": ["decode", "in.eqt", "-o", "out"],
    "decode --raw": ["decode", "--raw", "-m", "en-4k", "in.tokens", "-o", "out"],
    "decode text": ["decode", "-m", "en-4k", "--format", "text", "in.numbers", "-o", "out"],
    "fit": ["fit", "--window-bits", "9", "--max-length", "4", "in.txt", "-o", "out"],
    "tokenize": ["tokenize", "-m", "en-4k", "in.txt", "-o", "out"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_bytes(TEXT)
    Path("in.eqi").write_bytes(DATA)
    tokens = eqinfo.Codebook.bundled("en-4k").encode(TEXT)
    Path("in.tokens").write_bytes(tokens.astype("<u2").tobytes())
    eqinfo.save_tokens("in.eqt", tokens, eqinfo.Codebook.bundled("en-4k"))
    Path("in.numbers").write_text("".join(f"{token}\n" for token in tokens))
    for at in count(1):
        with faults("broken", at, Path("in."), reading=True) as state:
            result = CliRunner().invoke(main, COMMANDS[command])
        if not state.happened:
            break
        assert result.exit_code == 1, (at, result.output, result.exception)
        (line,) = result.stderr.splitlines()
        assert line.startswith("eqinfo: ")
        assert "in." in line
        assert not Path("out").is_file()
    assert at > 1
    assert result.exit_code == 0


@pytest.mark.parametrize("fault", ["broken", "short", "end"])
@pytest.mark.parametrize("name", ["in.txt", "in.jsonl", "in.jsonl.gz", "in.jsonl.xz"])
def test_tokenize(name: str, fault: str, tmp_path: Path) -> None:
    """No document is left out, and what has failed is resumed."""
    folder = tmp_path / "in"
    folder.mkdir()
    texts = documents(40)
    text = "\n\n".join(texts).encode() if name == "in.txt" else json_lines(texts)
    source = write(folder / name, text)
    parameters = ShardParameters(shard_bytes=20_000)
    shards.tokenize([source], tmp_path / "wanted", CODEBOOK, parameters)
    wanted = contents(tmp_path / "wanted")
    for at in count(1):
        out = tmp_path / f"out{at}"
        with faults(fault, at, folder, reading=True) as state:
            try:
                shards.tokenize([source], out, CODEBOOK, parameters)
            except (OSError, EqInfoError) as error:
                assert fault != "short"
                assert name in str(error)  # noqa: PT017
        if state.happened:
            shards.tokenize([source], out, CODEBOOK, parameters)
        assert contents(out) == wanted
        if not state.happened:
            break
    assert at > 3


def test_shards_that_end_early(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(json_lines(documents(30)))
    out = tmp_path / "out"
    shards.tokenize([source], out, CODEBOOK)
    for path in [*out.glob("*.bin"), *out.glob("*.idx")]:
        data = path.read_bytes()
        for content in (b"", data[:-1], data + b"x"):
            path.write_bytes(content)
            with pytest.raises(EqInfoError, match=path.name):
                shards.open(out)
        path.write_bytes(data)
    assert len(shards.open(out)) == 30


OPENERS: dict[str, Callable[[str], object]] = {
    "open": eqinfo.open,
    "append": lambda path: eqinfo.open(path, "ab"),
    "tokens": eqinfo.load_tokens,
    "codebook": eqinfo.Codebook.load,
    "column": eqinfo.StringColumn.load,
    "model": eqinfo.models.NativeModel.load,
    "transformer": TransformerModel.load,
}


@pytest.mark.parametrize("content", [b"", b"neither of them " * 100], ids=["empty", "foreign"])
@pytest.mark.parametrize("name", OPENERS)
def test_a_file_that_is_refused_is_closed(tmp_path: Path, name: str, content: bytes) -> None:
    """Although the traceback still has the frames of the call."""
    path = tmp_path / "file"
    path.write_bytes(content)
    if (name, content) == ("append", b""):  # an empty file may be added to
        return
    with pytest.raises(eqinfo.errors.EqInfoError) as caught:
        OPENERS[name](str(path))
    assert caught.traceback
    open_files = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    assert not any(opened.startswith(str(tmp_path)) for opened in open_files)
