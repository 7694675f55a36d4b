"""Training of an M2 on token sequences, with checkpoints, in one or several processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from eqinfo.common.files import require_folder
from eqinfo.common.floats import as_float, keep_floats
from eqinfo.common.integers import check_bits, keep_integers
from eqinfo.common.progress import Progress
from eqinfo.embedding.loss import IGNORED, chunk_length
from eqinfo.embedding.text_features import Strings
from eqinfo.experiment.m2.checkpoints import resume_m2, save_m2
from eqinfo.experiment.m2.devices import require_device
from eqinfo.experiment.m2.network import MakeEmbedding, Transformer
from eqinfo.experiment.m2.sequences import TokenSequences
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.updates import Updates, make_optimizer
from eqinfo.train import processes

__all__ = ["CHECKPOINT_SECONDS", "M2Settings", "Trained", "losses", "train"]

WARM_UP, DECAY = 0.02, 0.25
"""Fractions of the training during which the learning rate rises, and falls to a tenth."""
PAPER_WARM_UP = 1000
"""Steps before the rate of the paper's sizes falls with the square root of the steps."""
CHECKPOINT_SECONDS = 120.0
"""Wall time between checkpoints."""
_MEASURED_AT_ONCE = 16


@dataclass(frozen=True)
class M2Settings:
    """Everything but the token sequences that determines a training run.

    Attributes:
        size: a name in `sizes.SIZES`.
        batch: sequences per step, over all processes.
        steps: of the optimiser; 0 means one pass over the sequences.
        learning_rate: peak learning rate of AdamW; of Adafactor for sizes of the paper.
        seed: of the initial weights and of the order of sequences.
        points: fractions of the training after which `train` measures; ascending, ending with 1.

    Raises:
        TypeError: a value is not a number, or not an integer where it should be.
        ValueError: a value out of range.
    """

    size: str = "cpu"
    batch: int = 16
    steps: int = 0
    learning_rate: float = 2e-3
    seed: int = 0
    points: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        keep_integers(self, "batch", "steps", "seed")
        keep_floats(self, "learning_rate")
        points = tuple(as_float("points", point) for point in self.points)
        object.__setattr__(self, "points", points)
        if self.size not in SIZES:
            raise ValueError(f"expected a size among {', '.join(SIZES)}, found {self.size!r}")
        finite = 0 < self.learning_rate < math.inf  # NaN is not, either
        if self.batch < 1 or self.steps < 0 or not finite:
            raise ValueError(
                "expected batch >= 1, steps >= 0 and learning_rate > 0, found batch "
                f"{self.batch}, steps {self.steps}, learning_rate {self.learning_rate}"
            )
        check_bits(63, seed=self.seed)
        ascending = all(before < point for before, point in pairwise((0, *self.points)))
        if not (ascending and self.points and self.points[-1] == 1):
            raise ValueError(
                "expected points that ascend from above 0 to 1, where the training ends, found "
                f"{self.points}"
            )


Measure: TypeAlias = Callable[[Transformer, int], Any]
"""Called as ``measure(model, steps done)`` at every point of `M2Settings.points`. The result is
kept in the checkpoint, so it must consist of plain numbers, strings, lists and dictionaries.
"""


@dataclass(frozen=True)
class Trained:
    """A model at the end of its training, and what `Measure` returned at every point."""

    model: Transformer
    points: list[Any]


def train(
    sequences: TokenSequences,
    vocab_size: int,
    settings: M2Settings,
    *,
    strings: Strings | None = None,
    make_embedding: MakeEmbedding = nn.Embedding,
    tokens: Mapping[str, Any] | None = None,
    device: str = "cpu",
    micro_batch: int = 0,
    compile_backend: str | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    measure: Measure = lambda *_: None,
    progress: Progress = lambda *_: None,
) -> Trained:
    """Train a new model, or resume from the checkpoint of an earlier call.

    On a CPU, a run that was killed and resumed gives the model of one that was not, bit for bit. On
    other devices matrix products are in bfloat16, and weights and sums in float32.

    Args:
        sequences: to learn.
        vocab_size: number of different ids.
        settings: see `M2Settings`.
        strings: the texts of the first ids, for an embedding that knows them; see `Transformer`.
        make_embedding: as for `Transformer`. If what it makes has a ``fingerprint``, checkpoints
            of another are refused.
        tokens: what the tokens are of, with a "name" and a "fingerprint"; kept in the checkpoint.
        device: PyTorch's name of it.
        micro_batch: sequences per forward and backward pass of a process, for steps whose
            activations do not fit into memory; 0 means the whole step. Changes rounding only.
        compile_backend: of `torch.compile` for M2's blocks, such as "inductor"; None: not compiled.
        checkpoint: a file, written at every point and in between; read first if it exists. It
            knows a checksum of the sequences, for which they are read once at the beginning.
        checkpoint_seconds: wall time after which it is written again.
        measure: see `Measure`; not called again for points before the checkpoint.
        progress: called after every step with the steps done and their total.

    Raises:
        ValueError: too few sequences for a step, a batch that the processes cannot share equally,
            or a checkpoint of other settings or other sequences.
        UnsupportedError: PyTorch finds no such device.
        FileNotFoundError: the folder of the checkpoint does not exist.
        ModelMismatchError: a checkpoint of an M2 that was trained on tokens of another method.
        FormatError, ChecksumError, UnsupportedError: as `read_checkpoint`.
    """
    require_device(device)
    if checkpoint is not None:
        require_folder(checkpoint)
    steps = settings.steps or len(sequences) // settings.batch
    if steps == 0:
        raise ValueError(
            f"expected at least {settings.batch} sequences, one batch, found {len(sequences)}; "
            "give more text, or a smaller batch or context"
        )
    if settings.batch % processes.count():
        raise ValueError(
            f"expected a batch that is a multiple of the {processes.count()} processes, found "
            f"{settings.batch} sequences"
        )
    if micro_batch < 0:
        raise ValueError(f"expected a micro-batch of 0 or more sequences, found {micro_batch}")
    if not 0 <= checkpoint_seconds < math.inf:
        raise ValueError(f"expected 0 or more seconds per checkpoint, found {checkpoint_seconds}")
    torch.manual_seed(settings.seed)
    model: Transformer = Transformer(
        vocab_size, sequences.context, SIZES[settings.size], strings, make_embedding
    )
    model.to(device)
    size = SIZES[settings.size]
    optimizer = make_optimizer(model, settings.learning_rate, device)
    key = {
        **asdict(settings),
        "vocab_size": vocab_size,
        "context": sequences.context,
        "steps": steps,
    }
    if size.paper:
        key["network"] = "paper"  # earlier ones of these names were others
    fingerprint = getattr(model.embedding, "fingerprint", None)
    if fingerprint is not None:
        key["embedding"] = fingerprint
    done, points = 0, list[Any]()
    if checkpoint is not None:
        key["sequences"] = [len(sequences), sequences.digest()]
    if checkpoint is not None and checkpoint.exists():
        done, points = resume_m2(checkpoint, key, tokens, model, optimizer, device)
    if compile_backend is not None:
        for block in model.blocks:
            block.compile(backend=compile_backend)
    updates = Updates(model, optimizer, device, micro_batch)
    saved = time.monotonic()
    due = sorted({max(1, round(part * steps)) for part in settings.points})
    for step in range(done, steps):
        numbers = batch_numbers(len(sequences), settings, step)[
            processes.rank() :: processes.count()
        ]
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * (
                paper_rate(step) if size.paper else rate(step / steps)
            )
        updates.step(sequences.batch(numbers))
        progress(step + 1, steps)
        if processes.rank() != 0:
            continue
        if step + 1 in due:
            points.append(measure(model, step + 1))
        elif time.monotonic() - saved < checkpoint_seconds:
            continue
        if checkpoint is not None:
            save_m2(checkpoint, key, tokens, model, optimizer, step + 1, points)
        saved = time.monotonic()
    return Trained(model, points)


def batch_numbers(sequences: int, settings: M2Settings, step: int) -> NDArray[np.int64]:
    """Return the numbers of the sequences of a step; every pass over all has its own order."""
    per_pass = max(1, sequences // settings.batch)
    order = _order(sequences, settings.seed, step // per_pass)
    begin = step % per_pass * settings.batch
    return order[np.arange(begin, begin + settings.batch) % sequences]


@lru_cache(maxsize=1)
def _order(sequences: int, seed: int, number: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, number]).permutation(sequences)


def rate(done: float) -> float:
    """Return the learning rate relative to its peak, after a fraction of the training."""
    return min(1.0, (done + 0.001) / WARM_UP, 1 - 0.9 * (done - 1 + DECAY) / DECAY)


def paper_rate(step: int) -> float:
    """Return the paper's learning rate relative to its peak, before a step."""
    return math.sqrt(PAPER_WARM_UP / max(step, PAPER_WARM_UP))


def losses(
    model: Transformer, sequences: TokenSequences, device: str = "cpu"
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the loss of every predicted token in nats, and whether its guess was right.

    Both have shape (n,), in the order of the sequences.
    """
    nats, right = [], []
    with torch.no_grad():
        weight = model.embedding.weight
    for begin in range(0, len(sequences), _MEASURED_AT_ONCE):
        numbers = np.arange(begin, min(begin + _MEASURED_AT_ONCE, len(sequences)))
        inputs, targets = (torch.from_numpy(part).to(device) for part in sequences.batch(numbers))
        predicted = targets != IGNORED
        with torch.no_grad():
            hidden = model.hidden(inputs)[predicted]
            step = chunk_length(len(weight), weight.device)
            for part, wanted in zip(
                hidden.split(step), targets[predicted].split(step), strict=True
            ):
                logits = functional.linear(part, weight).float()
                nats.append(functional.cross_entropy(logits, wanted, reduction="none"))
                right.append(logits.argmax(-1) == wanted)
    return torch.cat(nats).double().cpu().numpy(), torch.cat(right).cpu().numpy()
