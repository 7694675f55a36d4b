"""Messages of an installation without the extras."""

from __future__ import annotations

import subprocess
import sys

import pytest

import eqinfo


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_no_extra() -> None:
    extras = [
        "datasets",
        "fsspec",
        "gguf",
        "llama_cpp",
        "matplotlib",
        "numcodecs",
        "pyarrow",
        "tokenizers",
        "torch",
        "transformers",
        "zarr",
    ]
    program = f"import eqinfo, sys; print([name for name in {extras} if name in sys.modules])"
    assert run(program) == "[]\n"


@pytest.mark.parametrize("name", ["EqinfoTokenizer", "export_tokenizer", "from_codebook"])
def test_the_tokenizer_names_its_extra(name: str) -> None:
    program = f"""
import sys
sys.modules["transformers"] = None  # as if it were not installed
import eqinfo
try:
    from eqinfo.tokenizer import {name}
except eqinfo.errors.UnsupportedError as error:
    print(error)
"""
    found = run(program)
    assert "pip install eqinfo[hf]" in found
    assert name in found


def test_the_face_of_tiktoken_needs_no_extra() -> None:
    program = """
import sys
sys.modules["transformers"] = sys.modules["tokenizers"] = None  # as if they were not installed
import eqinfo.tokenizer
from eqinfo.tokenizer import *
enc = encoding("en")
print(enc.decode(enc.encode("text")), hasattr(eqinfo.tokenizer, "no"))
"""
    assert run(program) == "text False\n"


def test_text_embeddings_name_their_extra() -> None:
    program = """
import sys
sys.modules["torch"] = None  # as if it were not installed
import eqinfo
try:
    import eqinfo.embedding
except eqinfo.errors.UnsupportedError as error:
    print(error)
"""
    assert "pip install eqinfo[torch]" in run(program)


def test_training_names_its_extra() -> None:
    program = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from eqinfo.cli import main
sys.argv = ["eqinfo", "train", sys.executable, "-o", "model", "--steps", "1"]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install eqinfo[train]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("adapter", "package", "extra"),
    [
        ("TorchModel", "torch", "torch"),
        ("HFModel", "transformers", "hf,torch"),
        ("LlamaCppModel", "llama_cpp", "llama"),
    ],
)
def test_adapters_name_their_extra(adapter: str, package: str, extra: str) -> None:
    program = f"""
import sys
sys.modules["{package}"] = None  # as if it were not installed
import eqinfo
try:
    eqinfo.models.{adapter}
except eqinfo.errors.UnsupportedError as error:
    print(error)
"""
    assert f"pip install eqinfo[{extra}]" in run(program)


def test_models_have_no_other_names() -> None:
    with pytest.raises(AttributeError, match=r"module 'eqinfo.models' has no attribute 'Torch'"):
        eqinfo.models.Torch  # noqa: B018
