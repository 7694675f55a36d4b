"""Golden bytes of version 1, which every later version must write and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqinfo import ArithmeticCodec, WindowCodec, frequency, range_coder
from eqinfo.models import StaticModel
from golden_model import golden_model, golden_rows

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "v1" / "coders.json").read_text()
)
DATA = GOLDEN["text"].encode()
ROWS = golden_rows(np.array([-1, *DATA[:-1]], np.int64))


@pytest.mark.parametrize("precision", [12, 16, 24])
def test_frequencies(precision: int) -> None:
    expected = GOLDEN["frequencies"][str(precision)]
    assert frequency.frequencies(ROWS[:3], precision).tolist() == expected


@pytest.mark.parametrize("precision", [12, 16, 24])
def test_range_coder(precision: int) -> None:
    stream = bytes.fromhex(GOLDEN["range_coder"][str(precision)])
    assert range_coder.encode(ROWS, DATA, precision) == stream
    assert range_coder.decode(stream, ROWS, precision).tolist() == list(DATA)


@pytest.mark.parametrize("case", GOLDEN["windows"], ids=lambda case: str(case["options"]))
def test_windows(case: dict[str, Any]) -> None:
    codec = WindowCodec(golden_model(), **case["options"])
    assert codec.encode(DATA).tolist() == case["tokens"]
    assert codec.decode(case["tokens"]) == GOLDEN["text"]


@pytest.mark.parametrize("case", GOLDEN["arithmetic"], ids=lambda case: str(case["options"]))
def test_arithmetic(case: dict[str, Any]) -> None:
    codec = ArithmeticCodec(golden_model(), **case["options"])
    assert codec.encode(DATA).tolist() == case["tokens"]
    assert codec.decode(case["tokens"]) == GOLDEN["text"]


def test_static() -> None:
    model = StaticModel.fit(DATA)
    golden = GOLDEN["static"]
    assert model.fingerprint == golden["fingerprint"]
    assert ArithmeticCodec(model).encode(DATA).tolist() == golden["arithmetic"]
    assert WindowCodec(model, 32).encode(DATA).tolist() == golden["windows"]
    assert ArithmeticCodec(model).decode(golden["arithmetic"]) == GOLDEN["text"]
