"""The kernels without a GPU: resources, bytes moved, and the bounds that follow from them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from common import Cell, Report

RESOURCES = Path(__file__).parents[1] / "csrc" / "cuda" / "resources.csv"

# An H100 SXM: measured copy bandwidth, multiprocessors, clock, and limits of a multiprocessor.
COPY_BYTES_PER_SECOND = 3.0e12
MULTIPROCESSORS = 132
CLOCK = 1.755e9
REGISTERS, WARPS, BLOCKS, SHARED_BYTES = 65_536, 64, 32, 233_472
ISSUED_PER_SECOND = MULTIPROCESSORS * 4 * CLOCK  # warp instructions
L2_BYTES_PER_SECOND = 5.5e12
L2_SECONDS = 273 / CLOCK
"""Latency of one look-up in L2, from published microbenchmarks."""

THREADS = {"_block": 512, "codebook_measure": 512, "codebook_scan": 512, "codebook_write": 512}
"""Threads per block, by the end of the kernel's name; 128 for all others."""

PRECISION = 24
WORD_BYTES_PER_SYMBOL = 2 / 8
"""Bytes of a range coder's stream, for text of about two bits per symbol."""
BYTES_PER_ID = 5
"""Bytes of text, with the codebook `en`."""


@dataclass(frozen=True)
class Work:
    """What one kernel does for one unit.

    Attributes:
        kernel: its name without ``eqinfo_``.
        unit: what is counted.
        read, written: bytes between the device's memory and its multiprocessors. Each byte counts
            once, because later reads hit a cache.
        instructions: warp instructions, counted in the machine code for architecture 90, those of
            a loop once per iteration.
        note: a remark for the table.
    """

    kernel: str
    unit: str
    read: float
    written: float
    instructions: float
    note: str = ""

    @property
    def memory_seconds(self) -> float:
        """Seconds per unit at the measured copy bandwidth."""
        return (self.read + self.written) / COPY_BYTES_PER_SECOND

    @property
    def issue_seconds(self) -> float:
        """Seconds per unit if every scheduler issues an instruction in every cycle."""
        return self.instructions / ISSUED_PER_SECOND

    @property
    def units_per_second(self) -> float:
        """Units per second that the tighter of the two bounds allows."""
        return 1 / max(self.memory_seconds, self.issue_seconds)

    @property
    def bound(self) -> str:
        """Name the tighter bound, and how much of its time the other needs."""
        if self.issue_seconds > self.memory_seconds:
            share = self.memory_seconds / self.issue_seconds
            return f"instructions; memory {100 * share:.0f} %"
        return f"memory; instructions {100 * self.issue_seconds / self.memory_seconds:.0f} %"


def row_work(alphabet: int, logit_bytes: int = 4) -> list[Work]:
    """Kernels with one row per symbol; a coded symbol is in the middle of its row on average."""
    tiles = -(-alphabet // 32)
    row, table = logit_bytes * alphabet, 4 * alphabet
    if alphabet <= 1024:
        return [
            Work("frequency_rows_warp", "row", row, table + 4, 370 + 72 * tiles),
            Work("frequency_intervals_warp", "row", row + 4, 12, 400 + 66 * tiles),
            Work("range_decode_warp", "symbol", table / 2 + 64, 44, 330 + 38 * tiles / 2),
            Work("window_encode_warp", "symbol", table / 2 + 76, 48, 200 + 24 * tiles / 2),
            Work("window_decode_warp", "symbol", table / 2 + 76, 56, 200 + 106 * tiles / 2),
        ]
    fixed = 16 * 400  # every warp of the block
    return [
        Work("frequency_rows_block", "row", row, table + 4, fixed + 70 * tiles),
        Work("frequency_intervals_block", "row", row + 4, 12, fixed + 66 * tiles),
        Work("range_decode_block", "symbol", table + 64, 44, fixed + (7 + 43 / 32) * tiles),
        Work("window_encode_block", "symbol", table / 2 + 76, 48, fixed + 24 * tiles / 2),
        Work("window_decode_block", "symbol", table + 76, 56, fixed + (18 + 109 / 32) * tiles),
    ]


def stream_work() -> list[Work]:
    """Kernels that do not read rows."""
    state = 16 + 8
    return [
        Work(
            "range_encode", "symbol", 8 + state, state + WORD_BYTES_PER_SYMBOL, 144 / 32,
            "one symbol per thread: below a million lanes the launch dominates",
        ),
        Work(
            "codebook_encode", "byte", 1, 2 / BYTES_PER_ID, 30 / 32,
            "one look-up of 32 bytes in L2 per byte: at most "
            f"{L2_BYTES_PER_SECOND / 32 / 1e9:,.0f} GB/s, "
            f"and {1e-6 / L2_SECONDS:.1f} MB/s for one document",
        ),
        Work(
            "codebook_write", "id", 2 + 2, BYTES_PER_ID + 8, 300 / 32,
            "strings are read from L2; the kernel that measures has read the ids once before",
        ),
    ]  # fmt: skip


def resident_warps(kernel: str, registers: int, shared: int) -> int:
    """Return how many warps of a kernel fit on one multiprocessor of an H100."""
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
        "Static figures, from csrc/cuda/resources.csv (the build fails on a spill)",
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
    for title, works in {
        "256 symbols, float32": row_work(256),
        "256 symbols, bfloat16": row_work(256, 2)[:2],
        "50,257 symbols, float32": row_work(50_257),
        "50,257 symbols, bfloat16": row_work(50_257, 2)[:2],
        "streams and codebooks": stream_work(),
    }.items():
        report.table(
            f"Predicted, not measured: {title}, H100 at {COPY_BYTES_PER_SECOND / 1e12:.1f} TB/s",
            ["kernel", "unit", "bytes read", "written", "million per second", "bound by", "note"],
            [
                [w.kernel, w.unit, round(w.read, 1), round(w.written, 1),
                 w.units_per_second / 1e6, w.bound, w.note]
                for w in works
            ],
        )  # fmt: skip
