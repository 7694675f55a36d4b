"""Every stage in plain Python integers: the definitions that the native code is tested against.

Nothing here is fast, and no code is shared with the native implementation. There is one module per
stage. The names of `frequency`, `range_coder`, `window`, `padded_window` and `bits` are exported
here. The others are imported as modules, because their names repeat: `codebook`, `codebook_fit`,
`word`, `string_column`, `native_model`, `transformer`, `mixer`, `lz77` and `text_features`.

docs/pipeline.md explains the stages and proves their properties; each module names its section.
Throughout, a symbol is an int, a codeword and a token are ints, a stream is bytes, and a prediction
is a list of integer frequencies that sum to 2^precision.
"""

from eqinfo.reference.bits import pack, tokens_of_bits
from eqinfo.reference.frequency import (
    LOGIT_SCALE,
    MAX_QUANTISED,
    Frequencies,
    Predict,
    exp2,
    float32,
    frequencies,
    quantise,
)
from eqinfo.reference.padded_window import (
    delay_encode,
    padded_child,
    padded_codeword,
    padded_decode,
    whole_codewords,
)
from eqinfo.reference.range_coder import (
    WORD,
    RangeDecoder,
    RangeEncoder,
    arithmetic_tokens,
    document_check,
    range_encode,
)
from eqinfo.reference.window import decode_windows, encode_windows, shares

__all__ = [
    "LOGIT_SCALE",
    "MAX_QUANTISED",
    "WORD",
    "Frequencies",
    "Predict",
    "RangeDecoder",
    "RangeEncoder",
    "arithmetic_tokens",
    "decode_windows",
    "delay_encode",
    "document_check",
    "encode_windows",
    "exp2",
    "float32",
    "frequencies",
    "pack",
    "padded_child",
    "padded_codeword",
    "padded_decode",
    "quantise",
    "range_encode",
    "shares",
    "tokens_of_bits",
    "whole_codewords",
]
