"""Training steps of an M2: milliseconds, and the share of a GPU's operations that they reach.

    python benchmarks/m2_steps.py [--device cuda] [--sizes NAME...] [--compile inductor]

Every M2 is trained by `eqinfo.experiment.m2.training.train` on random tokens, for two kinds of
tokens in texts of 512 bytes: bytes, and tokens of 16,384 ids of four bytes each, with a plain
embedding and with one that knows their texts. The time is wall time per step, from the end of the
first steps, which record or compile what they need, to the end of the last.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from common import Cell, Report, add_json_option, positive
from eqinfo.codebook import Codebook
from eqinfo.errors import UnsupportedError
from eqinfo.experiment.m2.costs import H100_FLOPS, TrainingCost
from eqinfo.experiment.m2.devices import require_device
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import StreamSequences
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import M2Settings, train

WARM_UP_STEPS = 10
TOKENS = {257: 512, 1 << 14: 128}
"""In a sequence, by the number of ids."""


def step_seconds(
    size: str, ids: int, strings: list[bytes] | None, options: argparse.Namespace
) -> float:
    """Train for some steps and return the mean time of those after the first."""
    length, steps = TOKENS[ids], WARM_UP_STEPS + options.steps
    tokens = np.random.default_rng(0).integers(0, ids, steps * options.batch * length + 1)
    first = WARM_UP_STEPS / steps
    ends: list[float] = []

    def note_time(_model: Transformer, _step: int) -> None:
        if options.device.startswith("cuda"):
            torch.cuda.synchronize(options.device)
        ends.append(time.perf_counter())

    train(
        StreamSequences([tokens], length),
        ids,
        M2Settings(size, batch=options.batch, steps=steps, points=(first, 1.0)),
        strings=strings,
        device=options.device,
        compile_backend=options.compile,
        measure=note_time,
    )
    return (ends[1] - ends[0]) / options.steps


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["cpu", "cpu-large"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=positive, default=32, help="sequences of a step")
    parser.add_argument("--steps", type=positive, default=50)
    parser.add_argument("--compile", metavar="BACKEND", help="of torch.compile; by default none")
    add_json_option(parser)
    options = parser.parse_args()
    try:
        require_device(options.device)
    except UnsupportedError as error:
        parser.error(str(error))
    torch.set_num_threads(1)
    report = Report(options.json)
    codebook = Codebook.bundled("en")
    lines: list[list[Cell]] = []
    for size in options.sizes:
        for ids, embedding in ((257, "plain"), (1 << 14, "plain"), (1 << 14, "text")):
            strings = [codebook[id_] for id_ in range(ids)] if embedding == "text" else None
            seconds = step_seconds(size, ids, strings, options)
            cost = TrainingCost(size, ids, TOKENS[ids], options.batch * TOKENS[ids])
            reached = cost.flops / seconds
            lines.append(
                [size, ids, TOKENS[ids], embedding, f"{1e3 * seconds:.2f}",
                 f"{reached / 1e12:.3g}", f"{100 * reached / H100_FLOPS:.1f} %"]
            )  # fmt: skip
    device = torch.cuda.get_device_name() if options.device.startswith("cuda") else "the processor"
    report.table(
        f"Steps of {options.batch} sequences on {device}, torch {torch.__version__}",
        ["M2", "ids", "tokens/sequence", "embedding", "ms", "TFLOP/s", "of an H100's bfloat16"],
        lines,
    )
    report.save()


if __name__ == "__main__":
    main()
