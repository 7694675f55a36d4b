"""Numeric fingerprint: a hash of the integer frequencies that a model gives for fixed contexts."""

from __future__ import annotations

import hashlib

import numpy as np

import eqinfo._core as _core
from eqinfo.errors import ModelMismatchError
from eqinfo.frequency import min_precision
from eqinfo.models.check import check_model
from eqinfo.models.checked_calls import calling_model, predict
from eqinfo.models.protocol import FRESH, Model

PROBE_LENGTH = 8
PROBE_LANES = 4
_PRECISION = 16


def numeric_fingerprint(model: Model) -> str:
    """Hash a model's frequencies for `PROBE_LANES` fixed contexts, at lengths 0 to `PROBE_LENGTH`.

    Two models with the same fingerprint agree, in these contexts, in every bit that the coders see.
    If a model gives other frequencies in them on another machine, with another batch size, or with
    another version of a library, its fingerprint is another one there. Differences that occur only
    in other contexts are not noticed.

    Raises:
        ModelError: the model's predictions cannot be used.
        TypeError: not a model.
    """
    check_model(model)
    precision = max(_PRECISION, min_precision(model.vocab_size))
    lanes = np.arange(PROBE_LANES, dtype=np.int64)
    with calling_model():
        state = model.start(PROBE_LANES)
    symbols = np.full(PROBE_LANES, FRESH, np.int32)
    digest = hashlib.blake2b(digest_size=16)
    for position in range(PROBE_LENGTH + 1):
        rows = predict(model, state, symbols, lanes)
        if rows.dtype == np.float32:
            rows = _core.frequencies(rows, precision)
        digest.update(rows.astype("<u4").tobytes())
        # Any symbols will do; of an alphabet of bytes, most of these are letters.
        symbols = ((101 + 7 * position + 13 * lanes) % model.vocab_size).astype(np.int32)
    return digest.hexdigest()


def check_numeric_fingerprint(model: Model, expected: str) -> None:
    """Check that a model has the `numeric_fingerprint` that was stored beside its tokens.

    Raises:
        ModelError: the model's predictions cannot be used.
        ModelMismatchError: the model has another fingerprint.
    """
    found = numeric_fingerprint(model)
    if found != expected:
        raise ModelMismatchError(
            f"expected a model with the numeric fingerprint {expected}, found {found}: the weights "
            "are different, or the model gives different numbers on this machine; decode with the "
            "weights, settings and machine that encoded"
        )
