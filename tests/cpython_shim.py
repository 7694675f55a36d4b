"""gzip, bz2 and lzma with eqinfo behind their names, for CPython's own tests of them.

The names, their arguments and the classes of their errors are those of the standard library; the
files, and whatever is done with them, are eqinfo's. What is adapted, because eqinfo decides
otherwise on purpose:

- `eqinfo.open` raises the errors of a damaged file at once; here they come with the first read,
  which goes on as that of a pipe. What follows a container is an error; here it is cut off.
- A seek to a place outside the data goes to its end or beginning. eqinfo's files are like others of
  `io` there, and also take None for a size.
- The formats of lzma are codebooks: that of a raw stream is not bundled, so that readers must be
  given it, as they are given lzma's filters. Limits of memory are limits of the output.
- A container has one kind of checksum: all kinds of lzma are equal. Levels, presets and filters
  mean nothing, except that level 0 stores; lzma and bz2 refuse those that they do not have.
- `bz2.decompress` and `lzma.decompress` are loops over `eqinfo.Decompressor`, as they are loops in
  the standard library. The command ``python -m gzip`` is ``python -m eqinfo``.
- Compressed data within the tests is replaced by containers of the same data.

`Calls.count` grows with every use of eqinfo, so that a test that passes without it can be told.
"""

from __future__ import annotations

import bz2
import functools
import importlib.util
import io
import lzma
import operator
import os
import subprocess
import sys
import unittest
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import eqinfo
from container_cases import golden_codebook

MODULES = ("gzip", "bz2", "lzma")
OPTIONS: dict[str, Any] = {"codec": "ranged", "block_bytes": 1 << 12}
STORED: dict[str, Any] = {"codec": "stored", "block_bytes": 1 << 12}
# So that even the short data of these tests has several blocks.
SHORT: dict[str, Any] = {"codec": "ranged", "block_bytes": 300}


class Calls:
    """The uses of eqinfo."""

    count = 0


@contextmanager
def translated(error: type[Exception], truncated: type[Exception] = EOFError) -> Iterator[None]:
    """Count a use of eqinfo, and turn its errors into those of a module."""
    Calls.count += 1
    try:
        yield
    except eqinfo.errors.TruncatedError as found:
        raise truncated(str(found)) from found
    except eqinfo.errors.EqInfoError as found:
        raise error(str(found)) from found


def open_damaged(file: Any, model: Any) -> Any:
    """Open what `eqinfo.open` refuses: without what follows the container, or as a pipe."""
    if hasattr(file, "read"):
        file.seek(0)
        content = file.read()
    else:
        content = Path(os.fsdecode(file)).read_bytes()
    members, _ = decompressed(content, model)
    end = len(content) - len(members[-1].unused_data) if members and members[-1].eof else 0
    if 0 < end < len(content):
        return eqinfo.open(io.BytesIO(content[:end]), model=model)
    pipe: Any = SimpleNamespace(read=io.BytesIO(content).read)
    return eqinfo.open(pipe, model=model)


def decompressed(content: bytes, model: Any) -> tuple[list[eqinfo.Decompressor], bytes]:
    """Decompress the members at the beginning of data; return their decompressors and the data."""
    members: list[eqinfo.Decompressor] = []
    parts: list[bytes] = []
    rest = content
    while rest:
        decompressor = eqinfo.Decompressor(model)
        try:
            parts.append(decompressor.decompress(rest))
        except eqinfo.errors.EqInfoError:
            if not members:
                return [], b""
            break  # not a container
        members.append(decompressor)
        rest = decompressor.unused_data
    return members, b"".join(parts)


class File:
    """A file object of eqinfo that raises the errors of another module."""

    error: type[Exception] = OSError

    def __init__(
        self, file: Any, mode: Any, options: dict[str, Any], model: Any = None, **text: Any
    ) -> None:
        reading = not isinstance(mode, str) or mode.startswith("r")
        Calls.count += 1
        try:
            self._fp: Any = eqinfo.open(file, mode, model, **text, **({} if reading else options))
        except eqinfo.errors.EqInfoError:
            if not reading:
                raise
            self._fp = open_damaged(file, model)
        # gzip and bz2 have the file below in these names.
        self.fileobj = self.myfileobj = self._fp

    @property
    def _buffer(self) -> Any:
        return self._fp

    def seek(self, offset: Any, whence: Any = 0) -> int:
        with translated(self.error):
            here = self._fp.tell()
            if isinstance(offset, int) and whence in (0, 1, 2) and self._fp.seekable():
                end = self._fp.seek(0, 2)
                offset = min(max(0, (0, here, end)[whence] + offset), end)
                whence = 0
            return int(self._fp.seek(offset, whence))

    def readline(self, size: Any = -1) -> Any:
        with translated(self.error):
            return self._fp.readline(operator.index(size))

    def readlines(self, size: Any = -1) -> Any:
        with translated(self.error):
            return self._fp.readlines(operator.index(size))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._fp, name)
        return self._translating(value) if callable(value) else value

    def _translating(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with translated(self.error):
                return function(*arguments, **options)

        return call

    def __iter__(self) -> Any:
        self._translating(self._fp.__iter__)()
        return self

    def __next__(self) -> Any:
        return self._translating(self._fp.__next__)()

    def __enter__(self) -> Any:
        self._translating(self._fp.__enter__)()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._translating(self._fp.__exit__)(*error)


def binary(mode: Any) -> Any:
    """Refuse text modes, which the classes of the standard library do not have."""
    if isinstance(mode, str) and "t" in mode:
        raise ValueError(f"expected a binary mode, found {mode!r}")
    return mode


def compress(data: Any, options: dict[str, Any] = OPTIONS, model: Any = None) -> bytes:
    Calls.count += 1
    return eqinfo.compress(data, model, **options)


def decompress(
    data: Any, error: type[Exception], truncated: type[Exception], model: Any = None
) -> bytes:
    """Decompress all members as the functions of bz2 and lzma do: what follows is no matter."""
    with translated(error, truncated):
        members, content = decompressed(data, model)
        if not members:
            return eqinfo.decompress(data, model)
        if not members[-1].eof:
            raise truncated("the compressed data ends too early")
        return content


def gzip_module() -> ModuleType:
    module: Any = ModuleType("gzip")

    class BadGzipFile(OSError):  # noqa: N818
        pass

    def of_level(level: int) -> dict[str, Any]:
        return OPTIONS if level else STORED

    class GzipFile(File):
        error = BadGzipFile

        def __init__(
            self,
            filename: Any = None,
            mode: Any = None,
            compresslevel: int = 9,
            fileobj: Any = None,
        ) -> None:
            if mode is None:
                mode = getattr(fileobj, "mode", "rb").replace("+", "")
                if "r" not in mode:
                    warnings.warn("GzipFile was opened for writing", FutureWarning, 2)
            super().__init__(
                filename if fileobj is None else fileobj, binary(mode), of_level(compresslevel)
            )

        @property
        def mode(self) -> str:
            return "rb" if self.readable() else "wb"

    def open_(filename: Any, mode: str = "rb", compresslevel: int = 9, **text: Any) -> File:
        return File(filename, mode, of_level(compresslevel), **text)

    def decompress_(data: Any) -> bytes:
        with translated(BadGzipFile):
            return eqinfo.decompress(data)

    module.BadGzipFile, module.GzipFile = BadGzipFile, GzipFile
    module.open, module.decompress = open_, decompress_
    module.compress = lambda data, compresslevel=9, mtime=None: compress(
        data, of_level(compresslevel)
    )
    module.READ, module.WRITE = "rb", "wb"
    return module


def bz2_module() -> ModuleType:
    module: Any = ModuleType("bz2")

    class BZ2File(File):
        def __init__(self, filename: Any, mode: Any = "r", *, compresslevel: int = 9) -> None:
            bz2.BZ2Compressor(compresslevel)  # refuses a level that it does not have
            super().__init__(filename, binary(mode), OPTIONS)

    class BZ2Compressor(eqinfo.Compressor):
        def __init__(self, compresslevel: int = 9) -> None:
            Calls.count += 1
            super().__init__(**OPTIONS)

    class BZ2Decompressor(eqinfo.Decompressor):
        def __init__(self) -> None:
            Calls.count += 1
            super().__init__()

    def open_(filename: Any, mode: str = "rb", compresslevel: int = 9, **text: Any) -> File:
        return File(filename, mode, OPTIONS, **text)

    module.BZ2File, module.open = BZ2File, open_
    module.BZ2Compressor, module.BZ2Decompressor = BZ2Compressor, BZ2Decompressor
    module.compress = lambda data, compresslevel=9: compress(data)
    module.decompress = lambda data: decompress(data, OSError, ValueError) if data else b""
    return module


def codebook_of(form: Any) -> Any:
    """Return the codebook that stands for a format; None to find it by its name."""
    return {
        lzma.FORMAT_XZ: "en-dense",
        lzma.FORMAT_ALONE: "en",
        lzma.FORMAT_RAW: golden_codebook(),
    }.get(form)


def lzma_module() -> ModuleType:
    module: Any = ModuleType("lzma")
    for name in dir(lzma):
        if name.isupper():
            is_kind = name in ("CHECK_NONE", "CHECK_CRC32", "CHECK_CRC64", "CHECK_SHA256")
            setattr(module, name, lzma.CHECK_CRC64 if is_kind else getattr(lzma, name))

    class LZMAFile(File):
        error = lzma.LZMAError

        def __init__(
            self, filename: Any = None, mode: Any = "r", *, format: Any = None, **options: Any
        ) -> None:
            form = lzma.FORMAT_XZ if format is None and mode != "r" and mode != "rb" else format
            super().__init__(filename, binary(mode), OPTIONS, codebook_of(form))

    class LZMACompressor(eqinfo.Compressor):
        def __init__(
            self,
            format: Any = lzma.FORMAT_XZ,
            check: Any = -1,
            preset: Any = None,
            filters: Any = None,
        ) -> None:
            lzma.LZMACompressor(format, check, preset, filters)  # refuses what it does not have
            Calls.count += 1
            super().__init__(codebook_of(format), **OPTIONS)

    class LZMADecompressor(eqinfo.Decompressor):
        check = module.CHECK_NONE

        def __init__(
            self, format: Any = lzma.FORMAT_AUTO, memlimit: Any = None, filters: Any = None
        ) -> None:
            lzma.LZMADecompressor(format, memlimit, filters)
            Calls.count += 1
            super().__init__(codebook_of(format))

        def decompress(self, data: Any, max_length: int = -1) -> bytes:
            with translated(lzma.LZMAError):
                return super().decompress(data, max_length)

    def open_(
        filename: Any, mode: str = "rb", *, format: Any = None, check: Any = -1, preset: Any = None,
        filters: Any = None, **text: Any,
    ) -> File:  # fmt: skip
        file = File(filename, mode, OPTIONS, codebook_of(format or lzma.FORMAT_XZ), **text)
        file.error = lzma.LZMAError
        return file

    def compress_(
        data: Any, format: Any = lzma.FORMAT_XZ, check: Any = -1, preset: Any = None,
        filters: Any = None,
    ) -> bytes:  # fmt: skip
        lzma.LZMACompressor(format, check, preset, filters)
        return compress(data, OPTIONS, codebook_of(format))

    def decompress_(
        data: Any, format: Any = lzma.FORMAT_AUTO, memlimit: Any = None, filters: Any = None
    ) -> bytes:
        lzma.LZMADecompressor(format, memlimit, filters)
        if memlimit is not None:
            with translated(lzma.LZMAError):
                return eqinfo.decompress(data, codebook_of(format), max_output=memlimit)
        return decompress(data, lzma.LZMAError, lzma.LZMAError, codebook_of(format))

    module.LZMAError, module.LZMAFile, module.open = lzma.LZMAError, LZMAFile, open_
    module.LZMACompressor, module.LZMADecompressor = LZMACompressor, LZMADecompressor
    module.compress, module.decompress = compress_, decompress_
    return module


SHIMS = {"gzip": gzip_module, "bz2": bz2_module, "lzma": lzma_module}


def is_installed() -> bool:
    """Return whether this Python has its own tests."""
    try:
        return all(importlib.util.find_spec(f"test.test_{name}") for name in MODULES)
    except ModuleNotFoundError:
        return False


def tests_of(name: str) -> dict[str, unittest.TestCase]:
    """Load CPython's tests of a module with the shim in its place; return them by their names."""
    from test.support import os_helper

    spec = importlib.util.find_spec(f"test.test_{name}")
    assert spec
    assert spec.origin
    module: Any = ModuleType(f"cpython_test_{name}")
    module.__file__ = spec.origin
    sys.modules[module.__name__] = module
    source = Path(spec.origin).read_text(encoding="utf-8")
    with (
        mock.patch.dict(sys.modules, {name: SHIMS[name]()}),
        # Some tests want a name in ASCII.
        mock.patch.object(os_helper, "TESTFN", os_helper.TESTFN_ASCII),
    ):
        exec(compile(replaced(source), spec.origin, "exec"), module.__dict__)
    PREPARE[name](module)
    tests = unittest.defaultTestLoader.loadTestsFromModule(module)
    return {
        f"{name}.{type(test).__name__}.{test._testMethodName}": test
        for suite in tests
        for test in suite  # type: ignore[union-attr]
    }


def replaced(source: str) -> str:
    """Replace compressed data within a test's own lines."""
    lines = source.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith("        data = b'BZh9"):
            data = bz2.decompress(eval(line.partition("=")[2]))
            lines[number] = f"        data = bz2.compress({data!r})\n"
    return "".join(lines)


def prepare_gzip(module: Any) -> None:
    # Other tests call this one first: only in its own name, it asks for a descriptor.
    original = module.TestGzip.test_write

    def test_write(self: Any) -> None:
        if self._testMethodName == "test_write":
            original(self)
            return
        with module.gzip.GzipFile(self.filename, "wb") as file:
            file.write(module.data1 * 50)

    module.TestGzip.test_write = test_write

    # Of the command, what starts it and what it leaves are tested, not its messages.
    def of_command(arguments: Any) -> list[str]:
        """Return the arguments of eqinfo for those of gzip."""
        arguments = list(arguments)
        assert arguments[:2] == ["-m", "gzip"]
        level = {"--fast": ["--codec", "codebook"], "--best": ["--codec", "arithmetic"]}
        out = []
        command = "compress"
        for argument in arguments[2:]:
            if argument == "-d":
                command = "decompress"
            elif argument in level:
                out += level[argument]
            else:
                is_gz = argument.endswith(".gz")
                out += [argument, "-o", argument[:-3] if is_gz else f"{argument}.gz"]
        Calls.count += 1
        return ["-m", "eqinfo", command, *out]

    def assert_python_ok(*arguments: str) -> tuple[int, bytes, bytes]:
        done = subprocess.run([sys.executable, *of_command(arguments)], capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.returncode, done.stdout, done.stderr

    module.assert_python_ok = assert_python_ok
    module.Popen = lambda arguments, **options: subprocess.Popen(
        [arguments[0], *of_command(arguments[1:])], **options
    )


def prepare_bz2(module: Any) -> None:
    module.has_cmdline_bunzip2 = False  # decompress with the shim
    module.BaseTest.DATA = compress(module.BaseTest.TEXT, SHORT)
    module.BaseTest.EMPTY_DATA = compress(b"")


def prepare_lzma(module: Any) -> None:
    module.COMPRESSED_XZ = compress(module.INPUT, SHORT)
    module.COMPRESSED_ALONE = compress(module.INPUT, SHORT, codebook_of(lzma.FORMAT_ALONE))
    for number, codec in enumerate(("ranged", "codebook", "ranged", "codebook"), 1):
        options = {"codec": codec, "block_bytes": 200 * number}
        raw = compress(module.INPUT, options, codebook_of(lzma.FORMAT_RAW))
        setattr(module, f"COMPRESSED_RAW_{number}", raw)
    module.ISSUE_21872_DAT = compress(lzma.decompress(module.ISSUE_21872_DAT))


PREPARE: dict[str, Callable[[Any], None]] = {
    "gzip": prepare_gzip,
    "bz2": prepare_bz2,
    "lzma": prepare_lzma,
}
