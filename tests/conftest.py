"""Fixtures that several test files use."""

from __future__ import annotations

import pytest
from hypothesis import settings

from cuda_kernel_cases import SOURCES, STRUCTS, WAYS, Kernels, library_folder
from cuda_sim import simulator
from cuda_sim.simulator import Simulator
from example_cases import Program

# No test may fail because a machine is busy. CI chooses `sanitizers` where every example is slow;
# `examples` of strategies.py follows it.
settings.register_profile("tests", deadline=None)
settings.register_profile("sanitizers", deadline=None, max_examples=20)
settings.load_profile("tests")


@pytest.fixture(scope="session", params=WAYS)
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    """All kernels of csrc/cuda: as C++, and as nvcc's PTX for each architecture of the wheel."""
    library = simulator.build(request.param, SOURCES, library_folder(tmp_path_factory))
    # The order of blocks and threads must not matter, so both orders are used.
    return Kernels(Simulator(library, STRUCTS, descending=request.param in ("90", "100")))


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Runs a program of examples/."""
    return Program(monkeypatch, capsys)
