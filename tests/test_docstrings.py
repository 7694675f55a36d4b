"""The examples in docstrings run as written."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import eqinfo
from eqinfo.errors import UnsupportedError

PACKAGE = Path(eqinfo.__file__).parent
# Classes that must have an example.
SHOWN = [
    "eqinfo.ArithmeticCodec",
    "eqinfo.Codebook",
    "eqinfo.StringColumn",
    "eqinfo.WindowCodec",
    "eqinfo.range_coder.RangeEncoder",
]


def modules_with_examples() -> list[str]:
    """Return the names of the modules whose source has examples."""
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text("utf-8"):
            parts = path.relative_to(PACKAGE).with_suffix("").parts
            names.append(".".join(("eqinfo", *parts)).removesuffix(".__init__"))
    return names


def imported(name: str) -> object:
    """Return a module; skip the test if it needs an extra that is not installed."""
    try:
        return importlib.import_module(name)
    except UnsupportedError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str) -> None:
    if name == "eqinfo.tokenizer.stream":
        pytest.importorskip("transformers", reason="its example needs the extra hf")
    result = doctest.testmod(imported(name))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", SHOWN)
def test_important_classes_have_an_example(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert ">>> " in (getattr(importlib.import_module(module), attribute).__doc__ or "")
