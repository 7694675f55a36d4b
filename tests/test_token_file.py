"""Token files give their tokens with the right codec, or an error of this package."""

from __future__ import annotations

import errno
import io
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo
from eqinfo import ArithmeticCodec, Codebook, CodebookCodec, WindowCodec, load_tokens, save_tokens
from eqinfo.codebook.table import BUNDLED, bundled_fingerprint
from eqinfo.container.checksum import checksum, short_checksum
from eqinfo.container.source import Source
from eqinfo.container.token_file.header import HEADER_BYTES
from eqinfo.container.token_file.stream import END, TRAILER_BYTES, TokenReader
from eqinfo.errors import (
    ChecksumError,
    EqInfoError,
    FormatError,
    ModelMismatchError,
    NumericMismatchError,
    TruncatedError,
)
from golden_model import golden_model
from token_cases import BUNDLED as BUNDLED_CODECS
from token_cases import CODECS, GOLDEN_FOLDER, golden_codec, golden_table, saved, small_codebook

GOOD = golden_table()["good"]
BAD = golden_table()["bad"]
TEXT = "It was the best of times, it was the worst of times."


def loaded(content: bytes, codec: Any = None) -> tuple[list[int], Any]:
    tokens, found = load_tokens(io.BytesIO(content), codec)
    return tokens.tolist(), found


def golden(name: str) -> bytes:
    return (GOLDEN_FOLDER / f"{name}.eqt").read_bytes()


def test_the_table_has_all_golden_files() -> None:
    assert {path.stem for path in GOLDEN_FOLDER.glob("*.eqt")} == {*GOOD, *BAD}


@pytest.mark.parametrize("name", GOOD)
def test_golden_files(name: str) -> None:
    case = GOOD[name]
    codec = golden_codec(case["codec"])
    assert codec.encode(case["text"]).tolist() == case["tokens"]
    assert saved(case["tokens"], codec) == golden(name)
    tokens, found = loaded(golden(name), codec)
    assert tokens == case["tokens"]
    assert found is codec
    assert codec.decode(tokens) == case["text"]
    if case["codec"] in BUNDLED_CODECS:
        tokens, found = loaded(golden(name))
        assert found.decode(tokens) == case["text"]
    else:
        with pytest.raises(ModelMismatchError, match=r"needs an? .* that is not bundled; pass"):
            loaded(golden(name))


def test_windows_of_a_bundled_model_that_is_not_reset_every_time_need_their_codec() -> None:
    codec = eqinfo.WindowCodec(eqinfo.models.load("en"), 32, reset_every=2)
    content = saved(codec.encode(TEXT), codec)
    assert loaded(content, codec)[0] == codec.encode(TEXT).tolist()
    with pytest.raises(
        ModelMismatchError,
        match=r"needs the codec that encoded: .* model 'en' is not reset at every window.*; pass",
    ):
        loaded(content)


@pytest.mark.parametrize("name", BAD)
def test_bad_golden_files(name: str) -> None:
    with pytest.raises(getattr(eqinfo.errors, BAD[name]["error"])) as raised:
        load_tokens(GOLDEN_FOLDER / f"{name}.eqt")
    assert type(raised.value).__name__ == BAD[name]["error"]
    assert BAD[name]["message"] in str(raised.value)
    assert f"{name}.eqt, " in str(raised.value)


@settings(max_examples=80, deadline=None)
@given(name=st.sampled_from(sorted(CODECS)), text=st.text(max_size=30))
def test_round_trip(name: str, text: str) -> None:
    codec = golden_codec(name)
    tokens = codec.encode(text)
    content = saved(tokens, codec)
    assert len(content) == HEADER_BYTES + tokens.nbytes + TRAILER_BYTES
    found, _ = load_tokens(io.BytesIO(content), codec)
    assert found.dtype == tokens.dtype
    assert found.tolist() == tokens.tolist()
    assert codec.decode(found) == text


@pytest.mark.parametrize("name", ["en", "packed", "windows-en", "arithmetic-check", "none-check"])
def test_every_single_bit_and_every_length(name: str) -> None:
    content = golden(name)
    codec = golden_codec(GOOD[name]["codec"])
    for bit in range(8 * len(content)):
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(EqInfoError, match=r"^tokens, (offset|token) "):
            loaded(bytes(altered), codec)
    for size in range(len(content)):
        with pytest.raises((TruncatedError, ChecksumError)):
            loaded(content[:size], codec)
    for byte in range(256):
        with pytest.raises(FormatError):
            loaded(content + bytes([byte]), codec)


def sealed(header: bytes, tokens: bytes, count: int) -> bytes:
    """Return a file with the right checksums."""
    body = header[:-4] + struct.pack("<I", short_checksum(header[:-4])) + tokens
    counted = body + struct.pack("<Q", count)
    return counted + struct.pack("<Q", checksum(counted)) + END


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(BUNDLED_CODECS),
    changes=st.lists(st.tuples(st.integers(4, HEADER_BYTES - 5), st.integers(0, 255)), max_size=3),
    tokens=st.binary(max_size=40),
    count=st.integers(0, 30) | st.integers(0, (1 << 64) - 1),
)
def test_hostile_files_are_refused_or_decode(
    name: str, changes: list[tuple[int, int]], tokens: bytes, count: int
) -> None:
    """Whatever a file with right checksums says, nothing but errors of this package is raised."""
    header = bytearray(golden(name)[:HEADER_BYTES])
    for place, value in changes:
        header[place] = value
    try:
        found, codec = loaded(sealed(bytes(header), tokens, count))
        codec.decode_bytes(found)
    except EqInfoError:
        return
    assert len(found) == count


HOSTILE = """
import io, struct, resource, sys
sys.path.insert(0, {tests!r})
import eqinfo
from test_token_file import golden, sealed, HEADER_BYTES
content = sealed(golden("en")[:HEADER_BYTES], bytes(100), 1 << 62)
for name in ("en", "windows-en", "arithmetic-check-en"):
    eqinfo.load_tokens(io.BytesIO(golden(name)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    eqinfo.load_tokens(io.BytesIO(content))
except eqinfo.errors.FormatError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB, as on Linux")
def test_a_count_is_not_believed() -> None:
    program = HOSTILE.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 20 << 10


def test_paths_and_file_objects(tmp_path: Path) -> None:
    codec = eqinfo.window_codec("en-dense")
    tokens = codec.encode(TEXT)
    path = tmp_path / "tokens"
    for name in (path, str(path), os.fsencode(path)):
        save_tokens(name, tokens, codec)
        assert load_tokens(name)[0].tolist() == tokens.tolist()
    assert path.read_bytes() == saved(tokens, codec)
    with path.open("wb") as file:
        file.write(b"before")
        save_tokens(file, tokens.tolist(), codec)
    with path.open("rb") as file:
        file.seek(6)
        assert load_tokens(file)[0].tolist() == tokens.tolist()
        assert not file.closed
    for wrong in (None, 5):
        with pytest.raises(TypeError, match="a path or a file object to write, found"):
            save_tokens(wrong, tokens, codec)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a path or a file object to read, found"):
            load_tokens(wrong)  # type: ignore[arg-type]


class Slow(io.RawIOBase):
    """Takes and gives a few bytes at a time."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.content += bytes(data[:7])
        return len(data[:7])

    def read(self, size: int = -1) -> bytes:
        part = bytes(self.content[: min(size, 3)])
        del self.content[: len(part)]
        return part


def test_files_that_take_and_give_a_few_bytes() -> None:
    codec = eqinfo.window_codec()
    slow = Slow()
    save_tokens(slow, codec.encode(TEXT), codec)
    assert bytes(slow.content) == saved(codec.encode(TEXT), codec)
    assert not slow.closed
    tokens, found = load_tokens(slow)  # type: ignore[arg-type]
    assert found.decode(tokens) == TEXT


def test_a_file_object_stays_open_when_it_is_full() -> None:
    class Full(Slow):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    codec, full = eqinfo.window_codec(), Full()
    with pytest.raises(OSError, match="No space left on device"):
        save_tokens(full, codec.encode(TEXT), codec)
    assert not full.closed


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(b"old")
    for tokens in ([1, 4096], np.array([1, 4096], np.uint16)):
        with pytest.raises(ValueError, match="token 1: expected 0 to 4095, found 4096"):
            save_tokens(path, tokens, small_codebook())
    assert [p.name for p in tmp_path.iterdir()] == ["tokens"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("chunk_bytes", [1, 3, 64, 1 << 20])
def test_chunks_of_any_size(chunk_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqinfo.container.token_file.stream._CHUNK_BYTES", chunk_bytes)
    for name in ("en", "none"):
        reader = TokenReader(Source(io.BytesIO(golden(name)), "tokens"))
        tokens = [token for chunk in reader.chunks() for token in chunk.tolist()]
        assert tokens == GOOD[name]["tokens"]
        assert reader.count == len(tokens)


def test_ids_of_more_than_16_bits() -> None:
    codebook = Codebook.fit(TEXT, 17)
    ids = codebook.encode(TEXT)
    tokens, codec = load_tokens(io.BytesIO(saved(ids, codebook)), codebook)
    assert tokens.dtype == np.uint32
    assert codec.decode(tokens) == TEXT
    packed = CodebookCodec(codebook, 16)
    tokens, codec = load_tokens(io.BytesIO(saved(packed.encode(TEXT), packed)), codebook)
    assert tokens.dtype == np.uint16
    assert codec.decode(tokens) == TEXT


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "another codebook": (
        lambda: Codebook.bundled("en-dense"),
        r"the codebook en \(id \w{16}\); found one with the codebook en-dense \(id \w{16}\)$",
    ),
    "other token_bits": (
        lambda: eqinfo.window_codec("en", token_bits=8),
        "token_bits 16; found one with token_bits 8$",
    ),
    "another coder": (
        lambda: eqinfo.window_codec("en", window_bits=32),
        r"codec codebook, the codebook en \(.*; found one with codec windows, the model en \(id ",
    ),
    "a codebook of other ids": (small_codebook, "token_bits 16, window_bits 16; found one with"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_codec_is_refused(other: str) -> None:
    codec, message = OTHERS[other]
    with pytest.raises(
        ModelMismatchError,
        match=f"^tokens, offset 0: expected the codec that encoded the tokens, .*{message}",
    ):
        loaded(golden("en"), codec())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_bits": 32}, "with window_bits 24; found one with window_bits 32$"),
        ({"token_bits": 8}, "with token_bits 16; found one with token_bits 8$"),
        ({"precision": 20}, "with precision 16; found one with precision 20$"),
        ({"reset_every": 2}, "what it does not list differs, such as variant or reset_every$"),
        ({"variant": "delay"}, "what it does not list differs, such as variant or reset_every$"),
    ],
)
def test_other_parameters_are_refused(options: dict[str, Any], message: str) -> None:
    model = golden_model()
    codec = WindowCodec(model, **{"window_bits": 24, "token_bits": 16, **options})
    with pytest.raises(ModelMismatchError, match=message):
        loaded(golden("windows"), codec)
    assert loaded(saved(codec.encode(TEXT), codec), codec)[1] is codec


def test_another_check_is_refused() -> None:
    for check_bits in (0, 16):
        codec = ArithmeticCodec(golden_model(), check_bits=check_bits)
        with pytest.raises(
            ModelMismatchError, match=r"with check_bits 32; found one with check_bits (0|16)$"
        ):
            loaded(golden("arithmetic-check"), codec)


@pytest.mark.parametrize(
    ("name", "offset", "message"),
    [
        ("en", 7, "window_bits 16, as the fingerprint of the codec says, found window_bits 17$"),
        ("en", 8, "precision 0, as .*, found precision 1$"),
        ("en", 9, "check_bits 0, as .*, found check_bits 1$"),
        ("windows-en", 9, "check_bits 0, as .*, found check_bits 1$"),
        ("arithmetic-check-en", 7, "window_bits 0, as .*, found window_bits 1$"),
        ("en", 12, r"codebook en \(id cc.*\), as .*, found the codebook en \(id cd"),
    ],
)
def test_a_header_agrees_with_its_fingerprint(name: str, offset: int, message: str) -> None:
    content = bytearray(golden(name))
    codec = loaded(bytes(content))[1]
    content[offset] += 1
    tokens = bytes(content[HEADER_BYTES:-TRAILER_BYTES])
    altered = sealed(bytes(content[:HEADER_BYTES]), tokens, len(GOOD[name]["tokens"]))
    with pytest.raises(FormatError, match=f"^tokens, offset 0: expected .*{message}"):
        loaded(altered, codec)


def test_options_that_a_header_does_not_have_need_the_codec() -> None:
    codec = eqinfo.window_codec("en", window_bits=32, reset_every=2)
    content = saved(codec.encode(TEXT), codec)
    with pytest.raises(ModelMismatchError):
        loaded(content)
    assert loaded(content, codec)[1] is codec


def test_a_model_that_gives_other_numbers() -> None:
    """The fingerprint of a function is its name, which says nothing of what it computes."""
    uniform = eqinfo.models.FunctionModel(
        lambda contexts, lengths: np.zeros((len(lengths), 256), np.float32),
        context_length=4, name="golden",
    )  # fmt: skip
    with pytest.raises(NumericMismatchError, match="gives different numbers on this machine"):
        loaded(golden("windows"), WindowCodec(uniform, 24, 16))


def test_what_is_not_a_codec() -> None:
    tokens = eqinfo.encode(TEXT)
    with pytest.raises(TypeError, match=r"found str; use eqinfo.window_codec\(...\)"):
        save_tokens(io.BytesIO(), tokens, "en")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"found NativeModel; use eqinfo"):
        load_tokens(io.BytesIO(golden("en")), eqinfo.models.load("en"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"found NoneType$"):
        save_tokens(io.BytesIO(), tokens, None)  # type: ignore[arg-type]
    batch = eqinfo.encode_batch([TEXT, TEXT])
    with pytest.raises(TypeError, match="tokens of one document, found a TokenBatch of 2; save ea"):
        save_tokens(io.BytesIO(), batch, Codebook.bundled("en"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected uint16 tokens, found uint32"):
        save_tokens(io.BytesIO(), tokens.astype(np.uint32), Codebook.bundled("en"))


def test_bundled_codebooks_are_known_without_being_loaded() -> None:
    for name in BUNDLED:
        assert bundled_fingerprint(name) == Codebook.bundled(name).fingerprint


def test_messages_say_what_to_do() -> None:
    with pytest.raises(ModelMismatchError) as raised:
        loaded(golden("codebook"))
    assert re.search(
        r"needs an unnamed codebook \(id \w{16}\) .* its file with -m FILE", str(raised.value)
    )
    with pytest.raises(ModelMismatchError, match=r"pass the codec that encoded to eqinfo\.load"):
        loaded(golden("windows"))


def test_a_failing_read_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(golden("en"))

    def fail(self: Source, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Source, "up_to", fail)
    with pytest.raises(OSError, match=re.escape(f"Input/output error: '{path}'")):
        load_tokens(path)
