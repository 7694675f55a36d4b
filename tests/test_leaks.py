"""Native code loses no memory, whichever allocation fails.

This needs a module that was built with -DEQINFO_FAULTS=ON, as CI's step `faults` does, and GCC's
LeakSanitizer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import eqinfo._core as _core
from test_allocation import LIBRARY

pytestmark = pytest.mark.skipif(
    not hasattr(LIBRARY, "eqinfo_leak"), reason="needs a module built with -DEQINFO_FAULTS=ON"
)


def leaks(*arguments: str) -> list[str]:
    """Return the reports of LeakSanitizer on memory that the module has lost."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("needs gcc, for its LeakSanitizer")
    found = subprocess.run([gcc, "-print-file-name=liblsan.so"], capture_output=True, text=True)
    library = found.stdout.strip()
    if not Path(library).is_absolute():
        pytest.skip("needs LeakSanitizer (liblsan)")
    folder = Path(__file__).parent
    environment = {
        **os.environ,
        "LD_PRELOAD": library,
        "LSAN_OPTIONS": "fast_unwind_on_malloc=0",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": f"{Path(_core.__file__).parents[1]}{os.pathsep}{folder}",
    }
    command = [sys.executable, str(folder / "leaks.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    # NumPy and the interpreter lose some, too.
    assert "SUMMARY: LeakSanitizer" in done.stderr, done.stderr
    assert "Error" not in done.stderr, done.stderr
    reports = re.split(r"(?=(?:Direct|Indirect) leak of)", done.stderr)
    # The second line is who asked for the memory.
    return [report for report in reports if re.search(r"#1 .*_core\.", report)]


def test_a_leak_would_be_noticed() -> None:
    (report,) = leaks("leak")
    assert "4242 byte(s)" in report


def test_nothing_is_lost_when_allocations_fail() -> None:
    assert leaks() == []
