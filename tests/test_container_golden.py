"""Golden files of version 1: every later version reads the good ones and refuses the bad ones."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import eqinfo
from container_cases import (
    GOLDEN,
    GOLDEN_FOLDER,
    decompress_in_one_piece,
    golden_file_model,
    long_form,
)
from eqinfo.container.magic import MAGIC

GOOD: dict[str, dict[str, Any]] = GOLDEN["good"]
BAD: dict[str, dict[str, Any]] = GOLDEN["bad"]
# Messages that have been reworded since the golden files were written.
REWORDED = {"computes otherwise": "the model gives different numbers on this machine"}


def message_of(case: dict[str, Any]) -> str:
    message: str = case["message"]
    return REWORDED.get(message, message)


def test_the_table_has_all_files() -> None:
    files = {path.stem for path in GOLDEN_FOLDER.glob("*.eqi")}
    # Those with a dictionary are read by tests/test_container_dictionary.py.
    assert {name for name in files if "dictionary" not in name} == {*GOOD, *BAD}


@pytest.mark.parametrize("name", GOOD)
def test_good_files_decode(name: str) -> None:
    content = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    model = golden_file_model(GOOD[name]["model"])
    data = bytes.fromhex(GOOD[name]["data"])
    assert eqinfo.decompress(content, model) == data
    assert decompress_in_one_piece(content, model, 2) == data
    with eqinfo.open(GOLDEN_FOLDER / f"{name}.eqi", model=model) as file:
        assert file.read() == data


@pytest.mark.parametrize("name", [name for name in GOOD if "options" in GOOD[name]])
def test_good_files_are_still_written(name: str) -> None:
    case = GOOD[name]
    model = golden_file_model(case["model"]) or case["written_with"]
    content = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    compress = long_form if content.startswith(MAGIC) else eqinfo.compress
    assert compress(bytes.fromhex(case["data"]), model, **case["options"]) == content


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("threads", [1, 2])
def test_bad_files_are_refused(name: str, threads: int) -> None:
    case = BAD[name]
    content = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    error = getattr(eqinfo.errors, case["error"])
    with pytest.raises(error, match=f"offset .*{message_of(case)}") as raised:
        eqinfo.decompress(content, golden_file_model(case["model"]), num_threads=threads)
    assert type(raised.value) is error
    with pytest.raises(error) as raised_too:
        decompress_in_one_piece(content, golden_file_model(case["model"]), threads)
    assert type(raised_too.value) is error
    assert str(raised_too.value) == str(raised.value)


@pytest.mark.parametrize("name", BAD)
def test_file_objects_refuse_bad_files(name: str) -> None:
    case = BAD[name]
    error = getattr(eqinfo.errors, case["error"])

    def read() -> None:
        with eqinfo.open(
            GOLDEN_FOLDER / f"{name}.eqi", model=golden_file_model(case["model"])
        ) as file:
            file.read()

    with pytest.raises(error) as raised:
        read()
    assert type(raised.value) is error


@pytest.mark.parametrize("name", ["bad-foreign", "bad-block-flip", "bad-newer", "bad-model"])
def test_commands_refuse_bad_files(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eqinfo", "verify", str(GOLDEN_FOLDER / f"{name}.eqi")],
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert message_of(BAD[name]).encode() in done.stderr
    assert b"Traceback" not in done.stderr
