"""Where output goes: pipes, devices, and files that cannot or must not be replaced by another."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import eqinfo
from eqinfo.common import files
from eqinfo.common.files import atomic_output, remove_temporaries
from token_cases import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

EQINFO = [sys.executable, "-m", "eqinfo"]
TEXT = b"Where the output goes. " * 20
TOKENS = encoded(TEXT)
NOBODY = 65534

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, owners and pipes as on POSIX")
as_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root gives files away"
)


def shell(command: str, folder: Path, data: bytes = TEXT) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", command.replace("eqinfo", " ".join(EQINFO))],
        cwd=folder, input=data, capture_output=True, timeout=60,
    )  # fmt: skip


def write(path: Path, data: bytes = b"new") -> None:
    with atomic_output(path) as file:
        file.write(data)


def fail(path: Path) -> None:
    with atomic_output(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt


@contextmanager
def failing(name: str, number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a function of `os` raise an OSError."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number), arguments[0])

    with monkeypatch.context() as patch:
        patch.setattr(files.os, name, refuse)
        yield


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        "eqinfo encode -o /dev/stdout | cat",
        "eqinfo encode -o /dev/stdout > out; cat out",
        "eqinfo encode -o >(cat > out); for i in {1..500}; do [ -s out ] && break; sleep 0.01; "
        "done; cat out",
        "eqinfo encode -o /dev/fd/7 7> out; cat out",
        pytest.param(
            "eqinfo encode -o /proc/self/fd/7 7> >(cat)",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="/proc as on Linux"),
        ),
        "ln -s /dev/stdout link; eqinfo encode -o link | cat",
        "mkfifo pipe; cat pipe & eqinfo encode -o pipe; wait",
        "eqinfo encode -o /dev/stderr 2>&1 | cat",
    ],
)
def test_pipes_and_descriptors_are_written_to(command: str, tmp_path: Path) -> None:
    done = shell(command, tmp_path)
    assert done.stdout == TOKENS, done.stderr
    assert not list(tmp_path.glob(".*"))


def test_a_descriptor_is_neither_truncated_nor_replaced(tmp_path: Path) -> None:
    command = "{ echo -n before; eqinfo encode -o /dev/stdout; echo -n after; } > out"
    assert shell(command, tmp_path).returncode == 0
    assert (tmp_path / "out").read_bytes() == b"before" + TOKENS + b"after"
    assert shell("eqinfo encode -o /dev/fd/1 >> out", tmp_path).returncode == 0
    assert (tmp_path / "out").read_bytes() == b"before" + TOKENS + b"after" + TOKENS


def test_pipes_and_devices_need_no_force(tmp_path: Path) -> None:
    done = shell("eqinfo compress --codec stored -o /dev/stdout | cat", tmp_path)
    assert done.stdout == eqinfo.compress(TEXT, codec="stored")
    assert shell("eqinfo compress --codec stored -o /dev/null", tmp_path).returncode == 0


def test_a_closed_descriptor_is_named(tmp_path: Path) -> None:
    done = shell("eqinfo encode -o /dev/fd/77", tmp_path)
    assert done.returncode == 1
    assert b"Bad file descriptor: '/dev/fd/77'" in done.stderr


def test_hard_links_stay_links(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"the old content")
    os.link(path, link)
    with pytest.raises(KeyboardInterrupt):
        fail(path)
    assert link.read_bytes() == b"the old content"
    for content in (b"new", b"much longer than it was" * 1000, b""):
        write(path, content)
        assert link.read_bytes() == content
        assert path.stat().st_ino == link.stat().st_ino
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EPERM])
def test_a_file_that_cannot_be_replaced_is_written_over(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file is that was mounted on its own, or another user's file in a sticky folder."""
    path = tmp_path / "a"
    path.write_bytes(b"the old content")
    inode = path.stat().st_ino
    with failing("replace", number, monkeypatch):
        write(path)
        assert path.read_bytes() == b"new"
        assert path.stat().st_ino == inode
        with pytest.raises(OSError, match=os.strerror(number)):
            write(tmp_path / "b")
    assert names(tmp_path) == ["a"]


def test_a_writable_file_in_a_folder_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, elsewhere = tmp_path / "closed", tmp_path / "elsewhere"
    closed.mkdir()
    elsewhere.mkdir()
    (closed / "a").write_bytes(b"the old content")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(elsewhere))
    opened = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT and Path(path).parent == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return opened(path, flags, mode)

    monkeypatch.setattr(files.os, "open", refuse)
    write(closed / "a")
    assert (closed / "a").read_bytes() == b"new"
    with pytest.raises(KeyboardInterrupt):
        fail(closed / "a")
    assert (closed / "a").read_bytes() == b"new"
    with pytest.raises(PermissionError, match="closed/b'"):
        write(closed / "b")
    assert names(closed) == ["a"]
    assert names(elsewhere) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room is not made here")
def test_a_full_disk_leaves_a_linked_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.link(path, tmp_path / "b")
    with (
        failing("posix_fallocate", errno.ENOSPC, monkeypatch),
        pytest.raises(OSError, match="No space left"),
    ):
        write(path, b"longer than it was")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a", "b"]


@as_root
def test_owners_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, NOBODY, NOBODY)
    path.chmod(0o2640)
    inode = path.stat().st_ino
    write(path)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, NOBODY, 0o2640)
    assert status.st_ino != inode
    # A compressed file belongs to whom its source belongs to.
    done = shell("eqinfo compress --codec stored a", tmp_path)
    assert done.returncode == 0
    status = (tmp_path / "a.eqi").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, NOBODY, 0o640)


@as_root
def test_an_owner_who_cannot_be_kept_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, NOBODY, NOBODY)
    inode = path.stat().st_ino
    with failing("chown", errno.EPERM, monkeypatch):
        write(path)
        assert path.read_bytes() == b"new"
        assert (path.stat().st_uid, path.stat().st_ino) == (NOBODY, inode)
        # Those who share the source's group do not become those who share ours.
        path.chmod(0o664)
        with atomic_output(tmp_path / "b", path.stat()) as file:
            file.write(b"made of a")
        assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o644


@pytest.mark.skipif(sys.platform != "linux", reason="attributes as on Linux")
def test_attributes_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.origin", b"elsewhere")
    except OSError:
        pytest.skip("this file system has no attributes")
    inode = path.stat().st_ino
    write(path)
    assert os.getxattr(path, "user.origin") == b"elsewhere"
    assert path.stat().st_ino != inode
    inode = path.stat().st_ino
    with failing("setxattr", errno.EPERM, monkeypatch):
        write(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert os.getxattr(path, "user.origin") == b"elsewhere"
    assert path.stat().st_ino == inode


@pytest.mark.parametrize(
    "name",
    [
        "\u540d" * 80 + ".txt",
        "\u540d" * 85,
        "a" * 255,
        "a" + "\U0001f40d" * 60,
        "\xe9",
        "line\nfeed",
    ],
)
def test_long_and_odd_names(name: str, tmp_path: Path) -> None:
    """The name of the temporary file fits, is valid, and is known as a temporary file's."""
    path = tmp_path / name
    with atomic_output(path) as file:
        file.write(b"new")
        (temporary,) = tmp_path.iterdir()
        assert len(os.fsencode(temporary.name)) < 143
        temporary.name.encode("utf-8", "strict")
        (tmp_path / "copy").mkdir()
        os.link(temporary, tmp_path / "copy" / temporary.name)
        remove_temporaries(tmp_path / "copy")
        assert names(tmp_path / "copy") == []
    (tmp_path / "copy").rmdir()
    assert names(tmp_path) == [name]
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has only names in UTF-8")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    for name in (b"\xff", b"\xff" * 200, b"\xe9t\xe9.txt"):
        write(tmp_path / os.fsdecode(name))
        assert (tmp_path / os.fsdecode(name)).read_bytes() == b"new"


def test_a_name_that_is_too_long_is_found_out_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long"), atomic_output(tmp_path / ("a" * 256)):
        pytest.fail("the work was begun")


def test_secret_files_are_secret_while_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with atomic_output(path):
        modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert modes == {0o600}


def test_the_folder_is_flushed_after_the_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | bool] = []
    sync, replace = os.fsync, os.replace

    def watched_sync(descriptor: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def watched_replace(*arguments: Path) -> None:
        seen.append("replace")
        replace(*arguments)

    monkeypatch.setattr(files.os, "fsync", watched_sync)
    monkeypatch.setattr(files.os, "replace", watched_replace)
    write(tmp_path / "a")
    assert seen == ["file", "replace", "folder"]


def test_a_pipe_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError), atomic_output(Path(f"/dev/fd/{writing}")) as file:
        file.write(b"x")
    os.close(writing)


def test_a_reader_of_a_named_pipe_sees_all(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write(tmp_path / "pipe", TEXT)
    reader.join(60)
    assert found == [TEXT]
    assert (tmp_path / "pipe").is_fifo()
