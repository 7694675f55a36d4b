"""The paper's windows as its encoder makes them, whether or not its decoder can read them."""

from __future__ import annotations

from dataclasses import dataclass

from eqinfo.experiment.tokenizations.base import Texts, text_bytes
from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import Model
from eqinfo.range_coder import as_symbols
from eqinfo.window.padded import encode_padded
from eqinfo.window.parameters import WindowParameters
from eqinfo.window.steps import window_precision

__all__ = ["PaperWindows", "paper_windows"]


@dataclass(frozen=True)
class PaperWindows:
    """Results of the paper's encoder (section 3.3) and decoder (appendix D.5).

    Attributes:
        window_bits: bits per window.
        bytes_per_16_bits: bytes of text per 16 bits of windows.
        misread: share of windows that decode to a different text, 0 to 1.
    """

    window_bits: int
    bytes_per_16_bits: float
    misread: float


def paper_windows(model: Model, window_bits: int, texts: Texts) -> PaperWindows:
    """Encode texts, one per lane, with a reset at every window; count windows that are misread."""
    if isinstance(model, NativeModel):
        model = model.without_history()
    parameters = WindowParameters(
        window_bits, window_precision(window_bits, model.vocab_size), "padded", reset_every=1
    )
    documents = [as_symbols(text.encode()) for text in texts]
    encoded = encode_padded(model, documents, parameters, len(documents), checked=False)
    windows = sum(map(len, encoded))
    misread = sum(int(document.misread.sum()) for document in encoded)
    bits = windows * window_bits
    return PaperWindows(window_bits, text_bytes(texts) / bits * 16, misread / max(1, windows))
