"""Write tests/golden/v1/coders.json, which fixes what version 1 of every coder means.

Run once per format version, by hand; tests only read the file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from eqinfo import ArithmeticCodec, WindowCodec, range_coder  # noqa: E402
from eqinfo.frequency import frequencies  # noqa: E402
from eqinfo.models import StaticModel  # noqa: E402
from golden_model import golden_model, golden_rows  # noqa: E402

# Lewis Carroll, Alice's Adventures in Wonderland, 1865.
TEXT = "\u201cCurtsey while you\u2019re thinking what to say, it saves time.\u201d\r\n"
WINDOWS: list[dict[str, Any]] = [
    {"window_bits": 12, "token_bits": 12},
    {"window_bits": 16, "token_bits": 16},
    {"window_bits": 16, "token_bits": 8, "precision": 12},
    {"window_bits": 24, "token_bits": 16},
    {"window_bits": 33, "token_bits": 7, "precision": 24},
    {"window_bits": 64, "token_bits": 16, "reset_every": 2},
    {"window_bits": 128, "token_bits": 1},
    {"window_bits": 128, "token_bits": 16, "reset_every": 0},
    {"window_bits": 16, "token_bits": 16, "variant": "padded"},
    {"window_bits": 40, "token_bits": 8, "variant": "padded", "reset_every": 3},
    {"window_bits": 16, "token_bits": 16, "variant": "delay"},
    {"window_bits": 128, "token_bits": 16, "variant": "delay", "reset_every": 0},
]
ARITHMETIC: list[dict[str, Any]] = [
    {"token_bits": 16}, {"token_bits": 8, "precision": 12}, {"token_bits": 1, "precision": 16},
]  # fmt: skip


def main() -> None:
    """Encode one text with every coder and write the results."""
    data = TEXT.encode()
    previous = np.array([-1, *data[:-1]], np.int64)
    rows = golden_rows(previous)
    model, static = golden_model(), StaticModel.fit(data)
    golden = {
        "text": TEXT,
        "frequencies": {str(p): frequencies(rows[:3], p).tolist() for p in (12, 16, 24)},
        "range_coder": {str(p): range_coder.encode(rows, data, p).hex() for p in (12, 16, 24)},
        "windows": [
            {"options": o, "tokens": WindowCodec(model, **o).encode(data).tolist()} for o in WINDOWS
        ],
        "arithmetic": [
            {"options": o, "tokens": ArithmeticCodec(model, **o).encode(data).tolist()}
            for o in ARITHMETIC
        ],
        "static": {
            "fingerprint": static.fingerprint,
            "arithmetic": ArithmeticCodec(static).encode(data).tolist(),
            "windows": WindowCodec(static, 32).encode(data).tolist(),
        },
    }
    target = ROOT / "tests" / "golden" / "v1" / "coders.json"
    target.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
