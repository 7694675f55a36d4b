"""Numeric fingerprints: hashes of the frequencies that a model gives for fixed contexts."""

from __future__ import annotations

import hashlib

import numpy as np

import eqinfo._core as _core
from eqinfo.errors import ModelMismatchError
from eqinfo.frequency import min_precision
from eqinfo.models.calls import calling_model, predict
from eqinfo.models.protocol import FRESH, Model

PROBE_LENGTH = 8
PROBE_LANES = 4
_PRECISION = 16


def numeric_fingerprint(model: Model) -> str:
    """Return a hash of the frequencies after `PROBE_LANES` fixed contexts of 0 to `PROBE_LENGTH`.

    Models with the same fingerprint give the coder the same frequencies in these contexts, bit for
    bit. A model that gives different numbers on another machine, batch size or version of a library
    has another fingerprint if they differ in these contexts.

    Returns:
        32 hexadecimal digits.

    Raises:
        ModelError: the model's predictions cannot be used.
    """
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
        # Any symbols serve; these are letters if the alphabet is bytes.
        symbols = ((101 + 7 * position + 13 * lanes) % model.vocab_size).astype(np.int32)
    return digest.hexdigest()


def check_numeric_fingerprint(model: Model, expected: str) -> None:
    """Compare a model with a `numeric_fingerprint` that was stored together with tokens.

    Raises:
        ModelError: the model's predictions cannot be used.
        ModelMismatchError: the model has another fingerprint.
    """
    found = numeric_fingerprint(model)
    if found != expected:
        raise ModelMismatchError(
            f"expected a model with the numeric fingerprint {expected}, found {found}: "
            "these are other weights, or they give different numbers on this machine"
        )
