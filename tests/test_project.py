"""What stands around the code: files that other programs read, and the version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
IN_CHECKOUT = (ROOT / "CITATION.cff").is_file() and (ROOT / ".ci").is_dir()
pytestmark = pytest.mark.skipif(not IN_CHECKOUT, reason="not in a checkout")

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
YAML = [
    ROOT / "CITATION.cff",
    ROOT / "mkdocs.yml",
    ROOT / ".pre-commit-config.yaml",
    *WORKFLOWS,
    *sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")),
]


@pytest.mark.parametrize("file", YAML, ids=lambda file: file.name)
def test_yaml_can_be_read(file: Path) -> None:
    yaml = pytest.importorskip("yaml")
    assert isinstance(yaml.safe_load(file.read_text("utf-8")), dict)


def test_the_citation_names_the_paper() -> None:
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    [paper] = citation["references"]
    assert paper["identifiers"] == [{"type": "other", "value": "arXiv:2404.03626"}]
    assert len(paper["authors"]) == 7


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_call_steps_that_exist(file: Path) -> None:
    steps = re.findall(r"\.ci/[\w./]+", file.read_text("utf-8"))
    assert [step for step in steps if not (ROOT / step).is_file()] == []
    assert steps or file.name != "ci.yml"


def test_the_run_has_every_step() -> None:
    listed = re.findall(r"^together (.*)$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    steps = {path.stem for path in (ROOT / ".ci" / "steps").glob("*.sh")}
    assert sorted(" ".join(listed).split()) == sorted(steps)


def test_the_version_stands_in_one_place() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## ([\d.]+)", changelog, re.MULTILINE)[1] == version  # type: ignore[index]
    sources = [ROOT / "CITATION.cff", ROOT / "CMakeLists.txt", *(ROOT / "python").rglob("*.py")]
    assert [path for path in sources if f'"{version}"' in path.read_text("utf-8")] == []
