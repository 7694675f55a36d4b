"""Training of an M2: one pass or more over rows, with checkpoints, in one process or many."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from eqinfo.common.files import atomic_output
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import IGNORED, RowSource
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.train import processes

WARM_UP, DECAY = 0.02, 0.25
"""Parts of the training in which the learning rate rises, and falls to a tenth of its height."""
_MEASURED_AT_ONCE = 16


@dataclass(frozen=True)
class Settings:
    """What decides a training run, beside its rows.

    Attributes:
        size: a name of `m2_sizes.SIZES`.
        batch: rows in a step, of all processes together.
        steps: of the optimiser; 0: as many as one pass takes.
        learning_rate: of AdamW, at its height.
        seed: of the first weights and of the order of rows.
        points: parts of the training after which `train` reports; ascending, ending with 1.
    """

    size: str = "cpu"
    batch: int = 16
    steps: int = 0
    learning_rate: float = 2e-3
    seed: int = 0
    points: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.size not in SIZES:
            raise ValueError(f"expected a size among {', '.join(SIZES)}, found {self.size!r}")
        if self.batch < 1 or self.steps < 0 or self.learning_rate <= 0 or self.seed < 0:
            raise ValueError(f"expected a batch, steps, rate and seed that can be, found {self}")


Point = Callable[[Transformer, int], Any]
"""Called with the model and the steps done, at every one of the settings' points; what it returns
is kept in the checkpoint, so it must be made of plain numbers, strings, lists and dictionaries.
"""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trained:
    """A model at the end of its training, and what was returned at every point."""

    model: Transformer
    points: list[Any]


def train(
    rows: RowSource,
    vocab_size: int,
    settings: Settings,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    point: Point = lambda *_: None,
    progress: Progress = lambda *_: None,
) -> Trained:
    """Train a fresh model, or go on at the checkpoint that an earlier call left.

    Args:
        rows: what is learnt.
        vocab_size: of their ids.
        settings: see `Settings`.
        device: of PyTorch.
        checkpoint: written at every point, and read if it is there.
        point: see `Point`; not called again for the points before a checkpoint.
        progress: called with steps done and steps in all.

    Raises:
        ValueError: too few rows for a step, or a checkpoint of other settings.
    """
    steps = settings.steps or len(rows) // settings.batch
    if steps == 0:
        raise ValueError(f"expected {settings.batch} rows or more, found {len(rows)}")
    if settings.batch % processes.count():
        raise ValueError(f"expected a batch of a multiple of {processes.count()} rows")
    torch.manual_seed(settings.seed)
    model: Transformer = Transformer(vocab_size, rows.context, SIZES[settings.size])
    model.to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    key = {**asdict(settings), "vocab_size": vocab_size, "context": rows.context, "steps": steps}
    done, points = _resume(checkpoint, key, model, optimizer, device)
    due = sorted({max(1, round(part * steps)) for part in settings.points})
    for step in range(done, steps):
        numbers = batch_numbers(len(rows), settings, step)[processes.rank() :: processes.count()]
        inputs, targets = (torch.from_numpy(part).to(device) for part in rows.rows(numbers))
        with torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=device != "cpu"):
            logits = model(inputs)
        loss = functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED
        )
        optimizer.zero_grad()
        loss.backward()
        processes.average_gradients(model.parameters())
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate(step / steps)
        optimizer.step()
        progress(step + 1, steps)
        if step + 1 in due and processes.rank() == 0:
            points.append(point(model, step + 1))
            _save(checkpoint, key, model, optimizer, step + 1, points)
    return Trained(model, points)


def batch_numbers(rows: int, settings: Settings, step: int) -> NDArray[np.int64]:
    """Return the numbers of the rows of a step; each pass over all rows has its own order."""
    per_pass = max(1, rows // settings.batch)
    order = _order(rows, settings.seed, step // per_pass)
    begin = step % per_pass * settings.batch
    return order[np.arange(begin, begin + settings.batch) % rows]


@lru_cache(maxsize=1)
def _order(rows: int, seed: int, number: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, number]).permutation(rows)


def rate(progress: float) -> float:
    """Return the part of the full learning rate: up, level, down."""
    return min(1.0, (progress + 0.001) / WARM_UP, 1 - 0.9 * (progress - 1 + DECAY) / DECAY)


def losses(
    model: Transformer, rows: RowSource, device: str = "cpu"
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return nats and whether the guess was right, of all that is to be predicted, row by row."""
    nats, right = [], []
    for begin in range(0, len(rows), _MEASURED_AT_ONCE):
        numbers = np.arange(begin, min(begin + _MEASURED_AT_ONCE, len(rows)))
        inputs, targets = (torch.from_numpy(part).to(device) for part in rows.rows(numbers))
        wanted = targets != IGNORED
        with torch.no_grad():
            logits = model(inputs)[wanted].float()
        nats.append(functional.cross_entropy(logits, targets[wanted], reduction="none"))
        right.append(logits.argmax(-1) == targets[wanted])
    return torch.cat(nats).double().cpu().numpy(), torch.cat(right).cpu().numpy()


def _save(
    path: Path | None,
    key: dict[str, Any],
    model: nn.Module,
    optimizer: Any,
    step: int,
    points: list[Any],
) -> None:
    if path is not None:
        content = {"key": key, "step": step, "points": points, "model": model.state_dict()}
        with atomic_output(path) as file:
            torch.save({**content, "optimizer": optimizer.state_dict()}, file)


def _resume(
    path: Path | None, key: dict[str, Any], model: nn.Module, optimizer: Any, device: str
) -> tuple[int, list[Any]]:
    if path is None or not os.path.exists(path):
        return 0, []
    content = torch.load(path, map_location=device, weights_only=True)
    if content["key"] != key:
        raise ValueError(f"{path}: expected a checkpoint of {key}, found one of {content['key']}")
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    return content["step"], content["points"]
