"""The container in other libraries: fsspec, numcodecs, zarr, pandas, pyarrow; docs/files.md."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqinfo
from container_cases import words

ROOT = Path(__file__).resolve().parents[1]
TEXT = words(20_000).decode("latin-1")
ENTRY_POINTS = {
    "numcodecs.codecs": "eqinfo.container.adapters.numcodecs:EqinfoCodec",
    "zarr.codecs": "eqinfo.container.adapters.zarr:EqinfoZarrCodec",
}


def is_declared(group: str) -> bool:
    """Return whether the installed package declares the entry point."""
    return any(point.value == ENTRY_POINTS[group] for point in entry_points(group=group))


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a checkout")
@pytest.mark.parametrize("group", ENTRY_POINTS)
def test_entry_points_name_what_exists(group: str) -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'[project.entry-points."{group}"]\neqinfo = "{ENTRY_POINTS[group]}"\n' in project
    pytest.importorskip(group.partition(".")[0])
    if sys.version_info < (3, 11) and group == "zarr.codecs":
        pytest.skip("Zarr arrays of version 3 need Python 3.11")
    module, _, name = ENTRY_POINTS[group].partition(":")
    program = f"import {module}; print({module}.{name}.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr


def test_fsspec(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    eqinfo.register_fsspec(codec="ranged", block_bytes=1000)
    eqinfo.register_fsspec(codec="ranged", block_bytes=500, num_threads=2)
    for url in (f"file://{tmp_path}/book.eqi", "memory://book.eqi"):
        for compression in ("eqinfo", "infer"):
            with fsspec.open(url, "wb", compression=compression) as file:
                file.write(TEXT.encode())
            with fsspec.open(url, "rb") as file:
                expected = eqinfo.compress(TEXT, codec="ranged", block_bytes=500)
                assert file.read() == expected
            with fsspec.open(url, "rb", compression=compression) as file:
                file.seek(5000)
                assert file.read(100) == TEXT.encode()[5000:5100]
        with fsspec.open(url, "wt", compression="infer", encoding="utf-8", newline="") as file:
            file.write(TEXT)
        with fsspec.open(url, "rt", compression="infer", encoding="utf-8", newline="") as file:
            assert file.read() == TEXT
    with fsspec.open(f"file://{tmp_path}/book.eqi", "ab", compression="infer") as file:
        file.write(b"more")
    with eqinfo.open(tmp_path / "book.eqi") as file:
        assert file.read() == TEXT.encode() + b"more"


def test_fsspec_with_a_dictionary() -> None:
    fsspec = pytest.importorskip("fsspec")
    eqinfo.register_fsspec(codec="adaptive", dictionary=b"It was the best of times")
    for compression in ("infer", "eqinfo"):
        with fsspec.open("memory://short.eqi", "wb", compression=compression) as file:
            file.write(b"It was the best")
        with fsspec.open("memory://short.eqi", "rb", compression=compression) as file:
            assert file.read() == b"It was the best"


def test_fsspec_that_is_missing() -> None:
    program = """
import sys
sys.modules["fsspec"] = sys.modules["fsspec.compression"] = None  # as if it were not installed
import eqinfo
try:
    eqinfo.register_fsspec()
except eqinfo.errors.UnsupportedError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install eqinfo[fsspec]" in done.stdout, done.stderr


def text_array() -> np.ndarray[Any, Any]:
    return np.frombuffer(TEXT.encode()[:20_000].ljust(20_000), "S100").reshape(20, 10)


def test_numcodecs() -> None:
    pytest.importorskip("numcodecs")
    from eqinfo.container.adapters.numcodecs import EqinfoCodec

    array = text_array()
    fortran = np.asfortranarray(array)
    codecs = [EqinfoCodec(codec="ranged"), EqinfoCodec("en-4k", codec="codebook", num_threads=2)]
    for codec in codecs:
        config = json.loads(json.dumps(codec.get_config()))
        assert config.pop("id") == "eqinfo"
        assert EqinfoCodec.from_config(config) == codec
        assert eval(repr(codec)) == codec
        for part in (array, array[:5], fortran, array.view(np.uint8), b"bytes", b""):
            data = np.asarray(part).tobytes("A") if len(part) else b""
            coded = codec.encode(part)
            assert codec.decode(coded) == data
            if len(part):
                room = np.empty(len(data), np.uint8)
                codec.decode(np.frombuffer(coded, np.uint8), room)
                assert room.tobytes() == data
    with pytest.raises(TypeError, match="expected no dictionary, which metadata cannot hold"):
        EqinfoCodec(dictionary=b"a")
    wrong: Any
    for wrong in (5, eqinfo.Codebook.bundled("en")):
        with pytest.raises(TypeError, match="expected the name of a bundled model"):
            EqinfoCodec(wrong)
    with pytest.raises(ValueError, match="the name of a model"):
        EqinfoCodec("missing")
    wrong = {"degree": 3}
    with pytest.raises(TypeError, match="degree"):
        EqinfoCodec(**wrong)
    wrong = {"level": "bset"}
    with pytest.raises(ValueError, match="a level among fast, balanced, best, found 'bset'"):
        EqinfoCodec(**wrong)


@pytest.mark.skipif(not is_declared("numcodecs.codecs"), reason="installed without entry points")
def test_numcodecs_finds_the_codec() -> None:
    numcodecs = pytest.importorskip("numcodecs")
    codec = numcodecs.get_codec({"id": "eqinfo", "codec": "ranged"})
    assert codec.decode(codec.encode(b"text")) == b"text"


@pytest.mark.parametrize("version", [2, 3])
def test_zarr(tmp_path: Path, version: int) -> None:
    zarr = pytest.importorskip("zarr", minversion="3.0")
    from numcodecs.registry import register_codec as register_numcodecs
    from zarr.registry import register_codec as register_zarr

    from eqinfo.container.adapters.numcodecs import EqinfoCodec
    from eqinfo.container.adapters.zarr import EqinfoZarrCodec

    # As their entry points do.
    register_numcodecs(EqinfoCodec)
    register_zarr("eqinfo", EqinfoZarrCodec)
    data = text_array().view(np.uint8).reshape(-1)
    made: Any = EqinfoCodec if version == 2 else EqinfoZarrCodec
    array = zarr.create_array(
        store=tmp_path / "a.zarr", shape=data.shape, chunks=(3000,), dtype="uint8",
        zarr_format=version, compressors=[made(codec="ranged")],
    )  # fmt: skip
    array[:] = data
    array[4000:4010] = 65
    del array
    gc.collect()
    again = zarr.open_array(tmp_path / "a.zarr", mode="r")
    expected = data.copy()
    expected[4000:4010] = 65
    assert np.array_equal(again[:], expected)
    assert np.array_equal(again[2990:3010], expected[2990:3010])
    chunk = tmp_path / "a.zarr" / ("1" if version == 2 else "c/1")
    assert eqinfo.decompress(chunk.read_bytes()) == expected[3000:6000].tobytes()
    assert (
        '"eqinfo"'
        in (tmp_path / "a.zarr" / (".zarray" if version == 2 else "zarr.json")).read_text()
    )
    # What is damaged is an error, not other data.
    chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(eqinfo.errors.TruncatedError):
        again[3000:3010]


@pytest.mark.skipif(
    not all(map(is_declared, ENTRY_POINTS)), reason="installed without entry points"
)
@pytest.mark.parametrize("version", [2, 3])
def test_zarr_finds_the_codec(tmp_path: Path, version: int) -> None:
    pytest.importorskip("zarr", minversion="3.0")
    compressor = {"id": "eqinfo"} if version == 2 else {"name": "eqinfo", "configuration": {}}
    program = f"""
import zarr
array = zarr.create_array(store="a.zarr", shape=(100,), chunks=(10,), dtype="uint8",
    zarr_format={version}, compressors=[{compressor!r}])
array[:] = 7
print(zarr.open_array("a.zarr", mode="r")[:].sum())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "700\n"), done.stderr


def test_pandas(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    path = tmp_path / "table.csv.eqi"
    frame = pd.DataFrame({"number": range(300), "text": TEXT.split()[:300]})
    with eqinfo.open(path, "wb", codec="ranged") as file:
        frame.to_csv(file, index=False)
    with eqinfo.open(path) as file:
        pd.testing.assert_frame_equal(pd.read_csv(file), frame)
    with eqinfo.open(path, "wt", codec="ranged", encoding="utf-16") as file:
        frame.to_json(file, orient="records", lines=True)
    with eqinfo.open(path, "rt", encoding="utf-16") as file:
        pd.testing.assert_frame_equal(pd.read_json(file, lines=True), frame)
    pytest.importorskip("fsspec")
    eqinfo.register_fsspec(codec="ranged")
    import fsspec

    with fsspec.open("memory://table.csv.eqi", "wb", compression="infer") as file:
        frame.to_csv(file, index=False)
    with fsspec.open("memory://table.csv.eqi", "rb", compression="infer") as file:
        pd.testing.assert_frame_equal(pd.read_csv(file), frame)


def test_pyarrow(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    csv = pytest.importorskip("pyarrow.csv")
    path = tmp_path / "table.csv.eqi"
    table = pa.table({"number": list(range(300)), "text": TEXT.split()[:300]})
    with eqinfo.open(path, "wb", codec="ranged") as file:
        csv.write_csv(table, file)
    with eqinfo.open(path) as file:
        assert csv.read_csv(file).equals(table)
