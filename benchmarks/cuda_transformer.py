"""The transformer's kernels without a GPU: the bounds of a step, and what follows from them."""

from __future__ import annotations

from common import Report
from cuda_static import COPY_BYTES_PER_SECOND, ISSUED_PER_SECOND
from transformer import ALPHABET, HEAD_WIDTH, HEADS, KEY_HEADS, SHAPES, WIDTH

LAYERS = 30
LANES = (1, 64, 1024)
POSITIONS = (32, 1024)
TILE_ROWS = 16

LAUNCH_SECONDS = 2.5e-6
"""From one kernel to the next on a stream, from published measurements."""
LAUNCHES = 3 + 13 * LAYERS  # of python/eqinfo/cuda/transformer_plan.py
PRODUCTS_OF_DP4A = 4 * 32
SLOTS_OF_DP4A = 2.5
"""Issue slots for each in the machine code for architecture 90: it issues every other cycle, and
loads and indices take the rest."""
WIDE = ("down",)
"""Matrices of a layer whose rows have 15 bits, in two planes; and the head."""


def products() -> tuple[int, int]:
    """Return the weights, and the 8-bit products of a symbol."""
    sizes = {name: LAYERS * outputs * inputs for name, (outputs, inputs) in SHAPES.items()}
    sizes["head"] = ALPHABET * WIDTH
    wide = sum(size for name, size in sizes.items() if name in (*WIDE, "head"))
    return sum(sizes.values()), sum(sizes.values()) + wide


def attention_slots(positions: int) -> float:
    """Return the issue slots of attention for a symbol: scores, weights, and sums of values."""
    vectors = HEAD_WIDTH / 16
    scores = positions * vectors * (8 * SLOTS_OF_DP4A + 3) / 32
    weights = positions * 90 / 32
    values = positions * HEAD_WIDTH * 8 / 32
    return LAYERS * HEADS * (scores + weights + values)


def step_seconds(lanes: int, positions: int) -> dict[str, float]:
    """Return what each bound says that a step takes, by its name."""
    weights, of_symbol = products()
    stored = LAYERS * 2 * KEY_HEADS * (HEAD_WIDTH + 2) * positions
    rows = -(-lanes // TILE_ROWS) * TILE_ROWS
    slots = rows * of_symbol / PRODUCTS_OF_DP4A * SLOTS_OF_DP4A
    return {
        "launches": LAUNCHES * LAUNCH_SECONDS,
        "memory": (weights + lanes * (stored + 4 * ALPHABET)) / COPY_BYTES_PER_SECOND,
        "instructions": (slots + lanes * attention_slots(positions)) / ISSUED_PER_SECOND,
    }


def report_transformer(report: Report) -> None:
    """Print the predictions."""
    lines = []
    for positions in POSITIONS:
        for lanes in LANES:
            seconds = step_seconds(lanes, positions)
            bound = max(seconds, key=lambda name: seconds[name])
            others = "; ".join(
                f"{name} {100 * seconds[name] / seconds[bound]:.0f} %"
                for name in seconds
                if name != bound
            )
            lines.append(
                [positions, lanes, lanes / seconds[bound] / 1e3, f"{bound}; {others}"],
            )
    report.table(
        "Predicted, not measured: a transformer of the sizes of SmolLM2-135M, 8-bit inputs, H100",
        ["positions", "lanes", "thousand symbols per second", "bound by"],
        lines,
    )
