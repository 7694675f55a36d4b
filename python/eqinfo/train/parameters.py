"""What decides a training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Duration:
    """How long a run is, and what every run has.

    Attributes:
        steps: of the optimisers; 0: as many as ``seconds`` hold.
        seconds: how long to train, instead of ``steps``.
        seed: of the first weights and of where lanes begin.
        interval: steps from one checkpoint, and one point of the learning curve, to the next.

    Raises:
        ValueError: out of range; says which.
    """

    steps: int = 0
    seconds: float = 0.0
    seed: int = 0
    interval: int = 500

    def __post_init__(self) -> None:
        """Check the ranges."""
        if (self.steps > 0) == (self.seconds > 0):
            raise ValueError(
                f"expected steps or seconds, found {self.steps} steps, {self.seconds} seconds"
            )
        self._check(seed=0, interval=1)

    def _check(self, **least: int) -> None:
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"expected {name} of {value} or more, found {getattr(self, name)}")

    def _check_positive(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) <= 0:
                raise ValueError(f"expected {name} above 0, found {getattr(self, name)}")


@dataclass(frozen=True)
class Parameters(Duration):
    """What decides a training run of the native model, beside its text.

    Attributes:
        state: gated averages, a multiple of 16.
        units: of the hidden layer, a multiple of 16.
        streams: lanes of a batch that read on where they were.
        fresh: lanes of a batch that begin without context, as windows do.
        length: bytes that every lane reads in a step.
        rate: learning rate of the layers (Adam).
        row_rate: learning rate of the rows (Adagrad).

    Raises:
        ValueError: out of range; says which.
    """

    state: int = 192
    units: int = 256
    streams: int = 64
    fresh: int = 32
    length: int = 128
    rate: float = 6e-3
    row_rate: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        for name, most in (("state", 1024), ("units", 2048)):
            value = getattr(self, name)
            if not 16 <= value <= most or value % 16:
                raise ValueError(
                    f"expected {name} to be a multiple of 16, up to {most}, found {value}"
                )
        self._check(streams=1, fresh=0, length=1)
        self._check_positive("rate", "row_rate")
