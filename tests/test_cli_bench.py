"""`eqinfo bench`: what the table has, and what it is measured on."""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import eqinfo
from container_cases import words
from eqinfo.cli import bench, main
from eqinfo.cli.contestants import MAX_RUNS, Contestant, contestants, measure
from eqinfo.container.settings import CODECS, LEVELS
from eqinfo.errors import EqInfoError

TEXT = words(3000)
FAST = ("--only", "zlib", "--only", "stored")


@pytest.fixture(autouse=True)
def one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SECONDS", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "text").write_bytes(TEXT)
    return str(tmp_path / "text")


def run(*arguments: str, data: bytes | None = None, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["bench", *arguments], input=data)
    assert done.exit_code == code, done.output
    return done


def test_all_codecs_from_the_best_on(path: str) -> None:
    done = run(path, "--bytes", "500")
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["bits", "per", "compress", "decompress"]
    assert rows[1].split() == ["codec", "ratio", "byte", "MB/s", "MB/s"]
    names = [row[:22].strip() for row in rows[2:]]
    assert set(names) == {contestant.name for contestant in contestants()}
    levels = {f"eqinfo {level} ({codec})" for level, codec in LEVELS.items()}
    others = {f"eqinfo {codec}" for codec in set(CODECS) - set(LEVELS.values())}
    assert levels | others <= set(names)
    assert {"zlib -6", "bz2 -9", "lzma -6"} <= set(names)
    ratios = [float(row.split()[-4]) for row in rows[2:]]
    assert ratios == sorted(ratios, reverse=True)
    assert "text: only the first 500 bytes" in done.stderr


def test_json_of_several_files(path: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(TEXT[:1000])
    done = run(path, str(other), *FAST, "--json", "--bytes", "1000")
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["version"] == eqinfo.__version__
    assert found["files"] == [
        {"name": path, "bytes": 1000, "whole": False},
        {"name": str(other), "bytes": 1000, "whole": True},
    ]
    best, stored = found["results"]
    assert best["codec"] == "zlib -6"
    size = 2 * len(zlib.compress(TEXT[:1000], 6))
    assert best["compressed_bytes"] == size
    assert best["ratio"] == 2000 / size
    assert best["bits_per_byte"] == 8 * size / 2000
    assert best["compress_mb_per_s"] > 0
    assert best["decompress_mb_per_s"] > 0
    assert stored["codec"] == "eqinfo stored"
    assert done.stderr.count("only the first") == 1


@pytest.mark.parametrize("names", [(), ("-",)])
def test_standard_input(names: tuple[str, ...]) -> None:
    found = json.loads(run(*names, *FAST, "--json", data=TEXT).stdout)
    assert found["files"] == [{"name": "-", "bytes": len(TEXT), "whole": True}]


def test_what_is_wrong(path: str) -> None:
    assert "File 'missing' does not exist" in run("missing", *FAST, code=2).stderr
    assert "is a directory" in run(str(Path(path).parent), *FAST, code=2).stderr
    assert "expected data to compress, found none" in run(*FAST, data=b"", code=1).stderr
    assert "found 'gzip'" in run(path, "--only", "gzip", code=2).stderr


def test_an_empty_file_among_others(path: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert "zlib -6" in run(str(tmp_path / "empty"), path, *FAST).stdout


def test_without_zstandard(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    done = run(path, *FAST)
    assert "zstd is left out: pip install zstandard" in done.stderr
    assert not any(contestant.name.startswith("zstd") for contestant in contestants())


def test_zstd_if_it_is_installed() -> None:
    pytest.importorskip("zstandard")
    (zstd, *_) = (one for one in contestants() if one.name == "zstd -19")
    assert zstd.decompress(zstd.compress(TEXT)) == TEXT


def test_other_data_after_decompression_are_an_error() -> None:
    broken = Contestant("broken", bytes, lambda data: data[:-1])
    with pytest.raises(EqInfoError, match="broken: expected the data after decompression"):
        measure(broken, [TEXT], 0)


@pytest.mark.parametrize(("seconds", "runs"), [(0.0, 1), (1e9, MAX_RUNS)])
def test_runs_are_bounded(seconds: float, runs: int) -> None:
    calls = []

    def compress(data: bytes) -> bytes:
        calls.append(len(data))
        return data

    result = measure(Contestant("copy", compress, bytes), [TEXT, b"", TEXT], seconds)
    assert calls == [100, *runs * [len(TEXT), 0, len(TEXT)]]
    assert (result.ratio, result.bits_per_byte) == (1, 8)
