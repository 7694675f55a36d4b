"""Train a native model (M1) on text files and code with it what it did not learn.

python examples/train_m1.py MODEL FILE...

The command `eqinfo train` does the same, with its options.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import eqinfo
from eqinfo.train import Parameters, train
from eqinfo.train.held_out import split


def main() -> None:
    """Train for five minutes on one thread."""
    output, *files = sys.argv[1:]
    text = np.frombuffer(b"".join(Path(file).read_bytes() for file in files), np.uint8)
    learnt, held_out = split(text)
    trained = train(learnt, held_out, output, Parameters(seconds=300), resume=True)
    print(f"{trained.integer_bits:.3f} bits a byte, {trained.float_bits:.3f} as floats")

    model = eqinfo.models.NativeModel.load(output)
    codec = eqinfo.WindowCodec(model.without_history(), window_bits=32)
    sample = held_out[:10_000].tobytes()
    tokens = codec.encode(sample)
    assert codec.decode_bytes(tokens) == sample
    print(f"{len(sample) / len(tokens):.2f} bytes in 16 bits, windows of 32 bits")


if __name__ == "__main__":
    main()
