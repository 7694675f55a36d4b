"""Compile CUDA kernels for the CPU, as C++ or by way of nvcc's PTX, and launch them on arrays."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from cuda_sim.ptx_to_cpp import translate

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"
CXX = shutil.which(os.environ.get("CXX", "g++"))
NVCC = shutil.which("nvcc")
ARCHITECTURES = ("80", "90", "100")  # of the wheel
# Under a preloaded AddressSanitizer kernels are checked, too.
SANITIZERS = (
    ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
    if "libasan" in os.environ.get("LD_PRELOAD", "")
    else []
)
CXX_FLAGS = [
    "-std=c++17",
    "-fPIC",
    "-fvisibility=hidden",  # libraries of one process share nothing
    "-ffp-contract=off",
    f"-I{HERE}",
    f"-I{CSRC}",
    *SANITIZERS,
]
NVCC_FLAGS = ["-std=c++17", "--fmad=false", "--expt-relaxed-constexpr", f"-I{HERE}", f"-I{CSRC}"]
STEP_LIMIT = 1 << 32

KERNEL = re.compile(r'extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\(')


class LaunchError(Exception):
    """A kernel did something that is undefined on a GPU, or did not end."""


def run(command: list[str], output: Path) -> Path:
    """Make `output`; an older one is deleted first, so that a failure never goes unnoticed."""
    output.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(
        [*command, "-o", str(output)], capture_output=True, text=True, env=environment
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return output


def build(way: str, sources: list[Path], folder: Path) -> Path:
    """Return a library of all kernels of `sources`, made in `folder`.

    Args:
        way: "shim", or the architecture whose PTX is to be executed.
    """
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(way, sources, folder)


def _build(way: str, sources: list[Path], folder: Path) -> Path:
    includes = "".join(f'#include "{source}"\n' for source in sources)
    if way != "shim":
        return link_ptx(make_ptx(includes, way, folder), folder)
    names = [name for source in sources for name in KERNEL.findall(source.read_text())]
    table = "".join(f"CUDA_SIM_KERNEL({name}),\n" for name in names)
    unit = (
        f'#include "shim.h"\n{includes}namespace eqinfo {{}}\nusing namespace eqinfo;\n'
        f"const cuda_sim::Kernel cuda_sim::kernels[] = {{\n{table}{{nullptr, 0, nullptr}}}};\n"
    )
    # A step is counted in every basic block.
    return link(unit, folder, "-O1", "-fsanitize-coverage=trace-pc")


def make_ptx(unit: str, architecture: str, folder: Path) -> str:
    """Return nvcc's PTX of CUDA source."""
    assert NVCC is not None
    source = folder / "kernels.cu"
    source.write_text(unit)
    command = [NVCC, *NVCC_FLAGS, "-ptx", f"-arch=compute_{architecture}", str(source)]
    return run(command, folder / f"{architecture}.ptx").read_text()


def link_ptx(ptx: str, folder: Path) -> Path:
    return link(translate(ptx), folder, "-Og", "-fwrapv", "-fno-strict-aliasing")


def link(unit: str, folder: Path, *flags: str) -> Path:
    """Compile kernels that are C++ by now, and the runtime, into one library.

    The library is named after its source: the PTX of two architectures may be the same.
    """
    assert CXX is not None
    output = folder / f"{hashlib.sha256(unit.encode()).hexdigest()[:16]}.so"
    if output.exists():
        return output
    source = output.with_suffix(".cpp")
    source.write_text(unit)
    runtime = HERE / "fibers.cpp"
    objects = [
        run([CXX, *CXX_FLAGS, "-O1", "-c", str(runtime)], output.with_suffix(".fibers.o")),
        run([CXX, *CXX_FLAGS, *flags, "-c", str(source)], output.with_suffix(".kernels.o")),
    ]
    return run([CXX, *SANITIZERS, "-shared", *map(str, objects)], output)


# --- launches ---

SCALARS = {
    **{
        f"{sign}int{bits}_t": getattr(ctypes, f"c_{sign}int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
    "float": ctypes.c_float,
}


def read_structs(*headers: Path) -> dict[str, type[ctypes.Structure]]:
    """Return the structs of headers whose fields are numbers, pointers and such structs.

    Others are left out. An enum must be based on int32_t.
    """
    structs: dict[str, type[ctypes.Structure]] = {}
    types: dict[str, Any] = dict(SCALARS)
    for header in headers:
        text = re.sub(r"//[^\n]*", "", header.read_text())
        types.update(dict.fromkeys(re.findall(r"enum class (\w+) : int32_t", text), ctypes.c_int32))
        for name, body in re.findall(r"struct (\w+) {([^{}()]*)};", text):
            declared = re.findall(r"(?:const )?(\w+)(\*?) (\w+)(?: = [^;]*)?;", body)
            if all(star or kind in types for kind, star, _ in declared):
                fields = [
                    (field, ctypes.c_void_p if star else types[kind])
                    for kind, star, field in declared
                ]
                structs[name] = types[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return structs


def read_constants(header: Path) -> dict[str, int]:
    """Return the constants of a header that are plain numbers."""
    found = re.findall(r"constexpr u?int32_t (\w+) = (-?\d+);", header.read_text())
    return {name: int(value) for name, value in found}


class Region(ctypes.Structure):
    _fields_ = [("begin", ctypes.c_uint64), ("end", ctypes.c_uint64), ("writable", ctypes.c_uint64)]


class Launch(ctypes.Structure):
    _fields_ = [
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("arguments", ctypes.c_void_p),
        ("argument_bytes", ctypes.c_uint64),
        ("regions", ctypes.c_void_p),
        ("region_count", ctypes.c_uint64),
        ("step_limit", ctypes.c_uint64),
        ("descending", ctypes.c_uint32),
    ]


class Simulator:
    """Kernels of one library.

    Args:
        library: made by `build`.
        structs: of the kernels' arguments, by name.
        descending: the order of blocks and threads, which must not matter.
    """

    def __init__(
        self,
        library: Path,
        structs: dict[str, type[ctypes.Structure]],
        descending: bool = False,
    ) -> None:
        self.structs = structs
        self.descending = descending
        self.cuda_sim_launch = ctypes.CDLL(str(library)).cuda_sim_launch
        self.cuda_sim_launch.restype = ctypes.c_char_p

    def launch(
        self,
        kernel: str,
        blocks: int,
        threads: int,
        arguments: dict[str, Any],
        step_limit: int = STEP_LIMIT,
        symbol: str | None = None,
    ) -> None:
        """Run a kernel whose struct is named after it: eqinfo_window_encode, WindowEncodeArguments.

        Args:
            kernel: its name; a last part _warp or _block is not in the name of the struct.
            blocks: of the grid.
            threads: of a block.
            arguments: every field of the struct: a number, a dict for a struct, or for a pointer an
                array, of which exactly the elements may be touched; read-only arrays only read.
            step_limit: basic blocks that all threads together may enter.
            symbol: its name in the library, if that is another.

        Raises:
            LaunchError: see there.
        """
        words = [w for w in kernel.removeprefix("eqinfo_").split("_") if w not in ("warp", "block")]
        regions: list[Region] = []
        struct = self.structs["".join(map(str.capitalize, words)) + "Arguments"]
        filled = fill(struct, arguments, regions)
        table = (Region * len(regions))(*regions)
        launch = Launch(
            (blocks, 1, 1),
            (threads, 1, 1),
            ctypes.addressof(filled),
            ctypes.sizeof(filled),
            ctypes.addressof(table),
            len(regions),
            step_limit,
            self.descending,
        )
        error = self.cuda_sim_launch((symbol or kernel).encode(), ctypes.byref(launch))
        if error is not None:
            raise LaunchError(error.decode())


def fill(
    struct: type[ctypes.Structure], values: dict[str, Any], regions: list[Region]
) -> ctypes.Structure:
    filled = struct()
    kinds = {name: kind for name, kind, *_ in struct._fields_}
    if values.keys() != kinds.keys():
        raise TypeError(f"{struct.__name__} has {sorted(kinds)}, found {sorted(values)}")
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            assert kinds[name] is ctypes.c_void_p, name
            assert value.flags.c_contiguous, name
            begin = value.ctypes.data
            regions.append(Region(begin, begin + value.nbytes, value.flags.writeable))
            value = begin
        elif isinstance(value, dict):
            value = fill(kinds[name], value, regions)
        setattr(filled, name, value)
    return filled
