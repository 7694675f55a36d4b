"""Text to equal-info windows: exact entropy coding of a language model's predictions.

>>> import eqinfo
>>> tokens = eqinfo.encode("Every window of text becomes the same number of bits.")
>>> eqinfo.decode(tokens)
'Every window of text becomes the same number of bits.'
"""

from importlib.metadata import version as _version

from eqinfo import errors, models
from eqinfo.api import decode, decode_batch, decode_bytes, encode, encode_batch, window_codec
from eqinfo.codebook import Codebook
from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.windows import WindowCodec, WindowView
from eqinfo.common.batch import TextBatch, TokenBatch
from eqinfo.container.api import compress, decompress, open
from eqinfo.string_column import StringColumn

__version__ = _version("eqinfo")

__all__ = [
    "ArithmeticCodec",
    "Codebook",
    "CodebookCodec",
    "StringColumn",
    "TextBatch",
    "TokenBatch",
    "WindowCodec",
    "WindowView",
    "compress",
    "decode",
    "decode_batch",
    "decode_bytes",
    "decompress",
    "encode",
    "encode_batch",
    "errors",
    "models",
    "open",
    "window_codec",
]
