"""The documentation reaches every public name, and the site has every page.

A module is public if it has `__all__`. The pages of docs/reference name modules and objects in
directives of mkdocstrings (``::: eqinfo.window``), and a name is reached if a directive stands for
it or for a module that exports it. Sources are read, so no extra is needed; whether the site builds
is a step of CI (.ci/steps/docs.sh).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "eqinfo"
DOCS = ROOT / "docs"
IN_CHECKOUT = (ROOT / "mkdocs.yml").is_file() and PACKAGE.is_dir()
pytestmark = pytest.mark.skipif(not IN_CHECKOUT, reason="not in a checkout")

# Modules at the top of the package that are not public.
INTERNAL = {"__main__", "common", "container"}
DIRECTIVE = re.compile(r"^::: (\S+)(?:\n    options:\n      members: \[(.*)\])?", re.MULTILINE)
LIST_ITEM = re.compile(r"(?:-|\d+\.) ")


def source_of(module: str) -> Path | None:
    """Return the source file of a module, or None if there is no such module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    found = [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
    return found[0] if found else None


@cache
def tree_of(module: str) -> ast.Module:
    source = source_of(module)
    assert source is not None, f"there is no module {module}"
    return ast.parse(source.read_text("utf-8"))


def modules() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(("eqinfo", *parts)).removesuffix(".__init__")


def exported(module: str) -> list[str] | None:
    """Return a module's `__all__`, or None if it has none."""
    for node in tree_of(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return None


def origin(module: str, name: str) -> str:
    """Return where a name that a module exports is defined."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("eqinfo"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    inner = f"{node.module}.{alias.name}"
                    return inner if source_of(inner) else origin(str(node.module), alias.name)
    return f"{module}.{name}"


def reached() -> set[str]:
    """Return where all names are defined that the reference shows."""
    found = set()
    for page in (DOCS / "reference").glob("*.md"):
        for path, members in DIRECTIVE.findall(page.read_text("utf-8")):
            if source_of(path):
                names = re.findall(r"\w+", members) or exported(path) or []
                found |= {path} | {origin(path, name) for name in names}
            else:
                module, _, name = path.rpartition(".")
                found.add(origin(module, name))
    return found


def test_the_reference_reaches_every_public_name() -> None:
    public = {module: names for module in modules() if (names := exported(module)) is not None}
    assert len(public) > 30
    shown = reached()
    missing = [
        f"{module}.{name}"
        for module, names in public.items()
        for name in names
        if origin(module, name) not in shown
    ]
    assert missing == [], "add them to a page of docs/reference"


def test_top_level_modules_say_what_is_public() -> None:
    top = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    for name in sorted(top - INTERNAL - {"__init__"}):
        module = f"eqinfo.{name}"
        names = exported(module)
        assert names is not None, f"{module} needs __all__"
        defined = {
            node.name
            for node in tree_of(module).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
        }
        assert [name for name in defined - set(names) if not name.startswith("_")] == [], module


def test_every_page_is_in_the_navigation() -> None:
    named = set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8")))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    # scripts/docs_site.py adds the decisions.
    pages = {page for page in pages if not page.startswith("adr/")}
    assert sorted(pages - named) == [], "add them to mkdocs.yml"
    assert sorted(named - pages) == [], "mkdocs.yml names pages that do not exist"


def test_every_page_of_the_reference_is_in_its_table() -> None:
    table = (DOCS / "reference" / "README.md").read_text("utf-8")
    pages = {path.name for path in (DOCS / "reference").glob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"]({page})" not in table] == []


def test_every_command_is_in_the_reference() -> None:
    from eqinfo.cli import main

    page = (DOCS / "reference" / "cli.md").read_text("utf-8")
    assert [name for name in sorted(main.commands) if f"| `eqinfo {name}` |" not in page] == []


@pytest.mark.parametrize(
    "page",
    sorted(DOCS.rglob("*.md")) if IN_CHECKOUT else [],
    ids=lambda page: page.relative_to(DOCS).as_posix(),
)
def test_lists_begin_after_an_empty_line(page: Path) -> None:
    """A site's Markdown takes an item right after a line of text for more of that text."""
    fenced, before, wrong = False, "", []
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or LIST_ITEM.match(before) or before.startswith(" "):
            pass
        elif LIST_ITEM.match(line) and before.strip():
            wrong.append(f"line {number}: {line}")
        before = line
    assert wrong == []
