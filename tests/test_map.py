"""The documentation names files, modules and sections that exist.

Only looks at the sources, so nothing is imported. Outside a checkout there are no sources, and the
tests are skipped.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "eqinfo"
IN_CHECKOUT = (ROOT / "csrc").is_dir() and (ROOT / "CONTRIBUTING.md").is_file()
pytestmark = pytest.mark.skipif(not IN_CHECKOUT, reason="not in a checkout")

STAGES = [
    "frequency", "range_coder", "window", "codebook", "mixer", "lz77", "word", "bits",
    "string_column", "native_model", "text_features", "transformer",
]  # fmt: skip
COLUMNS = [
    "stage", "header", "loops", "kernel", "binding", "Python face", "reference", "test",
    "benchmark",
]  # fmt: skip
# Columns whose file has the word of its stage for its name, and columns that may have a dash.
NAMED_BY_STAGE = {"header": "{}.h", "kernel": "{}.cu", "binding": "{}.cpp", "reference": "{}.py"}
OPTIONAL = {"kernel", "Python face", "benchmark"}

FOLDERS = ["benchmarks", "cmake", "csrc", "docs", "examples", "fuzz", "python", "scripts", "tests"]
PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w/*]")
FILE_NAME = re.compile(r"(?<![\w./*>-])\w+\.(?:py|pyi|h|cpp|cu|cuh|js|css)\b")
MODULE = re.compile(r"(?<![\w./-])eqinfo(?:\.[A-Za-z_]\w*)+")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# Not files: a placeholder, and a library that is called like one.
NOT_FILES = {"benchmarks/NAME.py", "llama.cpp"}


def documents() -> list[Path]:
    """Return the Markdown files of the checkout, the parametrization of most tests."""
    if not IN_CHECKOUT:
        return []
    folders = [ROOT, ROOT / "benchmarks", PACKAGE / "data"]
    files = {file for folder in folders for file in folder.glob("*.md")}
    return sorted(files | set((ROOT / "docs").rglob("*.md")))


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


each_document = pytest.mark.parametrize("document", documents(), ids=name_of)


@cache
def file_names() -> frozenset[str]:
    return frozenset(file.name for folder in FOLDERS for file in (ROOT / folder).rglob("*.*"))


def exists(path: str) -> bool:
    if "*" in path:
        return any(ROOT.glob(path))
    return (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).exists()


@each_document
def test_paths_exist(document: Path) -> None:
    paths = set(PATH.findall(document.read_text("utf-8"))) - NOT_FILES
    assert [path for path in sorted(paths) if not exists(path)] == []


@each_document
def test_file_names_exist(document: Path) -> None:
    names = set(FILE_NAME.findall(document.read_text("utf-8")))
    assert sorted(names - file_names() - NOT_FILES) == []


def module_exists(dotted: str) -> bool:
    """Whether a dotted name is a module of the package, or of something that its source names."""
    at = PACKAGE
    for part in dotted.split(".")[1:]:
        below = [at / part, at / f"{part}.py", at / f"{part}.pyi"]
        found = next((path for path in below if path.exists()), None)
        if found is None:
            source = at / "__init__.py" if at.is_dir() else at
            return re.search(rf"\b{part}\b", source.read_text("utf-8")) is not None
        at = found
    return True


@each_document
def test_modules_exist(document: Path) -> None:
    names = set(MODULE.findall(document.read_text("utf-8")))
    assert [name for name in sorted(names) if not module_exists(name)] == []


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for link in LINK.findall(document.read_text("utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def stage_table() -> list[dict[str, str]]:
    """Return the table of CONTRIBUTING.md, a dictionary per stage."""
    lines = (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    first = rows.index(COLUMNS)
    return [
        dict(zip(COLUMNS, row, strict=True))
        for row in rows[first + 2 :]
        if len(row) == len(COLUMNS)
    ]


def test_every_stage_has_a_row() -> None:
    assert [row["stage"].strip("`") for row in stage_table()] == STAGES


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_files_of_stages_exist(column: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for row in stage_table():
        stage, cell = row["stage"].strip("`"), row[column]
        if cell.startswith("-"):
            footnote = cell.removeprefix("-").strip()
            assert column in OPTIONAL, f"{stage} needs a {column}"
            assert footnote.startswith("[^"), f"{stage} has no {column}, and no footnote says why"
            assert f"{footnote}:" in text, f"{footnote} of {stage} is not defined"
            continue
        path = cell.strip("`")
        assert exists(path), f"{column} of {stage}: {path} does not exist"
        if column in NAMED_BY_STAGE:
            assert Path(path).name == NAMED_BY_STAGE[column].format(stage)


def test_the_package_has_few_rooms() -> None:
    rooms = {
        path.name
        for path in PACKAGE.iterdir()
        if path.suffix not in {".pyi", ".so"} and path.name not in {"data", "__pycache__"}
    }
    # The stages and what is built on them; a package of its own is for what users import by name.
    assert len(rooms) <= 24, sorted(rooms)
