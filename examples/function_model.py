"""Equal-info windows with a model of your own: a bigram of bytes, trained on a file.

python examples/function_model.py FILE
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import eqinfo


def bigram(text: bytes) -> eqinfo.models.FunctionModel:
    """Count which byte follows each byte; row 256 is for the beginning of a window."""
    data = np.frombuffer(text, np.uint8)
    counts = np.full((257, 256), 0.05)
    np.add.at(counts, (data[:-1], data[1:]), 1)
    np.add.at(counts[256], data, 1)
    table = np.log(counts).astype(np.float32)

    def logits(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        last = contexts[np.arange(len(lengths)), np.maximum(lengths - 1, 0)]
        return np.asarray(table[np.where(lengths == 0, 256, last)])

    return eqinfo.models.FunctionModel(logits, context_length=1)


def main() -> None:
    """Train on the first half of a file and compare window sizes on the second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="text, half of it to train on")
    text = parser.parse_args().file.read_bytes()[:200_000]
    if len(text) < 2:
        raise ValueError(f"expected a text of 2 bytes or more, found {len(text)}")
    half = len(text) // 2
    model = bigram(text[:half])
    documents = [text[i : i + 1000] for i in range(half, len(text), 1000)]
    for window_bits in (16, 32, 64):
        codec = eqinfo.WindowCodec(model, window_bits)
        tokens = codec.encode_batch(documents)
        assert codec.decode_bytes(tokens[0]) == documents[0]
        print(f"{window_bits:3} bits: {half / sum(map(len, tokens)):.2f} bytes per 16 bits")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        raise SystemExit(f"function_model: {error}") from None
