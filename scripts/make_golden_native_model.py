"""Write tests/golden/v1/native_model.json, which fixes what the bundled models predict.

Run once per bundled model, by hand; tests only read the file.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from eqinfo import ArithmeticCodec, WindowCodec
from eqinfo.models import FRESH, NativeModel, native_model
from eqinfo.models.native_model import BUNDLED_MODELS

ROOT = Path(__file__).resolve().parent.parent
# Lewis Carroll, Alice's Adventures in Wonderland, 1865; used twice, for the matches.
TEXT = "\u201cCurtsey while you\u2019re thinking what to say, it saves time.\u201d\r\n"
WINDOW_BITS = (24, 32, 128)


def golden_answers(model: NativeModel, text: str) -> dict[str, Any]:
    """Return what must never change: the frequencies after every prefix, and the tokens."""
    data = text.encode()
    lanes = np.zeros(1, np.int64)
    state = model.start(1)
    rows = [
        model.frequencies(state, np.array([symbol], np.int32), lanes, 24)[0]
        for symbol in (FRESH, *data)
    ]
    digest = hashlib.blake2b(np.array(rows, "<u4").tobytes(), digest_size=16)
    return {
        "fingerprint": model.fingerprint,
        "first_frequencies": rows[0].tolist(),
        "frequencies": digest.hexdigest(),
        "arithmetic": ArithmeticCodec(model).encode(data).tolist(),
        "windows": {str(b): WindowCodec(model, b).encode(data).tolist() for b in WINDOW_BITS},
    }


def main() -> None:
    """Ask the bundled models and write the file."""
    text = TEXT * 2
    target = ROOT / "tests" / "golden" / "v1" / "native_model.json"
    answers = {name: golden_answers(native_model.load(name), text) for name in BUNDLED_MODELS}
    golden = {"text": text, "answers": answers}
    target.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
