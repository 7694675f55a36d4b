"""What all benchmarks promise: they refuse what they cannot measure, and name what is missing."""

from __future__ import annotations

import re
import runpy
import sys
from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = {path.name: path.read_text("utf-8") for path in sorted(HERE.glob("*.py"))}
SCRIPTS = [
    name
    for name, source in SOURCES.items()
    if "add_json_option(parser)" in source and not name.startswith("test_")
]
FILES = re.compile(r'add_argument\(\s*"([a-z-]+)",[^)]*?\btype=(?:input_file|named_file)')
PEER = re.compile(r'(?<!def )\bpeer\("([\w.]+)"\)')


def refused(name: str, *options: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a benchmark that must not begin; return what it says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *options])
        with pytest.raises(SystemExit) as refusal:
            runpy.run_path(str(HERE / name), run_name="__main__")
    assert refusal.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", SCRIPTS)
def test_options_are_checked_before_anything_is_measured(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if '"--repeats"' in SOURCES[name]:
        found = refused(name, "--repeats", "0", capsys=capsys)
        assert "--repeats: expected a whole number of at least 1, found '0'" in found
    found = refused(name, "--json", str(tmp_path / "no" / "run.json"), capsys=capsys)
    assert f"expected a file in a folder that exists, found no folder {tmp_path}/no" in found


@pytest.mark.parametrize(
    ("name", "option"), [(name, o) for name in SCRIPTS for o in FILES.findall(SOURCES[name])]
)
def test_texts_are_files_with_something_in_them(
    name: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [option] if option.startswith("-") else []
    (tmp_path / "empty").touch()
    for file, what in (("missing", f"none at {tmp_path}/missing"), ("empty", "empty")):
        found = refused(name, *before, str(tmp_path / file), capsys=capsys)
        assert "expected a file that is not empty, found " in found
        assert what in found


def test_numbers_are_checked() -> None:
    for name in SCRIPTS:
        for option in re.findall(r'add_argument\(\s*"([a-z-]+)"[^)]*?\btype=int\b', SOURCES[name]):
            assert option in {"--seed", "--core", "--skip"} or name.startswith("learnability"), name


def test_packages_to_compare_with_come_with_the_extra() -> None:
    """Or else the message says how to install them."""
    project = pytest.importorskip("tomllib").loads((HERE.parent / "pyproject.toml").read_text())
    of_extra = project["project"]["optional-dependencies"]
    required, extras = set(), ["bench"]
    while extras:
        for line in of_extra[extras.pop()]:
            name, inner = re.match(r"([\w-]+)(?:\[([\w,]*)\])?", line).groups()
            required.add(name)
            extras += inner.split(",") if name == "eqinfo" else []
    installed = metadata.packages_distributions()
    for module in {
        found.split(".")[0] for each in SOURCES.values() for found in PEER.findall(each)
    }:
        names = {name.lower() for name in installed.get(module, [])}
        assert not names or names & required, f"{module}: give peer() how to install it"


def test_every_benchmark_is_in_the_readme() -> None:
    readme = (HERE / "README.md").read_text("utf-8")
    assert [name for name in SCRIPTS if f"benchmarks/{name}" not in readme] == []
