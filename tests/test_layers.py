"""The package's own modules import one another, never the public names of ``eqinfo``.

The order of the layers is a contract of import-linter (pyproject.toml), which CI checks. That tool
knows only Python files, so it takes ``import eqinfo._core`` for an import of ``eqinfo`` and must
allow both. Here they are told apart.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import eqinfo

PACKAGE = Path(eqinfo.__file__).parent
COMPILED = {"_core", "_cuda"}
MODULES = COMPILED | {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir()}
# What stands above the public names may use them.
FACES = {"__init__.py", "__main__.py", "cli"}


def public_names(source: str) -> Iterator[str]:
    """Yield what a module imports of the package ``eqinfo`` that is not one of its modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name == "eqinfo")
        elif isinstance(node, ast.ImportFrom) and node.module == "eqinfo":
            yield from (name.name for name in node.names if name.name not in MODULES)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import eqinfo._core as _core", []),
        ("from eqinfo.codebook.table import Codebook", []),
        ("from eqinfo import _cuda, frequency", []),
        ("from eqinfo import Codebook", ["Codebook"]),
        ("def load():\n    import eqinfo", ["eqinfo"]),
    ],
)
def test_public_names_are_found(source: str, expected: list[str]) -> None:
    assert list(public_names(source)) == expected


def test_modules_do_not_import_the_public_names_of_the_package() -> None:
    inner = [
        path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in FACES
    ]
    assert len(inner) > 100
    found = {
        str(path.relative_to(PACKAGE)): names
        for path in inner
        if (names := list(public_names(path.read_text(encoding="utf-8"))))
    }
    assert not found
