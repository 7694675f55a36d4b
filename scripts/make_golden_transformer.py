"""Write tests/golden/v1/transformer.safetensors and .json, which fix what transformers compute.

Run once per version of the stage, by hand; tests only read the files.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo import ArithmeticCodec
from eqinfo.models.transformer import FloatTransformer, TransformerModel, quantise
from eqinfo.models.transformer.file import piece_tensors

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "v1"
ALPHABET, WIDTH, UNITS, HEADS, KEY_HEADS, HEAD_WIDTH = 260, 32, 48, 4, 2, 16
POSITIONS = 24
SHAPES = {
    "embedding": (ALPHABET, WIDTH),
    "query": (HEADS * HEAD_WIDTH, WIDTH),
    "key": (KEY_HEADS * HEAD_WIDTH, WIDTH),
    "value": (KEY_HEADS * HEAD_WIDTH, WIDTH),
    "attention": (WIDTH, HEADS * HEAD_WIDTH),
    "gate": (UNITS, WIDTH),
    "up": (UNITS, WIDTH),
    "down": (WIDTH, UNITS),
}
TEXT = b"Curtsey while you're thinking what to say, it saves time.\r\n\x00\xff"


def make_model() -> TransformerModel:
    """Return a random model over bytes, in which queries and keys have biases."""
    rng = np.random.default_rng(20)

    def tensor(name: str) -> NDArray[np.float64] | None:
        parts = name.split(".")
        if parts[-1] == "bias":
            return rng.normal(size=SHAPES[parts[2]][0]) if parts[-2] in ("query", "key") else None
        if parts[-1] == "head":
            return None
        if parts[-1].endswith("norm"):
            return rng.normal(1, 0.2, WIDTH)
        return rng.normal(size=SHAPES[parts[-1]]) / 3

    powers = 100.0 ** (-np.arange(HEAD_WIDTH / 2) / (HEAD_WIDTH / 2))
    angles = np.arange(POSITIONS)[:, None] * powers
    network = FloatTransformer(tensor, 2, HEADS, KEY_HEADS, angles, 1e-5, ALPHABET - 1)
    pieces = [bytes([i]) for i in range(256)] + [None] * (ALPHABET - 256)
    return TransformerModel(quantise(network) | piece_tensors(pieces, ""), {"name": "golden"})


def golden_answers(model: TransformerModel) -> dict[str, Any]:
    """Return what must never change: the logits after every prefix, and the tokens."""
    logits = model.logits(np.frombuffer(TEXT, np.uint8))
    digest = hashlib.blake2b(logits.astype("<i4").tobytes(), digest_size=16)
    return {
        "fingerprint": model.fingerprint,
        "first_logits": logits[0].tolist(),
        "logits": digest.hexdigest(),
        "arithmetic": ArithmeticCodec(model, check_bits=32).encode(TEXT).tolist(),
    }


def main() -> None:
    """Make the model and ask it."""
    model = make_model()
    model.save(GOLDEN / "transformer.safetensors")
    golden = json.dumps(golden_answers(model), indent=1)
    (GOLDEN / "transformer.json").write_text(golden + "\n")


if __name__ == "__main__":
    main()
