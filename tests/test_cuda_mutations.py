"""Faults planted in nvcc's PTX: the tests of the kernels notice every one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import test_cuda_kernels_codebook as codebook
import test_cuda_kernels_frequency as frequency
import test_cuda_kernels_range_coder as range_coder
import test_cuda_kernels_transformer as transformer
import test_cuda_kernels_window as window
from cuda_kernel_cases import SOURCES, STRUCTS, Kernels, library_folder
from cuda_sim import simulator
from cuda_sim.simulator import LaunchError, Simulator

pytestmark = [
    pytest.mark.skipif(simulator.CXX is None, reason="no C++ compiler"),
    pytest.mark.skipif(simulator.NVCC is None, reason="no nvcc on this machine"),
]

ARCHITECTURE = "80"
STEP_LIMIT = 1 << 24  # a hundred times what these checks need

FIRST, LAST = 0, -1
# Kernel, what to look for in its PTX, what to put there, and which one is meant.
MUTATIONS = [
    ("codebook_scan", r"bar\.sync\s+0", "membar.cta", FIRST),
    ("codebook_scan", r"bar\.sync\s+0", "membar.cta", LAST),
    ("codebook_scan", r"shfl\.sync\.up", "shfl.sync.bfly", FIRST),
    ("codebook_scan", r"setp\.lt\.u32", "setp.le.u32", FIRST),
    ("codebook_scan", r"ld\.shared\.u64(.*)\+64\]", r"ld.shared.u64\1+1024]", FIRST),
    ("codebook_measure", r"atom\.global\.min", "atom.global.max", FIRST),
    ("codebook_measure", r"setp\.lt\.u32", "setp.le.u32", FIRST),
    ("codebook_encode", r"setp\.eq\.s16", "setp.ne.s16", FIRST),
    ("codebook_encode", r"st\.u16", "st.u32", FIRST),
    ("codebook_write", r"bar\.sync\s+0", "membar.cta", LAST),
    ("codebook_write", r"st\.global\.u32", "st.global.u16", FIRST),
    ("range_encode", r"mul\.hi\.u64", "mul.lo.u64", FIRST),
    ("range_encode", r"add\.s64(\s+)(%rd\d+), \2, 1;", r"add.s64\1\2, \2, 0;", FIRST),
    ("range_decode_warp", r"(vote\.sync\.ballot\.b32.*), \S+;", r"\1, 1;", FIRST),
    ("range_decode_warp", r"shfl\.sync\.idx", "shfl.sync.up", FIRST),
    ("window_decode_warp", r"min\.u32", "max.u32", FIRST),
    ("window_decode_warp", r"addc\.cc\.s64", "add.cc.s64", FIRST),
    ("transformer_matrix", r"bar\.sync\s+0", "membar.cta", FIRST),
    ("transformer_matrix", r"dp4a\.s32\.s32(.*), %r\d+, (%r\d+);", r"mad.lo.s32\1, 0, \2;", FIRST),
    ("transformer_attend", r"bar\.sync\s+0", "membar.cta", LAST),
    ("transformer_norm", r"max\.u64", "min.u64", LAST),
    ("frequency_rows_warp", r"cvt\.rni\.s32", "cvt.rzi.s32", FIRST),
    ("frequency_rows_warp", r"sub\.rn\.f32", "add.rn.f32", LAST),
]


def mutate(entry: str, pattern: str, replacement: str, which: int) -> str:
    found = list(re.finditer(pattern, entry))
    assert found, f"{pattern} is not in the kernel"
    match = found[which]
    return entry[: match.start()] + match.expand(replacement) + entry[match.end() :]


class Mutant(Simulator):
    """A library where one kernel is another than its name says."""

    def __init__(self, library: Path, mutants: Path, number: int) -> None:
        super().__init__(library, STRUCTS)
        self._mutants = Simulator(mutants, STRUCTS)
        self._kernel = f"eqinfo_{MUTATIONS[number][0]}"
        self._symbol = symbol(number)

    def launch(self, kernel: str, blocks: int, threads: int, arguments: Any, **_: Any) -> None:
        if kernel != self._kernel:
            super().launch(kernel, blocks, threads, arguments)
        else:
            self._mutants.launch(kernel, blocks, threads, arguments, STEP_LIMIT, self._symbol)


def symbol(number: int) -> str:
    return f"eqinfo_{MUTATIONS[number][0]}_mutant{number}"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """All kernels, and all mutants."""
    folder = library_folder(tmp_path_factory)
    library = simulator.build(ARCHITECTURE, SOURCES, folder)
    head, *entries = (folder / f"{ARCHITECTURE}.ptx").read_text().split(".visible .entry ")
    by_name = {entry.partition("(")[0].strip(): entry for entry in entries}
    for number, (kernel, *mutation) in enumerate(MUTATIONS):
        mutant = mutate(by_name[f"eqinfo_{kernel}"], *mutation)
        head += ".visible .entry " + mutant.replace(f"eqinfo_{kernel}", symbol(number))
    return library, simulator.link_ptx(head, folder)


def check_frequencies(kernels: Kernels) -> None:
    for kind in (frequency.FLOAT32, frequency.FLOAT16, frequency.BFLOAT16):
        frequency.test_frequencies(kernels, 256, 23, 24, kind)
        frequency.test_frequencies(kernels, 100, 11, 24, kind)  # not whole turns of nvcc's loops


def check_codebook(kernels: Kernels) -> None:
    codebook.test_codebook(kernels, "en-4k", 40)
    codebook.test_codebook(kernels, "wide", 9)
    codebook.test_codebook_scan(kernels, 1537)
    codebook.test_ids_that_a_codebook_has_not(kernels)


CHECKS: dict[str, Callable[[Kernels], None]] = {
    "codebook": check_codebook,
    "range": lambda kernels: range_coder.test_range_coder(kernels, "text", 256, 7, 24),
    "window": lambda kernels: window.test_windows(kernels, "ties", 256, 32, 16, 6, 4, 1),
    "frequency": check_frequencies,
    "transformer": lambda kernels: transformer.test_logits(kernels, 8, {"scale": 9.0}),
}


@pytest.mark.parametrize("stage", CHECKS)
def test_without_a_fault_the_checks_pass(libraries: tuple[Path, Path], stage: str) -> None:
    CHECKS[stage](Kernels(Simulator(libraries[0], STRUCTS)))


@pytest.mark.parametrize("number", range(len(MUTATIONS)), ids=symbol)
def test_planted_faults_are_noticed(libraries: tuple[Path, Path], number: int) -> None:
    check = CHECKS[MUTATIONS[number][0].partition("_")[0]]
    with pytest.raises((AssertionError, LaunchError)):
        check(Kernels(Mutant(*libraries, number)))
