"""Files whose calls fail: the k-th one of a kind, as SQLite's tests do it.

`faults` replaces the functions that open, flush and rename files. Everything that eqinfo opens
below a folder then counts its calls; one of them fails.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from typing_extensions import Buffer

WRITE_FAULTS = ("full", "broken", "blocked", "nothing", "create", "fsync", "close", "replace")
"""Calls that fail: write (disk full, I/O error, None, 0), open, fsync, close, replace."""
_CALL = {"full": "write", "broken": "write", "blocked": "write", "nothing": "write"}
_NUMBERS = {"full": errno.ENOSPC, "create": errno.ENOSPC}


class Faults:
    """Which call fails, and whether it has come to that.

    Args:
        fault: one of `WRITE_FAULTS`, "short" (a call that writes or reads less than
            it could) or "end" (reads that find the end of the file from then on).
        call: the name of the calls that are counted.
        at: which of them fails, from 1 on.
        folder: files elsewhere are as ever.
        raising: what is raised where a call fails; None: an OSError.
    """

    def __init__(
        self,
        fault: str,
        call: str,
        at: int,
        folder: Path,
        raising: type[BaseException] | None = None,
    ) -> None:
        self._fault = fault
        self._call = call
        self._at = at
        self._folder = str(folder)
        self._raising = raising
        self.calls = 0

    @property
    def happened(self) -> bool:
        """Whether a call has failed."""
        return self.calls >= self._at

    def strikes(self, call: str) -> bool:
        """Count a call; return whether it is to fail."""
        self.calls += call == self._call
        return call == self._call and (
            self.calls == self._at or (self._fault == "end" and self.calls > self._at)
        )

    def concerns(self, path: object) -> bool:
        """Return whether a path is below the folder."""
        if isinstance(path, int):
            try:
                path = os.readlink(f"/proc/self/fd/{path}")
            except OSError:
                return False
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._folder)  # type: ignore[arg-type]

    def error(self) -> BaseException:
        """Return the error of a call that fails."""
        if self._raising is not None:
            return self._raising()
        number = _NUMBERS.get(self._fault, errno.EIO)
        return OSError(number, os.strerror(number))

    def size(self, size: int) -> int | None:
        """Raise, or return how many bytes a call that fails may still handle."""
        if self._fault == "short":
            return -(-size // 2)
        if self._fault == "blocked":
            return None
        if self._fault in ("nothing", "end"):
            return 0
        raise self.error()


class _FaultyFile(io.FileIO):
    """A raw file whose calls fail."""

    faults: Faults

    def write(self, data: Buffer, /) -> int | None:  # type: ignore[override]
        with memoryview(data) as view:
            if not self.faults.strikes("write"):
                return super().write(view)
            size = self.faults.size(view.nbytes)
            return super().write(view[:size]) if size else size

    def readinto(self, buffer: Any, /) -> int | None:  # type: ignore[override]
        with memoryview(buffer).cast("B") as view:
            if not self.faults.strikes("read"):
                return super().readinto(view)
            size = self.faults.size(view.nbytes)
            return super().readinto(view[:size]) if size else size

    def readall(self) -> bytes | None:  # type: ignore[override]
        pieces = []
        while piece := self.read(1 << 13):
            pieces.append(piece)
        return piece if piece is None and not pieces else b"".join(pieces)

    def read(self, size: int = -1, /) -> bytes | None:  # type: ignore[override]
        if size < 0:
            return self.readall()
        data = bytearray(size)
        count = self.readinto(data)
        return None if count is None else bytes(data[:count])

    def close(self) -> None:
        fails = not self.closed and self.writable() and self.faults.strikes("close")
        super().close()
        if fails:
            raise self.faults.error()


def _opened(faults: Faults, file: Any, mode: str, buffering: int) -> Any:
    raw = _FaultyFile(file, mode.replace("b", "").replace("t", ""))
    raw.faults = faults
    if buffering == 0:
        return raw
    return io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw)


@contextmanager
def faults(
    fault: str,
    at: int,
    folder: Path,
    *,
    reading: bool = False,
    raising: type[BaseException] | None = None,
) -> Iterator[Faults]:
    """Make a call fail that concerns a file in a folder.

    Args:
        fault: see `Faults`.
        at: which call fails, from 1 on.
        folder: see `Faults`.
        reading: whether reads fail, not writes.
        raising: see `Faults`.
    """
    call = "read" if reading else "write" if fault == "short" else _CALL.get(fault, fault)
    state = Faults(fault, call, at, folder, raising)
    real_open, real_fdopen, real_os_open = builtins.open, os.fdopen, os.open
    real_pread = getattr(os, "pread", None)

    def opened(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **options: Any) -> Any:
        if not state.concerns(file) or "b" not in mode:
            return real_open(file, mode, buffering, *rest, **options)
        return _opened(state, file, mode, buffering)

    def fdopened(file: int, mode: str = "r", buffering: int = -1, *rest: Any) -> Any:
        if not state.concerns(file) or "b" not in mode:
            return real_fdopen(file, mode, buffering, *rest)
        return _opened(state, file, mode, buffering)

    def created(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT and state.concerns(path) and state.strikes("create"):
            error = state.error()
            if isinstance(error, OSError):
                error.filename = path
            raise error
        return real_os_open(path, flags, *rest, **options)

    def read_at(file: int, size: int, offset: int) -> bytes | None:
        assert real_pread is not None
        if state.concerns(file) and state.strikes("read"):
            allowed = state.size(size)
            return real_pread(file, allowed, offset) if allowed else b"" if allowed == 0 else None
        return real_pread(file, size, offset)

    def failing(name: str) -> Any:
        real = getattr(os, name)

        def function(file: Any, *rest: Any, **options: Any) -> Any:
            if state.concerns(file) and state.strikes(name):
                raise state.error()
            return real(file, *rest, **options)

        return mock.patch.object(os, name, function)

    with (
        mock.patch.object(builtins, "open", opened),
        mock.patch.object(io, "open", opened),
        mock.patch.object(os, "fdopen", fdopened),
        mock.patch.object(os, "open", created),
        mock.patch.object(os, "pread", read_at, create=True),
        failing("fsync"),
        failing("replace"),
    ):
        yield state
