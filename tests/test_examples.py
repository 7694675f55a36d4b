"""The programs in examples/ explain their use, and say what they lack, without a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import eqinfo

# Empty outside a checkout.
EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))
WITHOUT_TORCH = "import runpy, sys; sys.modules['torch'] = None; runpy.run_path(sys.argv[1])"

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(eqinfo.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment
    )
    assert "Traceback" not in done.stderr
    return done


@each_example
def test_usage_without_arguments(example: Path) -> None:
    if example.stem != "function_model":
        pytest.importorskip("torch")
    done = run(str(example))
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: {example.name}")


@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if path.stem != "function_model"], ids=lambda p: p.name
)
def test_a_missing_extra_is_named(example: Path) -> None:
    done = run("-c", WITHOUT_TORCH, str(example))
    assert done.returncode == 1
    assert "pip install eqinfo[t" in done.stderr


@each_example
def test_a_text_that_is_too_short_is_said(example: Path, tmp_path: Path) -> None:
    if example.stem.endswith("m2"):
        pytest.skip("reads shards")
    if example.stem != "function_model":
        pytest.importorskip("torch")
    (tmp_path / "empty").touch()
    output = [str(tmp_path / "model")] if example.stem == "train_m1" else []
    done = run(str(example), *output, str(tmp_path / "empty"))
    assert done.returncode == 1
    assert re.search(r": expected a text of \d+ bytes or more, found 0", done.stderr)


@pytest.mark.skipif(not EXAMPLES, reason="not in a checkout")
def test_a_missing_file_is_named() -> None:
    done = run(str(EXAMPLES[0].with_name("function_model.py")), "absent.txt")
    assert done.returncode == 1
    assert "absent.txt" in done.stderr
