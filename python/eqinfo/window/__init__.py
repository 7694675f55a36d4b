"""Equal-info windows: stretches of text that are compressed to the same number of bits each.

`steps` codes windows step by step. `coder` codes whole documents: through `engine` where the
model's answers are remembered, through `lanes` with any model, and through `padded` the windows of
the paper. `stream` codes a document that arrives in pieces.
"""

from eqinfo.window.steps import (
    ENDED,
    MAX_WINDOW_BITS,
    VARIANTS,
    Variant,
    WindowDecoder,
    WindowEncoder,
    codeword_ints,
    empty_window,
    int_codewords,
    max_padded_symbols,
    padded_gap,
    window_precision,
)

__all__ = [
    "ENDED",
    "MAX_WINDOW_BITS",
    "VARIANTS",
    "Variant",
    "WindowDecoder",
    "WindowEncoder",
    "codeword_ints",
    "empty_window",
    "int_codewords",
    "max_padded_symbols",
    "padded_gap",
    "window_precision",
]
