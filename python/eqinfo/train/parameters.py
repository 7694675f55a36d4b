"""Settings of a training run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eqinfo.common.floats import keep_floats
from eqinfo.common.integers import check_bits, keep_integers


@dataclass(frozen=True)
class Duration:
    """Settings of every run: how long it trains, and how often it saves.

    Attributes:
        steps: number of optimiser steps; 0 to train for ``seconds`` instead.
        seconds: training time; 0 to train for ``steps`` instead.
        seed: decides the initial weights and where lanes begin in the text.
        interval: steps between checkpoints, and between points of the learning curve.

    Raises:
        TypeError: a value is not a number, or not an integer where it should be.
        ValueError: a value is out of range; the message names it.
    """

    steps: int = 0
    seconds: float = 0.0
    seed: int = 0
    interval: int = 500

    def __post_init__(self) -> None:
        """Check the ranges."""
        keep_integers(self, "steps", "seed", "interval")
        keep_floats(self, "seconds")
        if not 0 <= self.seconds < math.inf:  # nor is NaN
            raise ValueError(f"expected seconds of 0 or more, and finite, found {self.seconds}")
        if (self.steps > 0) == (self.seconds > 0):
            raise ValueError(
                "expected either steps or seconds above 0, "
                f"found steps = {self.steps}, seconds = {self.seconds}"
            )
        self._check(interval=1)
        check_bits(63, seed=self.seed)

    def _check(self, **least: int) -> None:
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"expected {name} of {value} or more, found {getattr(self, name)}")

    def _check_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"expected {name} above 0, and finite, found {value}")


@dataclass(frozen=True)
class TrainParameters(Duration):
    """Settings of a training run of the native model.

    Attributes:
        state: number of gated averages, a multiple of 16 up to 1024.
        units: size of the hidden layer, a multiple of 16 up to 2048.
        streams: lanes per batch that read on from where the last step ended.
        fresh: lanes per batch that begin without context, as windows do.
        length: bytes that each lane reads per step.
        rate: learning rate of the layers (Adam).
        row_rate: learning rate of the embedding tables (Adagrad).
        decay: the last part of the run, above 0 and up to 1, over which both rates fall to 0;
            before it they stay as they are.

    Raises:
        TypeError: a value is not a number, or not an integer where it should be.
        ValueError: a value is out of range; the message names it.
    """

    state: int = 192
    units: int = 256
    streams: int = 64
    fresh: int = 32
    length: int = 128
    rate: float = 6e-3
    row_rate: float = 0.2
    decay: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        keep_integers(self, "state", "units", "streams", "fresh", "length")
        keep_floats(self, "rate", "row_rate", "decay")
        for name, most in (("state", 1024), ("units", 2048)):
            value = getattr(self, name)
            if not 16 <= value <= most or value % 16:
                raise ValueError(
                    f"expected {name} to be a multiple of 16 up to {most}, found {value}"
                )
        self._check(streams=1, fresh=0, length=1)
        self._check_positive("rate", "row_rate", "decay")
        if self.decay > 1:
            raise ValueError(f"expected decay of 1 or less, found {self.decay}")
