"""Equal-info windows: step by step (`steps`), and whole documents on many lanes.

`engine` codes with native models and remembers what they answered, `lanes` with any model, and
`padded` the windows of the paper.
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
