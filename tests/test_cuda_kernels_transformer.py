"""The transformer's kernels against the processor's stage, byte for byte: as C++, as nvcc's PTX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cuda_kernel_cases import Kernels, needs_cxx
from cuda_transformer_cases import HostMemory, simulated
from eqinfo.cuda.transformer_plan import Network, Plan
from transformer_cases import BEGIN, random_transformer

pytestmark = needs_cxx

# Of each launch, the lane and position of its rows: several of one lane, in any order, and none.
LAUNCHES = [
    [(0, 0), None, (1, 1), (1, 0)],
    [(1, 2), (0, 1), None, (0, 2)],
]


@pytest.mark.parametrize(
    ("input_bits", "kind"),
    [(8, {"bias": True, "scale": 3.0}), (15, {"tied": False, "scale": 40.0})],
    ids=["8 bits", "15 bits"],
)
def test_logits(kernels: Kernels, input_bits: int, kind: dict[str, Any]) -> None:
    model = random_transformer(input_bits, 4, **kind)
    rng = np.random.default_rng(input_bits)
    symbols = rng.integers(0, model.vocab_size, (2, 3), np.int32)
    symbols[:, 0] = BEGIN
    expected = [model.logits(each[1:]) for each in symbols]

    network = Network(model, HostMemory())
    count = len(LAUNCHES[0])
    rows = {name: network.zeros(count) for name in ("positions", "lanes")}
    plan = Plan(network, {**rows, "count": count}, simulated(kernels))
    appended = network.zeros(count)
    logits = network.zeros(count, model.vocab_size)
    steps = [*plan.layers(appended, 2), *plan.head(logits)]
    for places in LAUNCHES:
        logits.fill(-1)
        for row, place in enumerate(places):
            lane, position = place or (0, -1)
            rows["lanes"][row], rows["positions"][row] = lane, position
            appended[row] = symbols[lane, position]
        for step in steps:
            step()
        for row, place in enumerate(places):
            wanted = -1 if place is None else expected[place[0]][place[1]]
            np.testing.assert_array_equal(logits[row], wanted, str(place))
