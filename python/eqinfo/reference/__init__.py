"""Every stage in plain Python integers: the definition that the native code is tested against.

Nothing here is fast, and nothing is shared with the native code. A module per stage; those that
stand in no list below (`codebook`, `codebook_fit`, `word`, `string_column`, `native_model`) are
imported by name. A window is a pair, a stream is bytes, and a prediction is a list of integer
frequencies.
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
