"""The simulators of CUDA blocks themselves, on kernels whose results are known."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cuda_sim import simulator
from cuda_sim.ptx_to_cpp import UnknownPtxError, translate
from cuda_sim.simulator import LaunchError, Simulator

SOURCE = simulator.HERE / "self_test.cu"
STRUCTS = simulator.read_structs(SOURCE)

needs_compiler = pytest.mark.skipif(simulator.CXX is None, reason="no C++ compiler")
needs_nvcc = pytest.mark.skipif(simulator.NVCC is None, reason="no nvcc on this machine")
pytestmark = needs_compiler
WAYS = ["shim", *(pytest.param(a, marks=needs_nvcc) for a in simulator.ARCHITECTURES)]


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def library(way: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulator.build(way, [SOURCE], tmp_path_factory.mktemp("simulator"))


@pytest.fixture(params=[False, True], ids=["ascending", "descending"])
def kernels(request: pytest.FixtureRequest, library: Path) -> Simulator:
    return Simulator(library, STRUCTS, descending=request.param)


def read_only(array: NDArray[np.generic]) -> NDArray[np.generic]:
    array.flags.writeable = False
    return array


def test_shared_memory_barriers_and_warp_operations(kernels: Simulator) -> None:
    blocks, threads = 3, 96
    values = np.random.default_rng(1).integers(0, 1 << 32, blocks * threads, np.uint32)
    results = np.full((blocks * threads, 8), 7, np.uint32)
    sums = np.zeros(blocks, np.uint32)
    arguments = {"values": read_only(values), "results": results, "sums": sums}
    kernels.launch("eqinfo_combine", blocks, threads, arguments)

    expected = np.full((blocks, 3, 32, 8), 7, np.uint32)
    warps = values.reshape(blocks, 3, 32)
    lanes = np.arange(32)
    expected[..., 0] = warps[..., 5:6]
    expected[..., 1] = warps[..., np.where(lanes < 3, lanes, lanes - 3)]
    expected[..., 2] = warps[..., np.where(lanes % 16 + 7 < 16, lanes + 7, lanes)]
    expected[..., 3] = ((warps & 1) << lanes.astype(np.uint32)).sum(-1, keepdims=True)
    expected[..., 4] = (lanes < warps % 32).sum(-1, keepdims=True)
    expected[..., :8, 5] = warps[..., lanes[:8] ^ 1]
    warp_sums = warps.sum(-1, dtype=np.uint32)
    expected[..., 6] = np.roll(warp_sums, -1, axis=1)[..., None]
    expected[..., 7] = warp_sums.min(-1)[:, None, None]
    np.testing.assert_array_equal(results, expected.reshape(-1, 8))
    np.testing.assert_array_equal(sums, (warps[..., 5] * np.uint32(32)).sum(-1, dtype=np.uint32))


EDGES = [0, 1, 2, 3, 63, 64, 127, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63]


def sum_of_products(x: int, y: int) -> int:
    """Return the dot product of the four low bytes, as signed numbers."""
    pairs = ((ctypes.c_int8(x >> i).value, ctypes.c_int8(y >> i).value) for i in range(0, 32, 8))
    return sum(a * b for a, b in pairs)


def test_wide_numbers_division_local_arrays_and_calls(kernels: Simulator) -> None:
    edges = [*EDGES, *((1 << 64) - 1 - edge for edge in EDGES)]
    rng = np.random.default_rng(2)
    pairs = [(a, b) for a in edges for b in edges]
    random = rng.integers(0, 1 << 64, (1000, 2), np.uint64)
    random[500:] >>= rng.integers(0, 64, (500, 2), np.uint64)
    pairs += random.tolist()
    a, b = (read_only(np.array(column, np.uint64)) for column in zip(*pairs, strict=True))
    results = np.zeros((len(pairs), 7), np.uint64)
    arguments = {"a": a, "b": b, "results": results, "count": len(pairs)}
    kernels.launch("eqinfo_arithmetic", -(-len(pairs) // 128), 128, arguments)

    for (x, y), found in zip(pairs, results.tolist(), strict=True):
        product = x * y
        difference = ctypes.c_int64(x - y).value
        text = (product % (1 << 128)).to_bytes(16, "little")
        expected = [
            product >> 64,
            (product + x) // (y | 1),
            ((product << 7) - y) % (1 << 128) >> (x & 127),
            x % (y >> 32 | 1) + (y % (1 << 32)) // (x % (1 << 32) | 1),
            int.from_bytes(bytes(text[y >> (8 * i) & 15] for i in range(8)), "big"),
            (difference >> (y & 63)) + 64 - (difference % (1 << 64)).bit_length(),
            ((x >> 32) + sum_of_products(x, y)) % (1 << 32),
        ]
        assert found == [value % (1 << 64) for value in expected], (x, y)


def test_float_conversion_and_comparison(kernels: Simulator) -> None:
    rng = np.random.default_rng(3)
    special = [0.0, -0.0, 0.5, 1.5, -2.5, 1e-45, -1e-40, 3e38, -3e38, np.inf, -np.inf, np.nan]
    special += [2147483520.0, 2147483648.0, -2147483648.0, 8388609.0]
    values = np.concatenate([np.repeat(special, 16), rng.normal(0, 1e4, 512)]).astype(np.float32)
    others = np.concatenate([np.tile(special, 16), rng.normal(0, 1e4, 512)]).astype(np.float32)
    results = np.zeros((len(values), 4), np.uint32)
    arguments = {"values": read_only(values), "others": read_only(others), "results": results}
    kernels.launch("eqinfo_convert", len(values) // 128, 128, arguments)

    with np.errstate(all="ignore"):
        rounded = np.where(np.isnan(values), 0, np.rint(values.astype(np.float64)))
        integers = np.clip(rounded, -(2.0**31), 2.0**31 - 1).astype(np.int64)
        np.testing.assert_array_equal(results[:, 0].view(np.int32), integers)
        scaled = (values - others) * np.float32(3)
    np.testing.assert_array_equal(results[:, 1].copy().view(np.float32), scaled)  # any NaN is NaN
    nan = np.isnan(values)
    compared = (values < others) | (values == others) * 2 | nan * 4
    np.testing.assert_array_equal(results[:, 2], compared)
    larger = np.where(values > others, values, others)
    np.testing.assert_array_equal(results[:, 3].copy().view(np.float32), larger)


FAULTS = {
    "other_barrier": "at the barrier",
    "mask_without_self": "lacks lane",
    "masks_differ": "shuffle from lane 0, not in mask ffff0000",
    "lane_not_in_mask": "shuffle from lane 9, not in mask 000000ff",
    "lane_ended": "waits for ever at a (barrier|warp operation)",
    "some_at_barrier": "waits for ever at a barrier",
    "endless": "step limit",
    "read_beyond": "read out of bounds",
    "write_beyond": "write out of bounds",
    "write_constant": "write out of bounds",
    "misaligned": "misaligned",
    "shared_beyond": "read out of bounds",
}
# What only the bounds of PTX's loads and stores tell; in C++ AddressSanitizer does.
MEMORY_FAULTS = ("read_beyond", "write_beyond", "write_constant", "misaligned", "shared_beyond")


def launch_wrong(kernels: Simulator, fault: str) -> list[int]:
    number = ["none", "no_barrier", *FAULTS].index(fault)
    values = read_only(np.arange(64, dtype=np.uint32))
    results = np.zeros(64, np.uint32)
    arguments = {"values": values, "results": results, "fault": number}
    kernels.launch("eqinfo_wrong", 1, 64, arguments, step_limit=100_000)
    return results.tolist()


def test_shared_memory_is_poisoned(kernels: Simulator) -> None:
    expected = [thread + thread // 32 * 32 + (63 - thread) for thread in range(64)]
    assert launch_wrong(kernels, "none") == expected
    without_barrier = launch_wrong(kernels, "no_barrier")
    assert without_barrier != expected
    assert any(value - 0xA5A5A5A5 in range(128) for value in without_barrier)


@pytest.mark.parametrize("fault", FAULTS)
def test_undefined_behaviour_raises(kernels: Simulator, way: str, fault: str) -> None:
    if way == "shim" and fault in MEMORY_FAULTS:
        pytest.skip("left to AddressSanitizer")
    expected = launch_wrong(kernels, "none")
    with pytest.raises(LaunchError, match=FAULTS[fault]):
        launch_wrong(kernels, fault)
    assert launch_wrong(kernels, "none") == expected  # abandoned threads leave nothing behind


# Only the bounds of PTX know what is read-only.
@pytest.mark.parametrize("fault", ["none", *(f for f in MEMORY_FAULTS if f != "write_constant")])
def test_sanitizers_notice_memory_faults(
    tmp_path_factory: pytest.TempPathFactory, fault: str
) -> None:
    libraries = [
        subprocess.run(
            [str(simulator.CXX), f"-print-file-name={name}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for name in ("libasan.so", "libstdc++.so.6")
    ]
    if not all(map(os.path.isabs, libraries)):
        pytest.skip("no AddressSanitizer")
    folder = tmp_path_factory.getbasetemp() / "sanitized"  # compiled once
    folder.mkdir(exist_ok=True)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_cuda_sim as t; "
        "from pathlib import Path; "
        "library = t.simulator.build('shim', [t.SOURCE], Path(sys.argv[2])); "
        "t.launch_wrong(t.Simulator(library, t.STRUCTS), sys.argv[3])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent), str(folder), fault],
        env=os.environ
        | {
            "LD_PRELOAD": " ".join(libraries),
            "ASAN_OPTIONS": "detect_leaks=0",
            "PYTHONMALLOC": "malloc",
        },
        capture_output=True,
        text=True,
    )
    if fault == "none":
        assert done.returncode == 0, done.stderr
    else:
        assert "ERROR: AddressSanitizer" in done.stderr or "runtime error" in done.stderr


def test_wrong_arguments_are_refused(kernels: Simulator) -> None:
    with pytest.raises(TypeError, match=r"has .*count.* found"):
        kernels.launch("eqinfo_arithmetic", 1, 32, {"a": 0})
    with pytest.raises(LaunchError, match="no such kernel"):
        kernels.launch("eqinfo_wrong_warp", 1, 32, dict.fromkeys(("values", "results", "fault"), 0))
    with pytest.raises(LaunchError, match="1 to 1024 threads"):
        kernels.launch("eqinfo_wrong", 1, 1025, dict.fromkeys(("values", "results", "fault"), 0))


ENTRY = """.version 9.0
.visible .entry eqinfo_test(.param .align 8 .b8 eqinfo_test_param_0[8])
{{
  .reg .b32 %r<3>;
  .shared .align 4 .b8 array[16];
  {instruction}
  ret;
}}
"""


@pytest.mark.parametrize(
    "instruction",
    [
        "add.sat.s32 %r1, %r2, %r2;",  # a modifier that is not known
        "sin.approx.f32 %r1, %r2;",
        "mov.u32 %r1, %clock;",
        "mov.u32 %r1, elsewhere;",
        "ld.shared::cluster.u32 %r1, [array];",
        "ld.param.u32 %r1, [eqinfo_test_param_0+8];",
        "bar.sync 1;",
        "cvt.rn.f32.u64 %r1, %r2, %r2;",
        "add.s32 %r1, %r2;",
        ".tex .u32 texture;",
    ],
)
def test_unknown_ptx_is_an_error(instruction: str) -> None:
    assert "shift_left" in translate(ENTRY.format(instruction="shl.b32 %r1, %r2, 3;"))
    with pytest.raises(UnknownPtxError):
        translate(ENTRY.format(instruction=instruction))


def test_a_failed_compilation_leaves_no_older_output(tmp_path: Path) -> None:
    source = tmp_path / "kernels.cu"
    source.write_text("wrong")
    output = tmp_path / "kernels.o"
    output.write_text("an older one")
    with pytest.raises(RuntimeError, match="wrong"):
        simulator.run([str(simulator.CXX), "-x", "c++", "-c", str(source)], output)
    assert not output.exists()
