"""Numeric fingerprint: what a model answers for fixed contexts, down to the integer frequencies."""

from __future__ import annotations

import hashlib

import numpy as np

from eqinfo import _core
from eqinfo.frequency import min_precision, prediction_rows
from eqinfo.models.protocol import FRESH, Model

PROBE_LENGTH = 8
PROBE_LANES = 4
_PRECISION = 16


def numeric_fingerprint(model: Model) -> str:
    """Hash the frequencies of `PROBE_LANES` fixed contexts at lengths 0 to `PROBE_LENGTH`.

    Two models with the same fingerprint agree in every bit that the coders see there. A model that
    answers with other frequencies on another machine, batch size or library has another one.
    """
    precision = max(_PRECISION, min_precision(model.vocab_size))
    lanes = np.arange(PROBE_LANES, dtype=np.int64)
    state = model.start(PROBE_LANES)
    symbols = np.full(PROBE_LANES, FRESH, np.int32)
    digest = hashlib.blake2b(digest_size=16)
    for position in range(PROBE_LENGTH + 1):
        rows = prediction_rows(model.step(state, symbols, lanes), PROBE_LANES, model.vocab_size)
        if rows.dtype == np.float32:
            rows = _core.frequencies(rows, precision)
        digest.update(rows.astype("<u4").tobytes())
        # Letters where the alphabet is bytes; any symbols will do.
        symbols = ((101 + 7 * position + 13 * lanes) % model.vocab_size).astype(np.int32)
    return digest.hexdigest()
