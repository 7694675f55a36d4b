"""Every write, flush, close and rename fails once: the old file stays, and the next run works."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import eqinfo
from codebook_cases import from_strings, grown
from eqinfo.common.files import atomic_output
from eqinfo.common.named import NamedFile
from eqinfo.experiment.report import page
from eqinfo.experiment.report.html import Section
from eqinfo.shards.manifest import write_json
from faulty_files import WRITE_FAULTS, faults
from native_cases import random_native_model

pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="descriptors have no names here"
)

TEXT = b"What is written here must be all there, or not at all. " * 40
BOOK = from_strings(grown(1, 10, 256, 0.0))
OLD = eqinfo.compress(b"old", codec="stored")
NEW = b"n" * (3 << 20)
MOST_CALLS = 100


def compress(path: Path, mode: str = "wb") -> None:
    with eqinfo.open(path, mode, codec="codebook", block_bytes=1000) as file:  # type: ignore[call-overload]
        file.write(TEXT[:1500])
        file.write(TEXT[1500:])


def append(path: Path) -> None:
    compress(path, "ab")


def write_text(path: Path) -> None:
    with eqinfo.open(path, "wt", codec="stored") as file:
        file.write(TEXT.decode())


def save_column(path: Path) -> None:
    eqinfo.StringColumn(["a", None, "b" * 1000], codebook=BOOK).save(path)


def write_checkpoint(path: Path) -> None:
    torch = pytest.importorskip("torch")
    from eqinfo.train.checkpoint import write_checkpoint

    write_checkpoint(path, "test", {"weights": torch.arange(5000)})


def save_paper_model(path: Path) -> None:
    torch = pytest.importorskip("torch")
    from eqinfo.models import paper

    torch.manual_seed(0)
    sizes = paper.Sizes(width=16, heads=2, head_width=8, layers=1, hidden=8, context=8)
    paper.save(paper.PaperTransformer(sizes), path, {})


LONG_SECTION = Section("name", "Title", "x" * 20_000)


def write_report(path: Path, tested: str) -> None:
    """Write the page of the report and its Markdown, one of them to ``path``, the other nowhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REPORT", "TEXT"):
            patch.setattr(page, name, path.name if name == tested else os.devnull)
        patch.setattr(page, "all_sections", lambda *_: [LONG_SECTION])
        patch.setattr(page, "page_data", dict)
        page.write_page(path.parent, {}, {"pieces": {"sentence": "a"}})


def write_page(path: Path) -> None:
    write_report(path, "REPORT")


def write_page_as_markdown(path: Path) -> None:
    write_report(path, "TEXT")


def write_in_pieces(path: Path) -> None:
    with atomic_output(path) as file:
        for _ in range(5):
            file.write(TEXT * 40)


WRITERS: list[Callable[[Path], Any]] = [
    compress,
    append,
    write_text,
    BOOK.save,
    save_column,
    random_native_model().save,
    write_checkpoint,
    save_paper_model,
    lambda path: write_json(path, {"numbers": list(range(5000))}),
    write_page,
    write_page_as_markdown,
    write_in_pieces,
]


def check(write: Callable[[Path], Any], fault: str, old: bytes | None, path: Path) -> int:
    """Let the first call fail, the second, ...; return how many did before there were no more."""
    path.unlink(missing_ok=True)
    if old is not None:
        path.write_bytes(old)
    write(path)
    wanted = path.read_bytes()
    assert wanted != old
    for at in count(1):
        path.unlink()
        if old is not None:
            path.write_bytes(old)
        with faults(fault, at, path.parent) as state:
            try:
                write(path)
            except OSError as error:
                raised: OSError | None = error
            else:
                raised = None
        if raised is None:
            assert path.read_bytes() == wanted, at
        else:
            assert state.happened, raised
            assert path.name in str(raised), at
            found = path.read_bytes() if path.exists() else None
            # The folder is flushed after the file is in its place.
            assert found == old or (fault == "fsync" and found == wanted), at
        assert [other.name for other in path.parent.iterdir()] == [path.name] * path.exists(), at
        if not state.happened:
            return at - 1
        assert at < MOST_CALLS
        if raised is not None and found == old:
            write(path)
            assert path.read_bytes() == wanted
    raise AssertionError


@pytest.mark.parametrize("fault", WRITE_FAULTS)
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__qualname__)
def test_a_file_is_whole_or_as_it_was(
    write: Callable[[Path], Any], fault: str, tmp_path: Path
) -> None:
    for old in (None, OLD) if write not in (append,) else (OLD,):
        assert check(write, fault, old, tmp_path / "file") >= 1
    if write is append:
        assert eqinfo.decompress((tmp_path / "file").read_bytes()) == b"old" + TEXT


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__qualname__)
def test_short_writes_lose_nothing(write: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    write(path)
    wanted = path.read_bytes()
    for at in count(1):
        path.write_bytes(OLD)
        with faults("short", at, tmp_path) as state:
            write(path)
        assert path.read_bytes() == wanted
        if not state.happened:
            break
    assert at > 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("fault", ["full", "create", "fsync", "close", "replace"])
@pytest.mark.parametrize("write", [compress, BOOK.save, write_in_pieces, write_checkpoint])
def test_signals_at_every_call(
    write: Callable[[Path], Any], fault: str, stop: type[BaseException], tmp_path: Path
) -> None:
    """Ctrl-C and SIGTERM, whose handlers raise these."""
    path = tmp_path / "file"
    write(path)
    wanted = path.read_bytes()
    for at in count(1):
        path.write_bytes(OLD)
        with faults(fault, at, tmp_path, raising=stop) as state:
            try:
                write(path)
            except stop:
                # The folder is flushed after the file is in its place.
                assert path.read_bytes() == (wanted if (fault, at) == ("fsync", 2) else OLD)
            else:
                assert not state.happened
                assert path.read_bytes() == wanted
        assert list(tmp_path.iterdir()) == [path]
        if not state.happened:
            break
    assert at > 1


class Raw:
    """A user's file object whose k-th write does something else."""

    name = "somewhere.eqi"

    def __init__(self, at: int, result: Any) -> None:
        self.data = bytearray()
        self._calls = 0
        self._at = at
        self._result = result

    def write(self, data: memoryview) -> Any:
        self._calls += 1
        if self._calls == self._at and isinstance(self._result, OSError):
            raise self._result
        if self._calls == self._at and self._result == "short":
            data = data[: -(-len(data) // 2)]
        elif self._calls == self._at:
            return self._result
        self.data += data
        return len(data)


@pytest.mark.parametrize("result", ["short", 0, -1, 1 << 40, OSError(errno.ENOSPC, "full")])
def test_file_objects(result: Any) -> None:
    for at in count(1):
        raw = Raw(at, result)
        try:
            with eqinfo.open(raw, "wb", codec="codebook", block_bytes=1000) as file:  # type: ignore[call-overload]
                file.write(TEXT)
        except OSError as error:
            assert result != "short"
            assert "somewhere.eqi" in str(error)  # noqa: PT017
            continue
        assert eqinfo.decompress(raw.data) == TEXT
        if raw._calls < at:
            break
    assert at > 3


def test_an_error_of_another_type_stays_what_it_is() -> None:
    class OutOfQuotaError(OSError):
        pass

    error = OutOfQuotaError(errno.EDQUOT, "quota")
    with pytest.raises(OutOfQuotaError) as raised:
        eqinfo.open(Raw(1, error), "wb", codec="stored").close()  # type: ignore[call-overload]
    assert raised.value is error
    assert raised.value.filename == "somewhere.eqi"


@pytest.mark.parametrize("fault", ["full", "broken", "blocked", "fsync", "close"])
def test_a_file_with_links_is_as_it_was_or_its_new_content_is_kept(
    fault: str, tmp_path: Path
) -> None:
    """It is written to in its place, where nothing can put the old content back."""
    path, link = tmp_path / "file", tmp_path / "link"
    kept = 0
    for at in count(1):
        for other in tmp_path.iterdir():
            other.unlink()
        path.write_bytes(OLD)
        os.link(path, link)
        with faults(fault, at, tmp_path) as state:
            try:
                with atomic_output(path) as file:
                    file.write(NEW)
            except OSError as error:
                raised: str | None = str(error)
            else:
                raised = None
        if not state.happened:
            break
        temporaries = [name for name in tmp_path.iterdir() if name not in (path, link)]
        if raised is None:
            assert link.read_bytes() == NEW
            continue
        assert path.name in raised
        if link.read_bytes() == OLD:
            assert not temporaries
        else:
            (temporary,) = temporaries
            assert temporary.read_bytes() == NEW
            assert f"its new content is in {temporary}" in raised
            kept += 1
    assert link.read_bytes() == NEW
    # It is copied in three pieces. If the first cannot be written, the old content is still there.
    assert kept == {"fsync": 1, "close": 0}.get(fault, 2)


@pytest.mark.parametrize("fault", ["full", "fsync", "close"])
def test_a_signal_leaves_a_file_with_links_whole(fault: str, tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    found = set()
    for at in count(1):
        path.unlink(missing_ok=True)
        link.unlink(missing_ok=True)
        path.write_bytes(OLD)
        os.link(path, link)
        with faults(fault, at, tmp_path, raising=KeyboardInterrupt) as state:
            try:
                with atomic_output(path) as file:
                    file.write(NEW)
            except KeyboardInterrupt:
                assert state.happened
        found.add(link.read_bytes())
        assert set(tmp_path.iterdir()) == {path, link}
        if not state.happened:
            break
    assert found == {OLD, NEW}


def test_the_file_is_closed_after_an_error(tmp_path: Path) -> None:
    """Although the traceback still has the frames of the block."""
    path = tmp_path / "file"
    descriptors = []

    def write() -> None:
        with atomic_output(path) as file:
            descriptors.append(file.fileno())
            raise ValueError("in the block")

    with pytest.raises(ValueError, match="in the block") as caught:
        write()
    assert caught.traceback
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])
    assert list(tmp_path.iterdir()) == []


def test_a_named_file_that_cannot_be_closed_is_closed() -> None:
    class Failing(io.RawIOBase):
        def close(self) -> None:
            if not self.closed:
                super().close()
                raise OSError(errno.EIO, "Input/output error")

    file = NamedFile(Failing(), "a.bin")
    with pytest.raises(OSError, match=r"Input/output error: 'a.bin'"):
        file.close()
    assert file.closed
    file.close()
