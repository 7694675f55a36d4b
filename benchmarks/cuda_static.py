"""What can be said of the kernels without a GPU: resources, bytes moved, and the bound they set."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from common import Cell, Report

RESOURCES = Path(__file__).parents[1] / "csrc" / "cuda" / "resources.csv"

# An H100 SXM: measured copy bandwidth, multiprocessors, clock, and what a multiprocessor holds.
COPY_BYTES_A_SECOND = 3.0e12
MULTIPROCESSORS = 132
CLOCK = 1.755e9
REGISTERS, WARPS, BLOCKS, SHARED_BYTES = 65_536, 64, 32, 233_472
L2_BYTES_A_SECOND = 5.5e12
L2_SECONDS = 273 / CLOCK
"""Of one look-up in L2, in published microbenchmarks."""

THREADS = {"_block": 512, "codebook_measure": 512, "codebook_scan": 512, "codebook_write": 512}
"""Of a block, by the end of a kernel's name; 128 else."""

PRECISION = 24
WORD_BYTES_A_SYMBOL = 2 / 8
"""Of a range coder's stream, for text of about two bits a symbol."""
BYTES_AN_ID = 5
"""Of text, with the bundled codebook."""


@dataclass(frozen=True)
class Traffic:
    """What one kernel moves between the device's memory and its multiprocessors.

    Attributes:
        kernel: without eqinfo_.
        unit: what is counted.
        read, written: bytes a unit, each byte once; what is read again is found in cache.
        bound: what is reached first, apart from the bytes.
    """

    kernel: str
    unit: str
    read: float
    written: float
    bound: str

    @property
    def units_a_second(self) -> float:
        """At the measured copy bandwidth."""
        return COPY_BYTES_A_SECOND / (self.read + self.written)


def row_traffic(alphabet: int, logit_bytes: int = 4) -> list[Traffic]:
    """Kernels with a row a symbol."""
    team = "warp" if alphabet <= 1024 else "block"
    row, table = logit_bytes * alphabet, 4 * alphabet
    last = "memory" if alphabet > 1024 else "memory, and about as much the instructions issued"
    return [
        Traffic(f"frequency_rows_{team}", "row", row, table + 4, last),
        Traffic(f"frequency_intervals_{team}", "row", row + 4, 12, last),
        Traffic(f"range_decode_{team}", "symbol", table + 24 + 40, 24 + 8 + 8 + 4, "memory"),
        Traffic(f"window_encode_{team}", "symbol", table + 76, 44 + 16 / 4, "memory"),
        Traffic(f"window_decode_{team}", "symbol", table + 76, 56, "memory"),
    ]


def stream_traffic() -> list[Traffic]:
    """Kernels without rows."""
    state = 16 + 8
    return [
        Traffic(
            "range_encode",
            "symbol",
            8 + state,
            state + WORD_BYTES_A_SYMBOL,
            "lanes in flight: one symbol a thread, and the launch",
        ),
        Traffic(
            "codebook_encode",
            "byte",
            1,
            2 / BYTES_AN_ID,
            f"L2: a sector of 32 bytes a byte of text, {L2_BYTES_A_SECOND / 32 / 1e9:,.0f} GB/s; "
            f"below 270,000 documents {1e-6 / L2_SECONDS:.1f} MB/s for each",
        ),
        Traffic(
            "codebook_write",
            "id",
            2 + 2,
            BYTES_AN_ID + 8,
            "memory; strings are found in L2 (measure reads the ids once before)",
        ),
    ]


def resident_warps(kernel: str, registers: int, shared: int) -> int:
    """Return how many warps of a kernel a multiprocessor of an H100 holds."""
    threads = next((n for end, n in THREADS.items() if kernel.endswith(end)), 128)
    warps = threads // 32
    of_registers = REGISTERS // (-(-registers * 32 // 256) * 256) // warps
    of_shared = SHARED_BYTES // (shared + 1024)
    return min(BLOCKS, WARPS // warps, of_registers, of_shared) * warps


def report_static(report: Report) -> None:
    """Print resources and predictions."""
    with RESOURCES.open() as file:
        rows = list(csv.DictReader(file))
    by_kernel: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        by_kernel.setdefault(row["kernel"], {})[row["architecture"]] = row
    table: list[list[Cell]] = []
    for kernel, found in by_kernel.items():
        registers = " / ".join(found[a]["registers"] for a in sorted(found, key=int))
        own = found["90"]
        warps = resident_warps(kernel, int(own["registers"]), int(own["shared_bytes"]))
        shared, stack = own["shared_bytes"], own["stack_bytes"]
        table.append([kernel, registers, shared, stack, 0, f"{warps} of {WARPS}"])
    report.table(
        "Static figures, from csrc/cuda/resources.csv (a spill fails the build)",
        [
            "kernel",
            "registers 80 / 90 / 100",
            "shared bytes",
            "stack bytes",
            "spills",
            "warps resident on an H100",
        ],
        table,
    )
    for title, traffic in {
        "256 symbols, float32": row_traffic(256),
        "256 symbols, bfloat16": row_traffic(256, 2)[:2],
        "50,257 symbols, float32": row_traffic(50_257),
        "50,257 symbols, bfloat16": row_traffic(50_257, 2)[:2],
        "streams and codebooks": stream_traffic(),
    }.items():
        report.table(
            f"Predicted, not measured: {title}, H100 at {COPY_BYTES_A_SECOND / 1e12:.1f} TB/s",
            ["kernel", "unit", "bytes read", "written", "million units a second", "bound by"],
            [
                [
                    t.kernel,
                    t.unit,
                    round(t.read, 1),
                    round(t.written, 1),
                    t.units_a_second / 1e6,
                    t.bound,
                ]
                for t in traffic
            ],
        )
