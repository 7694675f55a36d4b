"""The reference names sections of the documentation that exist, and exports what it says."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from eqinfo import reference

ROOT = Path(__file__).parents[1]
MODULES = [module.name for module in pkgutil.iter_modules(reference.__path__)]
SECTIONS = re.compile(r"(docs/[\w/-]+\.md)((?:,| and) \"[^)]*)?")


@pytest.mark.parametrize("name", MODULES)
def test_modules_name_sections_that_exist(name: str) -> None:
    source = Path(importlib.import_module(f"eqinfo.reference.{name}").__file__ or "").read_text()
    found = SECTIONS.findall(source)
    assert found
    for path, sections in found:
        headings = re.findall("^#+ (.*)$", (ROOT / path).read_text(), re.MULTILINE)
        for section in re.findall(r'"([^"]+)"', sections):
            assert section in headings, path


def test_exported_names() -> None:
    assert all(hasattr(reference, name) for name in reference.__all__)
