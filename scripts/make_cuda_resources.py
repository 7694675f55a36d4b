"""Write csrc/cuda/resources.csv: what every kernel takes on every architecture of the wheel.

Reads the installed CUDA module with cuobjdump (`pip install nvidia-cuda-cuobjdump`, or that of a
CUDA toolkit on PATH). Registers and shared memory bound the threads per multiprocessor. The
stack is memory outside registers (spills already fail the build). CI writes the table again and
compares it, so a change that makes a kernel more expensive shows.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import site
import subprocess
from pathlib import Path

TABLE = Path(__file__).parents[1] / "csrc" / "cuda" / "resources.csv"
# Shared memory of every block that the system keeps for itself, from architecture 90 on.
SYSTEM_SHARED_BYTES = 1024


def cuobjdump() -> str:
    """Return the path of cuobjdump, from its PyPI package or a CUDA toolkit."""
    for folder in site.getsitepackages():
        for found in Path(folder).glob("nvidia/*/bin/cuobjdump"):
            return str(found)
    found_on_path = shutil.which("cuobjdump")
    if found_on_path is None:
        raise SystemExit(
            "expected cuobjdump on PATH or in this environment, found none: "
            "pip install nvidia-cuda-cuobjdump"
        )
    return found_on_path


def cuda_module() -> str:
    """Return the path of the installed CUDA module."""
    spec = importlib.util.find_spec("eqinfo._cuda")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "expected eqinfo with its CUDA module, found none: install it with "
            "-Ccmake.define.EQINFO_CUDA=ON"
        )
    return spec.origin


def usage(module: str) -> list[tuple[str, int, int, int, int]]:
    """Return (kernel, architecture, registers per thread, shared bytes per block, stack bytes)."""
    text = subprocess.run(
        [cuobjdump(), "-res-usage", module], check=True, capture_output=True, text=True
    ).stdout
    rows = []
    for part in re.split(r"^arch = sm_", text, flags=re.MULTILINE)[1:]:
        architecture = int(part.split(maxsplit=1)[0])
        system = SYSTEM_SHARED_BYTES if architecture >= 90 else 0
        for name, registers, stack, shared in re.findall(
            r"Function (\w+):\s+REG:(\d+) STACK:(\d+) SHARED:(\d+)", part
        ):
            own = int(shared) - system if int(shared) else 0
            rows.append((name, architecture, int(registers), own, int(stack)))
    return sorted(rows)


def main() -> None:
    """Write the table."""
    lines = ["kernel,architecture,registers,shared_bytes,stack_bytes"]
    lines += [",".join(map(str, row)) for row in usage(cuda_module())]
    TABLE.write_text("\n".join(lines) + "\n")
    print(f"{TABLE}: {len(lines) - 1} rows")


if __name__ == "__main__":
    main()
