"""One training of one M2 in the study of learnability.py, and the name of its result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import M2Settings

RULE = 1
"""Of a run; increased whenever the same run would give another result."""
SETTINGS = M2Settings("cpu", batch=8, learning_rate=3e-3, points=(0.12, 0.25, 0.62, 1.0))
LATER_CHOICES = {
    "learning_rate": SETTINGS.learning_rate,
    "batch": SETTINGS.batch,
    "device": "cpu",
}
"""What all runs did before there was a choice."""


@dataclass(frozen=True)
class Run:
    """One training of one M2.

    Attributes:
        data: fingerprint of all text.
        table: a name in `MAKERS`, or "NAME.safetensors" of a codebook.
        fingerprint: of that codebook; of tables that are made, that of the data and `table_bytes`
            are enough.
        bits: log2 of the number of ids.
        embedding: a name in `EMBEDDINGS`.
        size: of M2.
        learning_rate: peak learning rate of M2.
        batch: contexts per step.
        device: PyTorch's name of it.
    """

    data: str
    table: str
    fingerprint: str
    table_bytes: int
    bits: int
    embedding: str
    size: str
    train_bytes: int
    seed: int
    rule: int = RULE
    learning_rate: float = SETTINGS.learning_rate
    batch: int = SETTINGS.batch
    device: str = "cpu"

    @property
    def name(self) -> str:
        """Of the files: readable, and different for different runs.

        Later choices are in it only where they differ from what was done before there was one.
        """
        fields = asdict(self)
        parts = [self.table, self.bits, self.embedding, self.size, self.train_bytes, self.seed]
        for name, default in LATER_CHOICES.items():
            if fields[name] == default:
                del fields[name]
            else:
                parts.append(f"{name.removeprefix('learning_')}{fields[name]}")
        key = json.dumps(fields, sort_keys=True)
        digest = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
        return "-".join([*map(str, parts), digest])

    @property
    def cost(self) -> int:
        """Orders runs: bytes of text times weights of M2.

        Bytes have the fewest ids but the most tokens, so they count as 4,096 ids.
        """
        size = SIZES[self.size]
        return self.train_bytes * (size.parameters + (size.width << max(self.bits, 12)))
