"""Train a model (M1) on text files, then code text that it has not learnt.

python examples/train_m1.py [--arch paper] MODEL FILE...

It trains the native model, which runs in integers, or with --arch paper the 3M Transformer of
arXiv 2404.03626, a float network. The command `eqinfo train` does the same and has more options.
Needs ``pip install eqinfo[train]``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import eqinfo
from eqinfo.errors import EqInfoError

try:
    from eqinfo.models import paper
    from eqinfo.train import PaperParameters, TrainParameters, train, train_paper
    from eqinfo.train.held_out import split
except EqInfoError as error:
    raise SystemExit(f"train_m1: {error}") from None

SECONDS = 300


def main() -> None:
    """Train for five minutes on one thread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", choices=("native", "paper"), default="native")
    parser.add_argument("output")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    text = np.frombuffer(b"".join(path.read_bytes() for path in options.files), np.uint8)
    learnt, held_out = split(text)
    model: eqinfo.models.Model
    if options.arch == "paper":
        run = train_paper(
            learnt, held_out, options.output, PaperParameters(seconds=SECONDS, streams=8)
        )
        print(f"{run.points[-1].held_out:.3f} bits per byte")
        model = paper.load(options.output, batch=16)
    else:
        parameters = TrainParameters(seconds=SECONDS)
        trained = train(learnt, held_out, options.output, parameters, resume=True)
        print(f"{trained.integer_bits:.3f} bits per byte, {trained.float_bits:.3f} before rounding")
        model = eqinfo.models.NativeModel.load(options.output).without_history()

    codec = eqinfo.WindowCodec(model, window_bits=32)
    sample = held_out[:10_000].tobytes()
    tokens = codec.encode(sample)
    assert codec.decode_bytes(tokens) == sample
    print(f"{len(sample) / len(tokens):.2f} bytes per token of 16 bits, with windows of 32 bits")


if __name__ == "__main__":
    try:
        main()
    except (EqInfoError, OSError, ValueError) as error:
        raise SystemExit(f"train_m1: {error}") from None
