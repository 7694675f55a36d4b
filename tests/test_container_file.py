"""`eqinfo.open`: file objects, compared with plain bytes."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import eqinfo
from container_cases import CODECS, TEXT, golden_model, words
from eqinfo.container.block_codecs.arithmetic import ArithmeticBlockCodec
from eqinfo.container.block_codecs.segments import SegmentedBlockCodec
from eqinfo.container.block_codecs.windows import WindowsBlockCodec

DATA = words(5_000)


class FileMachine(RuleBasedStateMachine):
    """A compressed file of several members, and the same data in memory."""

    @initialize(
        codec=st.sampled_from(CODECS),
        members=st.integers(1, 3),
        threads=st.sampled_from([1, 2]),
        block_bytes=st.sampled_from([100, 700, 3000]),
    )
    def begin(self, codec: Any, members: int, threads: int, block_bytes: int) -> None:
        options: dict[str, Any] = {"codec": codec, "block_bytes": block_bytes}
        if codec in ("windows", "arithmetic"):
            options["segment_bytes"] = 128
        self.data = DATA[: 1500 * members]
        parts = [self.data[1500 * i : 1500 * (i + 1)] for i in range(members)]
        blob = b"".join(eqinfo.compress(part, **options) for part in parts)
        self.file = eqinfo.open(io.BytesIO(blob), num_threads=threads)
        self.model = io.BytesIO(self.data)

    @rule(size=st.integers(-1, 2000))
    def read(self, size: int) -> None:
        assert self.file.read(size) == self.model.read(size)

    @rule(size=st.integers(0, 2000))
    def readinto(self, size: int) -> None:
        found, expected = bytearray(size), bytearray(size)
        assert self.file.readinto(found) == self.model.readinto(expected)
        assert found == expected

    @rule(limit=st.integers(-1, 100))
    def readline(self, limit: int) -> None:
        assert self.file.readline(limit) == self.model.readline(limit)

    @rule(count=st.integers(1, 20))
    def iterate(self, count: int) -> None:
        for _ in range(count):
            assert next(self.file, None) == next(self.model, None)

    @rule(position=st.integers(0, 6000))
    def seek_set(self, position: int) -> None:
        assert self.file.seek(position) == self.model.seek(position)

    @rule(offset=st.integers(-500, 500))
    def seek_current(self, offset: int) -> None:
        if self.model.tell() + offset >= 0:
            target = self.model.tell() + offset
            assert self.file.seek(offset, os.SEEK_CUR) == self.model.seek(target)

    @rule(offset=st.integers(-1500, 100))
    def seek_end(self, offset: int) -> None:
        assert self.file.seek(offset, os.SEEK_END) == self.model.seek(offset, os.SEEK_END)

    @invariant()
    def same_position(self) -> None:
        if hasattr(self, "file"):
            assert self.file.tell() == self.model.tell()


TestFileMachine = FileMachine.TestCase
TestFileMachine.settings = settings(deadline=None, max_examples=40, stateful_step_count=20)


@pytest.fixture(params=CODECS)
def blob(request: pytest.FixtureRequest) -> bytes:
    return eqinfo.compress(DATA, codec=request.param, block_bytes=1200)


def test_lines_and_text(blob: bytes) -> None:
    with eqinfo.open(io.BytesIO(blob)) as file:
        assert file.readlines() == DATA.splitlines(keepends=True)
    with io.TextIOWrapper(eqinfo.open(io.BytesIO(blob)), "latin-1", newline="") as text:
        assert text.read() == DATA.decode("latin-1")
        text.seek(0)
        text.readline()
        place = text.tell()
        line = text.readline()
        text.seek(place)
        assert text.readline() == line


class Pipe(io.RawIOBase):
    """A pipe: it returns a few bytes at a time, and is not seekable."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(memoryview(buffer)[:7])


def test_pipes(blob: bytes) -> None:
    with eqinfo.open(Pipe(blob)) as file:  # type: ignore[arg-type]
        assert not file.seekable()
        assert file.read(100) == DATA[:100]
        assert file.tell() == 100
        assert file.read() == DATA[100:]
        assert file.read() == b""
    with eqinfo.open(Pipe(blob[:-1])) as file:  # type: ignore[arg-type]
        assert file.read(10) == DATA[:10]
        with pytest.raises(eqinfo.errors.TruncatedError):
            file.read()


def test_real_pipes() -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb") as out, eqinfo.open(out, "wb", codec="ranged") as file:
            file.write(DATA)

    thread = threading.Thread(target=write)
    thread.start()
    with open(reading, "rb") as pipe, eqinfo.open(pipe) as file:
        assert file.read() == DATA
    thread.join()


class Narrow(io.RawIOBase):
    """A raw file that writes at most three bytes at a time."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.content += bytes(data[:3])
        return min(3, len(data))


def test_raw_files_may_take_less_than_they_are_given() -> None:
    out = Narrow()
    with eqinfo.open(out, "wb", codec="codebook") as file:  # type: ignore[call-overload]
        file.write(DATA)
    assert eqinfo.decompress(out.content) == DATA


def test_writing_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    with eqinfo.open(path, "wb", codec="ranged", block_bytes=700, num_threads=2) as file:
        assert file.writable()
        assert not file.readable()
        for begin in range(0, len(DATA), 33):
            assert file.write(memoryview(DATA)[begin : begin + 33]) == len(DATA[begin : begin + 33])
        file.flush()
        assert file.tell() == len(DATA)
        assert not path.exists()
    assert path.read_bytes() == eqinfo.compress(DATA, codec="ranged", block_bytes=700)
    with pytest.raises(ValueError, match="closed file"):
        file.write(b"x")
    with io.TextIOWrapper(eqinfo.open(path, "wb", codec="stored"), "utf-8") as text:
        text.write("naïve\n")
    with eqinfo.open(path) as again:
        assert again.read() == "naïve\n".encode()


@pytest.mark.parametrize("codec", ["stored", "codebook"])
def test_what_was_written_may_change_afterwards(codec: Any) -> None:
    out = io.BytesIO()
    buffer = bytearray(300)
    with eqinfo.open(out, "wb", codec=codec, block_bytes=100, num_threads=2) as file:
        for begin in range(0, 3000, 300):
            buffer[:] = DATA[begin : begin + 300]
            file.write(buffer)
            file.write(memoryview(buffer)[10:].toreadonly())
            buffer[:] = bytes(300)
    expected = b"".join(DATA[i : i + 300] + DATA[i + 10 : i + 300] for i in range(0, 3000, 300))
    assert eqinfo.decompress(out.getvalue()) == expected


def test_an_exception_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    path.write_bytes(b"old")

    def fail() -> None:
        with eqinfo.open(path, "wb", codec="stored") as file:
            file.write(DATA)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    abandoned = eqinfo.open(path, "wb", codec="stored")
    abandoned.write(DATA)
    del abandoned
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.eqi"]


def test_an_error_while_coding_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"

    def nan(contexts: Any, lengths: Any) -> Any:
        model = golden_model()
        rows = model.logits(contexts, lengths)
        rows[lengths > 9] = float("nan")
        return rows

    model = eqinfo.models.FunctionModel(nan)
    file = eqinfo.open(path, "wb", model)
    file.write(DATA)
    with pytest.raises(eqinfo.errors.ModelError):
        file.close()
    assert file.closed
    assert list(tmp_path.iterdir()) == []


class Full(io.RawIOBase):
    """A disk with room for one block."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if len(data) > 100:
            raise OSError(28, "No space left on device")
        return len(data)


def test_a_failed_write_gives_the_file_up() -> None:
    file = eqinfo.open(Full(), "wb", codec="stored", block_bytes=200)  # type: ignore[call-overload]
    file.write(b"a" * 199)
    with pytest.raises(OSError, match="No space"):
        file.write(b"b")
    assert file.closed
    with pytest.raises(ValueError, match="closed file"):
        file.write(b"c")
    file.close()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seekable", [True, False])
def test_an_error_is_not_the_end(threads: int, seekable: bool) -> None:
    blob = bytearray(eqinfo.compress(DATA, codec="stored", block_bytes=500))
    blob[34 + 3 * 520 + 40] ^= 1
    source: Any = io.BytesIO(blob) if seekable else Pipe(bytes(blob))
    buffered = eqinfo.open(source, num_threads=threads)
    file = buffered.raw
    before = DATA[:1500]
    assert b"".join(file.read(100) for _ in range(15)) == before
    for _ in range(3):
        with pytest.raises(eqinfo.errors.ChecksumError):
            file.read(100)
    if seekable:
        file.seek(4000)
        assert file.read(10) == DATA[4000:4010]
    buffered.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interruption_is_not_the_end_of_a_pipe(threads: int) -> None:
    class Interrupted(Pipe):
        def readinto(self, buffer: Any) -> int:
            if self._content.tell() > 2000:
                raise KeyboardInterrupt
            return super().readinto(buffer)

    source: Any = Interrupted(eqinfo.compress(DATA, codec="stored", block_bytes=500))
    with eqinfo.open(source, num_threads=threads) as file:
        with pytest.raises(KeyboardInterrupt):
            file.read()
        for _ in range(2):
            with pytest.raises(ValueError, match="found one that was interrupted; open it again"):
                file.read(100)


def test_positions_are_those_of_a_file(blob: bytes) -> None:
    with eqinfo.open(io.BytesIO(blob)) as file:
        raw = file.raw  # the buffer checks some of this itself
        assert raw.seek(-10, io.SEEK_END) == len(DATA) - 10
        assert raw.seek(4, io.SEEK_CUR) == len(DATA) - 6
        assert raw.read() == DATA[-6:]
        for offset, whence in ((-1, io.SEEK_SET), (-len(DATA) - 1, io.SEEK_END)):
            with pytest.raises(ValueError, match=r"^expected a position of 0 or more, found -1$"):
                raw.seek(offset, whence)
        with pytest.raises(ValueError, match=r"^expected whence of 0, 1 or 2, found 3$"):
            raw.seek(0, 3)
        assert raw.tell() == len(DATA)


def test_wrong_arguments(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    with pytest.raises(ValueError, match=r"a mode among r, rb, rt, w, .*, found 'r\+'"):
        eqinfo.open(path, "r+")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="dictionary and num_threads for reading, found codec"):
        eqinfo.open(path, "rb", codec="stored")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="block_bytes"):
        eqinfo.open(path, "wb", block_bytes=0)
    with pytest.raises(FileNotFoundError):
        eqinfo.open(path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count the bytes that models decode."""
    sizes: list[int] = []

    def counting(original: Any) -> Any:
        def decode(self: SegmentedBlockCodec, streams: Any, raw_bytes: int) -> bytes:
            sizes.append(raw_bytes)
            return bytes(original(self, streams, raw_bytes))

        return decode

    for codec in (ArithmeticBlockCodec, WindowsBlockCodec):
        monkeypatch.setattr(codec, "_decode", counting(codec._decode))
    return sizes


@pytest.mark.parametrize("codec", ["windows", "arithmetic"])
def test_a_read_in_the_middle_decodes_what_it_needs(codec: Any, decoded: list[int]) -> None:
    data = words(60_000)
    blob = eqinfo.compress(data, codec=codec, block_bytes=1 << 15, segment_bytes=1 << 11)
    file = eqinfo.open(io.BytesIO(blob))
    raw = file.raw  # without the buffer, which reads ahead
    decoded.clear()
    raw.seek(40_000)
    assert raw.read(1000) == data[40_000:41_000]
    assert sum(decoded) <= 2 << 11
    raw.seek(10)
    decoded.clear()
    assert raw.read(10) == data[10:20]
    assert decoded == [1 << 11]


def test_one_block_is_read_from_the_file() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    data = words(200_000)
    content = Counting(eqinfo.compress(data, codec="ranged", block_bytes=10_000))
    file = eqinfo.open(content)
    content.taken = 0
    file.seek(123_456)
    assert file.read(1000) == data[123_456:124_456]
    assert content.taken < 2 * 10_000


def test_threads_read_the_same() -> None:
    blob = eqinfo.compress(words(300_000), codec="ranged", block_bytes=5_000)
    with eqinfo.open(io.BytesIO(blob), num_threads=3) as file:
        assert file.read() == words(300_000)
        file.seek(150_001)
        assert file.read(20_000) == words(300_000)[150_001:170_001]


def test_closing(tmp_path: Path) -> None:
    path = tmp_path / "a.eqi"
    path.write_bytes(eqinfo.compress(TEXT, codec="stored"))
    file = eqinfo.open(path)
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        file.read()
    own: BinaryIO = io.BytesIO(path.read_bytes())
    eqinfo.open(own).close()
    assert not own.closed


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = "name,count\n" + "".join(f"word{i},{i}\n" for i in range(500))
    blob = eqinfo.compress(table, codec="ranged", block_bytes=1000)
    frame = pandas.read_csv(eqinfo.open(io.BytesIO(blob)))
    assert frame["count"].sum() == sum(range(500))
    out = io.BytesIO()
    with eqinfo.open(out, "wb", codec="ranged") as file:
        frame.to_csv(file, index=False)
    assert eqinfo.decompress(out.getvalue()).decode() == table


def test_pyarrow() -> None:
    arrow = pytest.importorskip("pyarrow")
    csv = pytest.importorskip("pyarrow.csv")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"text": [f"line {i}" for i in range(300)], "number": list(range(300))})
    out = io.BytesIO()
    with eqinfo.open(out, "wb", codec="ranged", block_bytes=500) as file:
        csv.write_csv(table, file)
    assert csv.read_csv(eqinfo.open(io.BytesIO(out.getvalue()))).equals(table)
    out = io.BytesIO()
    with eqinfo.open(out, "wb", codec="ranged", block_bytes=500) as file:
        parquet.write_table(table, file)
    assert parquet.read_table(eqinfo.open(io.BytesIO(out.getvalue()))).equals(table)
