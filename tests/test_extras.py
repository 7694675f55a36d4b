"""What an installation without the extras says."""

from __future__ import annotations

import subprocess
import sys


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_no_extra() -> None:
    extras = ["datasets", "pyarrow", "tokenizers", "torch", "transformers"]
    program = f"import eqinfo, sys; print([name for name in {extras} if name in sys.modules])"
    assert run(program) == "[]\n"


def test_the_tokenizer_names_its_extra() -> None:
    program = """
import sys
sys.modules["transformers"] = None  # as if it were not installed
import eqinfo
try:
    import eqinfo.tokenizer
except eqinfo.errors.UnsupportedError as error:
    print(error)
"""
    assert "pip install eqinfo[hf]" in run(program)
