"""Write tests/golden/v*/codebook.safetensors and codebook.json, which fix what a version means.

    python scripts/make_golden_codebook.py VERSION

Run once per version, by hand; tests only read these files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook import Codebook

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden"
GOLDEN = FOLDER / "v1"

# Lewis Carroll, Alice's Adventures in Wonderland, 1865.
TEXT = (
    "The Caterpillar and Alice looked at each other for some time in silence: at last the "
    "Caterpillar took the hookah out of its mouth, and addressed her in a languid, sleepy voice. "
    "\u201cWho are you?\u201d said the Caterpillar. This was not an encouraging opening for a "
    "conversation. Alice replied, rather shyly, \u201cI\u2014I hardly know, sir, just at "
    "present\u2014at least I know who I was when I got up this morning, but I think I must have "
    "been changed several times since then.\u201d"
)
ENCODED = ["", "a", "Alice said who she was.", "the the the", "\u201cna\u00efve\u201d \U0001f40d"]
PRECISION = 12


class Fixed:
    """A model that predicts the same frequencies after every context."""

    vocab_size = 256
    fingerprint = "golden"

    def __init__(self, frequencies: list[int]) -> None:
        """Keep the frequencies."""
        self.row = np.array(frequencies, np.uint32)

    def start(self, batch: int) -> None:
        """Return no state."""

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None:
        """Do nothing."""

    def step(
        self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        """Return the row for every lane."""
        return np.tile(self.row, (len(lanes), 1))


def letter_frequencies() -> list[int]:
    """Return frequencies of at least 1 that sum to 2^12, by the counts of the text's bytes."""
    counts = np.bincount(np.frombuffer(TEXT.encode(), np.uint8), minlength=256)
    frequencies = 1 + counts * (2**PRECISION - 256) // counts.sum()
    frequencies[ord(" ")] += 2**PRECISION - frequencies.sum()
    return [int(frequency) for frequency in frequencies]


def version_2() -> None:
    """Write a word-aligned codebook, in which not every prefix has an id."""
    parses("v2", TEXT, {"window_bits": 10, "align": "word", "max_length": 20})


def version_3() -> None:
    """Write a codebook with phrases."""
    phrases = {"phrase_share": 0.1, "phrase_words": 3}
    # Twice, because a phrase occurs at least twice.
    parses("v3", TEXT * 2, {"window_bits": 10, "align": "phrase", "max_length": 20, **phrases})


def parses(version: str, corpus: str, parameters: dict[str, Any]) -> None:
    """Write a codebook, its strings, and parses of some texts."""
    folder = FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    codebook = Codebook.fit(corpus, **parameters)
    codebook.save(folder / "codebook.safetensors")
    golden = {
        "fit": {"text": corpus, **parameters},
        "fingerprint": codebook.fingerprint,
        "strings": [codebook[i].hex() for i in range(len(codebook))],
        "ids": [
            {
                "text": text,
                "greedy": codebook.encode(text).tolist(),
                "shortest": codebook.encode(text, parse="shortest").tolist(),
            }
            for text in [*ENCODED, TEXT]
        ],
    }
    (folder / "codebook.json").write_text(json.dumps(golden, indent=1) + "\n")


def version_1() -> None:
    """Write codebooks of every kind that is closed under prefixes."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    fitted = Codebook.fit(TEXT, 12, max_length=20, rounds=2, prefixes=True)
    fitted.save(GOLDEN / "codebook.safetensors")
    model = Fixed(letter_frequencies())
    enumerated = Codebook.from_model(model, 12, precision=PRECISION)
    optimal = Codebook.optimal(model, 12, precision=PRECISION)
    golden = {
        "fit": {"text": TEXT, "window_bits": 12, "max_length": 20, "rounds": 2},
        "fingerprints": {
            "fit": fitted.fingerprint,
            "from_model": enumerated.fingerprint,
            "optimal": optimal.fingerprint,
        },
        "precision": PRECISION,
        "frequencies": letter_frequencies(),
        "ids": [
            {
                "text": text,
                "fit": fitted.encode(text).tolist(),
                "from_model": enumerated.encode(text).tolist(),
                "optimal": optimal.encode(text).tolist(),
            }
            for text in ENCODED
        ],
    }
    (GOLDEN / "codebook.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    {"1": version_1, "2": version_2, "3": version_3}[sys.argv[1]]()
