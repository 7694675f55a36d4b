"""Native models with random weights, small enough for the reference."""

from __future__ import annotations

from functools import cache

import numpy as np

import eqinfo._core as _core
from eqinfo.models import NativeModel

STATE = 16
UNITS = 32


@cache
def random_native_model(seed: int = 0, scale: int = 60) -> NativeModel:
    """Return a model whose answers depend on every feature."""
    rng = np.random.default_rng(seed)
    inputs = 16 * len(_core.feature_rows())
    tensors = {
        f"rows.{k}": rng.integers(0, 256, (rows, 8), np.uint8)
        for k, rows in enumerate(_core.feature_rows())
    }
    shapes = {"recurrent": (2 * STATE, inputs), "hidden": (UNITS, inputs + STATE)}
    for name, shape in (shapes | {"output": (258, UNITS)}).items():
        tensors |= {
            f"{name}.weight": rng.integers(-scale, scale + 1, shape, np.int8),
            f"{name}.bias": rng.integers(-3000, 3001, shape[0], np.int32),
            f"{name}.shift": rng.integers(4, 12, shape[0], np.uint8),
        }
    return NativeModel(tensors, {"name": f"random {seed}"})
