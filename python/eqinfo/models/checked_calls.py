"""Calls of a user's model: whatever goes wrong in one is raised as `ModelError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import EqInfoError, ModelError
from eqinfo.frequency import prediction_rows
from eqinfo.models.protocol import Model


@contextmanager
def calling_model() -> Iterator[None]:
    """Turn an exception of the model into ModelError, with the original as its cause.

    MemoryError stays what it is: it says nothing about the model.
    """
    try:
        yield
    except (EqInfoError, MemoryError):
        raise
    except Exception as error:
        raise ModelError(f"the model raised {type(error).__name__}: {error}") from error


def predict(
    model: Model, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
) -> NDArray[Any]:
    """Call `Model.step` and check its answer.

    Raises:
        ModelError: the model raised an exception, or its answer has a shape, dtype or device that
            `Model.step` does not allow.
    """
    with calling_model():
        rows = model.step(state, symbols, lanes)
    return prediction_rows(rows, len(lanes), model.vocab_size)
