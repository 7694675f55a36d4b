"""The paper's windows as its encoder makes them, whether or not its decoder can read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from eqinfo import frequency
from eqinfo.experiment.analyses.paper_endings import Ending, coded_windows, read_window
from eqinfo.experiment.tokenizations.base import Texts, text_bytes
from eqinfo.models.information import symbol_information
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import Model
from eqinfo.range_coder import as_symbols
from eqinfo.window.padded import encode_padded
from eqinfo.window.parameters import WindowParameters
from eqinfo.window.steps import window_precision

__all__ = ["NeverReset", "PaperWindows", "never_reset", "paper_windows"]

FEWEST: Literal["fewest"] = "fewest"
PAPER_PRECISION = 14


@dataclass(frozen=True)
class PaperWindows:
    """Results of the paper's encoder (section 3.3) and decoder (appendix D.5).

    Attributes:
        window_bits: bits per window.
        bytes_per_16_bits: bytes of text per 16 bits of windows.
        misread: share of windows that decode to a different text, 0 to 1.
        ending: how the bits of a window end; see `paper_windows`.
    """

    window_bits: int
    bytes_per_16_bits: float
    misread: float
    ending: str = FEWEST


def paper_windows(
    model: Model, window_bits: int, texts: Texts, ending: Ending | Literal["fewest"] = FEWEST
) -> PaperWindows:
    """Encode texts, one per lane, with a reset at every window; count windows that are misread.

    Args:
        model: M1, over bytes.
        window_bits: bits per window.
        texts: documents.
        ending: of the paper's coder, which its text leaves open. "fewest" ends as padded windows
            do (docs/pipeline.md). The others, see `paper_endings.Ending`, have the paper's
            frequencies of 14 bits, and are slow, in plain Python.
    """
    if isinstance(model, NativeModel):
        model = model.without_history()
    if ending != FEWEST:
        return _with_ending(model, window_bits, texts, ending)
    parameters = WindowParameters(
        window_bits, window_precision(window_bits, model.vocab_size), "padded", reset_every=1
    )
    documents = [as_symbols(text.encode()) for text in texts]
    encoded = encode_padded(model, documents, parameters, len(documents), checked=False)
    windows = sum(map(len, encoded))
    misread = sum(int(document.misread.sum()) for document in encoded)
    return _result(window_bits, texts, windows, misread, FEWEST)


def _result(
    window_bits: int, texts: Texts, windows: int, misread: int, ending: str
) -> PaperWindows:
    per_16_bits = text_bytes(texts) / (windows * window_bits) * 16
    return PaperWindows(window_bits, per_16_bits, misread / max(1, windows), ending)


def _with_ending(model: Model, window_bits: int, texts: Texts, ending: Ending) -> PaperWindows:
    windows, misread = 0, 0

    @lru_cache(maxsize=1 << 14)
    def frequencies_after(context: bytes) -> tuple[int, ...]:
        contexts, lane = ModelLanes(model, 1, PAPER_PRECISION), np.zeros(1, np.int64)
        for byte in context:
            contexts.predict(lane)
            contexts.previous[:] = byte
        row = contexts.predict(lane)
        if row.dtype == np.float32:
            row = frequency.frequencies(row, PAPER_PRECISION)
        return tuple(row[0].tolist())

    def predict(context: Sequence[int]) -> tuple[int, ...]:
        return frequencies_after(bytes(context))

    for text in texts:
        for coded, codeword in coded_windows(
            text.encode(), predict, window_bits, PAPER_PRECISION, ending
        ):
            windows += 1
            misread += coded != read_window(codeword, predict, window_bits, PAPER_PRECISION, ending)
    return _result(window_bits, texts, windows, misread, ending)


@dataclass(frozen=True)
class NeverReset:
    """What windows of whole bytes lose if M1 is never reset (table 12, "never").

    Attributes:
        information: mean bits of a byte.
        predicted: bits that a window loses on average by the renewal argument of docs/pipeline.md,
            E[I^2] / 2 E[I] for bytes of I bits. At least half of ``information``.
        simulated: the same when the text is cut into windows in its order.
    """

    information: float
    predicted: float
    simulated: float


def never_reset(model: Model, window_bits: int, texts: Texts) -> NeverReset:
    """Return the bits that windows lose because a byte is in one window as a whole.

    Args:
        model: M1, over bytes; it is reset at each text.
        window_bits: bits per window, more than any byte needs.
        texts: documents.
    """
    documents = symbol_information(model, [as_symbols(text.encode()) for text in texts])
    bits = np.concatenate(documents)
    windows, room = 0, 0.0
    for needed in bits.tolist():
        if needed > room:
            windows, room = windows + 1, float(window_bits)
        room -= needed
    mean = float(bits.mean())
    lost = window_bits - bits.sum() / windows
    return NeverReset(mean, float((bits**2).mean() / (2 * mean)), float(lost))
